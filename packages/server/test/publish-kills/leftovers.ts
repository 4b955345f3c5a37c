/** What rows and files hold when all is over: every version that is there is whole, and nothing is there besides. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { collectOrphans } from "../../src/admission/orphans.ts";
import { clearTemporaryBlobs, createFileBlobStore } from "../../src/platform/blobs/files.ts";
import { openDatabase } from "../../src/platform/database/open.ts";
import { createSystemClock } from "../../src/platform/system-clock.ts";
import { createSystemRandom } from "../../src/platform/system-random.ts";
import type { KilledRegistry } from "./killed-registry.ts";
import type { Attempt } from "./plan.ts";
import type { Row, Tables } from "./tables.ts";

const abandonedMs = 3_600_000;
const hoursMs = 2 * 3_600_000;

/** For when no server runs, after a clean end. `present`: every version that must be there, and no other. */
export async function assertNothingElse(registry: KilledRegistry, present: readonly Attempt[]): Promise<void> {
  await collect(registry);
  const referred = await registry.withTables((tables) => assertRows(tables, present));
  assert.deepEqual(registry.files("spool"), []);
  assert.deepEqual(registry.files("blobs/+temporary"), []);
  for (const kind of ["tarball", "manifest", "attestation"]) {
    const found = registry.files(`blobs/${kind}`);
    const expected = referred.filter((file) => file.startsWith(`blobs/${kind}/`));
    assert.deepEqual(found.toSorted(), expected.toSorted(), `blobs of the kind ${kind}`);
    for (const file of found) assertHoldsItsName(path.join(registry.installation.data, file));
  }
  const fsck = await registry.assay("log", "fsck");
  assert.equal(fsck.exitCode, 0, fsck.stdout + fsck.stderr);
}

/** What a server does each hour, two hours later. */
async function collect({ installation, env }: KilledRegistry): Promise<void> {
  const clock = createSystemClock();
  const later = { ...clock, now: () => (clock.now() + hoursMs) as ReturnType<typeof clock.now> };
  const random = createSystemRandom();
  const url = env["ASSAY_DATABASE_URL"];
  await using database = await openDatabase(
    { clock, random },
    url === undefined
      ? { engine: "sqlite", path: path.join(installation.data, "assay.db") }
      : { engine: "postgres", url },
  );
  const folder = path.join(installation.data, "blobs");
  await clearTemporaryBlobs(folder, later.now() - abandonedMs);
  const blobs = await createFileBlobStore({ random }, { folder });
  await collectOrphans({ blobs, database, clock: later }, new AbortController().signal);
}

/** Answers the files of the blobs that rows refer to. */
async function assertRows({ rows }: Tables, present: readonly Attempt[]): Promise<readonly string[]> {
  const of = async (columns: string, from: string): Promise<readonly Row[]> =>
    await rows(`select ${columns} from ${from}`);
  const texts = (found: readonly Row[]): string[] => found.map((row) => Object.values(row).join(" ")).toSorted();
  const specs = present.map(({ name, version }) => `${name} ${version}`).toSorted();
  const integrities = present
    .map(({ name, version, sha512 }) => `${name} ${version} ${integrityOf(sha512)}`)
    .toSorted();
  const names = [...new Set(present.map(({ name }) => name))].toSorted();
  const versions = await of("name, version, integrity, manifest", "hosted_versions");
  assert.deepEqual(
    texts(
      versions.map(({ name, version, integrity }) => ({
        name: name ?? "",
        version: version ?? "",
        integrity: integrity ?? "",
      })),
    ),
    integrities,
  );
  assert.deepEqual(texts(await of("name", "hosted_documents")), names);
  assert.deepEqual(texts(await of("name", "hosted_packages")), names);
  assert.deepEqual(texts(await of("name", "search_packages")), names);
  assert.deepEqual(texts(await of("name, version", "releases")), specs);
  assert.deepEqual(texts(await of("name, version, integrity", "release_signatures")), integrities);
  assert.deepEqual(
    texts(await of("subject", "events where kind = 'release.published'")),
    present.map(({ name, version }) => `npm ${name}@${version}`).toSorted(),
  );

  const binds = await of("name, version, facts, idx", "log_claims where kind = 'bind' and log like 'org:%'");
  assert.deepEqual(texts(binds.map(({ name, version }) => ({ name: name ?? "", version: version ?? "" }))), specs);
  for (const { name, version, facts, idx } of binds) {
    assert.ok(idx !== null, `${name}@${version} is claimed and not in the tree`);
    const attempt = present.find((one) => one.name === name && one.version === version);
    assert.ok(String(facts).includes(`\nintegrity ${integrityOf(attempt?.sha512 ?? "")}\n`), String(facts));
  }

  const tags = await of("name, tag, version", "hosted_tags");
  for (const { name, tag, version } of tags) {
    const by = present.filter((one) => one.name === name);
    const set = by.find((one) => one.version === version);
    assert.ok(set !== undefined, `the tag ${tag} of ${name} points at ${version}, which is not there`);
    assert.ok(set.tag === tag || (tag === "latest" && by.length > 0), `${name}@${version} was not published as ${tag}`);
  }
  for (const name of names)
    assert.ok(
      tags.some((row) => row["name"] === name && row["tag"] === "latest"),
      `${name} has no latest`,
    );

  const proven = present.filter(({ hasProvenance }) => hasProvenance);
  const attestations = await of("name, version, digest", "hosted_attestations");
  assert.deepEqual(
    texts(attestations.map(({ name, version }) => ({ name: name ?? "", version: version ?? "" }))),
    proven.map(({ name, version }) => `${name} ${version}`).toSorted(),
  );

  assert.deepEqual(await of("key", "admission_doomed"), []);
  const kept = texts(await of("key", "admission_blobs"));
  const tarballs = present.map(({ sha512 }) => `tarball/${sha512.slice(0, 2)}/${sha512}`);
  assert.deepEqual(
    kept.filter((key) => key.startsWith("tarball/")),
    tarballs.toSorted(),
  );
  assert.equal(kept.filter((key) => key.startsWith("manifest/")).length, present.length);
  assert.deepEqual(
    kept.filter((key) => key.startsWith("attestation/")),
    attestations.map(({ digest }) => `attestation/${String(digest).slice(0, 2)}/${digest}`).toSorted(),
  );
  return kept.map((key) => `blobs/${key}`);
}

function integrityOf(sha512: string): string {
  return `sha512-${Buffer.from(sha512, "hex").toString("base64")}`;
}

function assertHoldsItsName(file: string): void {
  const name = path.basename(file);
  const algorithm = name.length === 64 ? "sha256" : "sha512";
  assert.equal(createHash(algorithm).update(readFileSync(file)).digest("hex"), name, file);
}
