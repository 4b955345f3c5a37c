import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createInstallation, runAssay, startAssay, type Installation } from "@assay/testkit/server-process";
import { parseNamePattern, parsePackageName, type PackageName, type Version } from "@assay/core";
import { missingPostgres, startPostgres } from "@assay/testkit/postgres";
import { packageTgz } from "@assay/testkit/tarball";
import { provenanceBundle } from "../../../test/provenance-bundle.ts";
import { firstMs, writeVerdaccioFolder, type StoredPackage } from "../../../test/verdaccio-folder.ts";
import { loadConfig } from "../../config/load.ts";
import { openOwnedRooms } from "../../owned-rooms.ts";
import { openRooms, type Rooms } from "../../rooms.ts";
import { openVerdaccioStorage, type ImportSource, type MoveOptions, type MoveReport } from "../publishing.ts";
import { attestationsOf, readTags, readVersion } from "../store.ts";
import type { JsonObject } from "../publish/json.ts";
import type { Tables } from "../tables.ts";

const config = `
upstream: {url: "http://127.0.0.1:9"}
hosted:
  - {names: ["@acme/*", "Old-*", "plain"], organisation: acme}
  - {names: ["@signed/*"], organisation: signed, provenance: require, allowedSecrets: ["@signed/tls secrets/env-file .env"]}
  - {names: [small], organisation: small}
publish: {quotas: [small 0 packages]}
`;

interface Place {
  readonly installation: Installation;
  readonly folder: string;
  store(...packages: readonly StoredPackage[]): void;
  /** `change`: what else the source says. */
  move(options?: Partial<MoveOptions>, change?: (source: ImportSource) => ImportSource): Promise<MoveReport>;
  within<T>(work: (rooms: Rooms) => Promise<T>): Promise<T>;
}

/** `open`: with a sequencer of its own, or without any. */
async function place(
  t: TestContext,
  open = openOwnedRooms,
  env: Readonly<Record<string, string>> = {},
): Promise<Place> {
  const installation = await createInstallation();
  t.after(() => installation[Symbol.asyncDispose]());
  const file = path.join(installation.home, "assay.yaml");
  writeFileSync(file, config);
  const folder = path.join(installation.home, "storage");
  const loaded = await loadConfig({
    flags: { config: file, data: installation.data },
    env: { ...env, HOME: installation.home, XDG_STATE_HOME: path.join(installation.home, ".local", "state") },
    cwd: installation.home,
  });
  const within: Place["within"] = async (work) => {
    await using rooms = await open(loaded, { logTo: new PassThrough().resume() });
    return await work(rooms);
  };
  return {
    installation,
    folder,
    store: (...packages) => writeVerdaccioFolder(folder, packages),
    within,
    move: (options = {}, change = (source) => source) =>
      within(async ({ publishing }) =>
        publishing.move(change(await openVerdaccioStorage(folder, 1024 * 1024)), {
          names: [],
          accept: new Set(),
          concurrency: 2,
          signal: new AbortController().signal,
          ...options,
        }),
      ),
  };
}

const rows = (report: MoveReport): readonly string[] =>
  report.notTaken.map(({ name, version, rule }) => `${name}@${version} ${rule}`).sort();

test("two hundred packages come whole, though the process is killed in the middle", async (t) => {
  const { installation, folder, store } = await place(t);
  const packages = Array.from({ length: 200 }, (_, index) => ({
    name: `@acme/p${index}`,
    versions: Array.from({ length: 5 }, (_, minor) => ({
      version: `1.${minor}.0`,
      files: { "i.js": `${index}.${minor}` },
    })),
  }));
  store(...packages);
  const blobs = path.join(installation.data, "blobs", "tarball");
  const stored = (): number => {
    try {
      return readdirSync(blobs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
    } catch {
      return 0;
    }
  };
  const parameters = ["import", "verdaccio", folder, `--data=${installation.data}`, "--json"];
  const first = startAssay(installation, parameters);
  while (stored() < 200) await delay(20);
  first.child.kill("SIGKILL");
  assert.equal((await first.result).exitCode, null);
  assert.ok(stored() < 1000);

  const { exitCode, stdout, stderr } = await runAssay(installation, parameters);
  assert.equal(exitCode, 0, stdout + stderr);
  const report = JSON.parse(stdout) as MoveReport;
  assert.deepEqual(
    { versions: report.versions, packages: report.packages, waiting: report.waiting },
    { versions: 1000, packages: 200, waiting: 0 },
  );
  assert.ok(report.brought < 1000, `${report.brought} came again`);
  assert.equal(stored(), 1000);
});

test("what publishing refuses is named, and taken by the rule's name alone", async (t) => {
  const { store, move, within } = await place(t);
  const secret = { ".env": "PASSWORD=hunter2\n" };
  store(
    {
      name: "@acme/odd",
      versions: [
        { version: "1.0.0", files: { ".git/config": "[core]\n" } },
        { version: "1.1.0", files: secret },
      ],
    },
    { name: "Old-Name", versions: [{ version: "1.0.0" }] },
    { name: "@acme/wild", versions: [{ version: "1.0.0", tarball: Buffer.from("no archive") }] },
    {
      name: "@acme/lying",
      versions: [
        {
          version: "1.0.0",
          manifest: { dependencies: { evil: "1.0.0" } },
          tarball: packageTgz({ name: "@acme/lying", version: "1.0.0" }),
        },
      ],
    },
    { name: "@acme/tagged", versions: [{ version: "1.0.0" }], tags: { latest: "1.0.0", "1.x": "1.0.0" } },
    { name: "small", versions: [{ version: "1.0.0" }] },
    { name: "stranger", versions: [{ version: "1.0.0" }] },
  );
  const refused = await move();
  assert.equal(refused.outcome, "incomplete");
  assert.deepEqual(rows(refused), [
    "@acme/lying@1.0.0 manifest/dependency-added",
    "@acme/odd@1.0.0 archive/git-folder",
    "@acme/odd@1.1.0 secrets/env-file",
    "@acme/tagged@tag 1.x publish/tag",
    "@acme/wild@1.0.0 archive/not-gzip",
    "Old-Name@1.0.0 publish/name",
    "small@1.0.0 import/quota",
    "stranger@undefined import/no-organisation",
  ]);
  assert.deepEqual(refused.differences, []);
  assert.equal(refused.versions, 1);
  assert.match(
    refused.notTaken.find(({ name }) => name === "Old-Name")?.reason ?? "",
    /has such a name from before keeps it, and clients go on asking for it in this very spelling/,
  );

  const accept = new Set([
    "archive/git-folder",
    "secrets/env-file",
    "publish/name",
    "publish/tag",
    "archive/not-gzip",
    "manifest/dependency-added",
  ]);
  const taken = await move({ accept });
  assert.deepEqual(rows(taken), [
    "@acme/lying@1.0.0 manifest/dependency-added",
    "@acme/wild@1.0.0 archive/not-gzip",
    "small@1.0.0 import/quota",
    "stranger@undefined import/no-organisation",
  ]);
  assert.deepEqual(taken.accepted.map(({ rule }) => rule).sort(), [
    "archive/git-folder",
    "publish/name",
    "publish/tag",
    "secrets/env-file",
  ]);
  assert.equal(taken.versions, 4);
  store({ name: "Old-Name", versions: [{ version: "1.0.0" }, { version: "1.1.0" }] });
  const more = await move();
  assert.deepEqual([rows(more), more.brought], [[], 1], "further versions of what is here come without being let pass");
  await within(async ({ names, upstreams }) => {
    assert.equal(names.find(parsePackageName("Old-Name"))?.visibility, "restricted");
    const { versions } = await upstreams.packument(parsePackageName("@acme/odd"));
    assert.equal(versions.size, 2);
  });
});

test("a scope's own rules are for what moves into it too: files that it lets pass, and provenance, of which Verdaccio keeps none", async (t) => {
  const { store, move } = await place(t);
  const versions = [{ version: "1.0.0", files: { ".env": "PASSWORD=hunter2\n" } }];
  store({ name: "@signed/tls", versions }, { name: "@signed/other", versions }, { name: "@acme/tls", versions });
  const refused = await move();
  assert.deepEqual(rows(refused), [
    "@acme/tls@1.0.0 secrets/env-file",
    "@signed/other@1.0.0 provenance/missing",
    "@signed/other@1.0.0 secrets/env-file",
    "@signed/tls@1.0.0 provenance/missing",
  ]);
  assert.equal(refused.versions, 0);
  const taken = await move({ accept: new Set(["provenance/missing"]) });
  assert.deepEqual(rows(taken), ["@acme/tls@1.0.0 secrets/env-file", "@signed/other@1.0.0 secrets/env-file"]);
  assert.deepEqual(
    taken.accepted.map(({ name, rule }) => `${name} ${rule}`),
    ["@signed/tls provenance/missing"],
  );
});

test("provenance comes along when it is about these bytes; who maintained it is told, and owns nothing", async (t) => {
  const { store, move, within } = await place(t);
  const signed = parsePackageName("@signed/ui");
  const maintainers = [{ name: "ada", email: "ada@example.com" }, "bob <bob@example.com>", { name: "ada" }, 5];
  store({ name: signed, versions: ["1.0.0", "1.1.0"].map((version) => ({ version, manifest: { maintainers } })) });
  const bundleFor = ({ version }: { readonly version: string }): JsonObject => {
    const bytes = packageTgz({ name: signed, version, maintainers });
    const sha512 = createHash("sha512")
      .update(version === "1.1.0" ? "other" : bytes)
      .digest("hex");
    return JSON.parse(provenanceBundle({ name: signed, version, sha512 })) as JsonObject;
  };
  const attested = (source: ImportSource): ImportSource => ({
    ...source,
    attestations: async (_name, version) => [bundleFor(version)],
  });
  const report = await move({}, attested);
  assert.deepEqual(rows(report), ["@signed/ui@1.1.0 provenance/missing", "@signed/ui@1.1.0 provenance/subject"]);
  await within(async ({ database, publishing, upstreams, hosting }) => {
    const [row] = await attestationsOf(database.read, signed, "1.0.0" as Version);
    assert.equal(row?.predicate_type, "https://slsa.dev/provenance/v1");
    const [kept] = await publishing.attestations(signed, "1.0.0" as Version);
    assert.deepEqual(kept?.bundle, bundleFor({ version: "1.0.0" }));
    const text = (await readVersion(database.read, signed, "1.0.0"))?.manifest ?? "";
    const listed = JSON.parse(text) as { maintainers: unknown; dist: { attestations?: { provenance: unknown } } };
    assert.deepEqual(listed.dist.attestations?.provenance, { predicateType: "https://slsa.dev/provenance/v1" });
    assert.deepEqual(listed.maintainers, [
      { name: "ada", email: "" },
      { name: "bob", email: "" },
    ]);
    assert.doesNotMatch(text, /example\.com/, "addresses are left out");
    assert.deepEqual(await hosting.organisations.owners(signed), []);
    assert.equal((await upstreams.packument(signed)).versions.size, 1);
  });
  const taken = await move({ accept: new Set(["provenance/subject", "provenance/missing"]) }, attested);
  assert.deepEqual([rows(taken), taken.brought], [[], 1]);
});

/** As beside a server that sequences. */
const openSequenced: typeof openRooms = async (...asked) => {
  const rooms = await openRooms(...asked);
  const stop = new AbortController();
  const running = rooms.checksums.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    await rooms[Symbol.asyncDispose]();
  };
  return { ...rooms, [Symbol.asyncDispose]: end };
};

test("packages come into PostgreSQL as well, and a second run brings nothing", async (t) => {
  const missing = missingPostgres();
  if (missing !== undefined) return t.skip(missing);
  await using postgres = await startPostgres();
  const { store, move } = await place(t, openSequenced, { ASSAY_DATABASE_URL: await postgres.createDatabase("C") });
  store(
    { name: "@acme/one", versions: ["1.0.0", "1.1.0"].map((version) => ({ version })), tags: { latest: "1.0.0" } },
    { name: "plain", versions: [{ version: "1.0.0", manifest: { deprecated: "old" } }] },
  );
  const first = await move();
  assert.deepEqual([rows(first), first.differences, first.brought, first.outcome], [[], [], 3, "complete"]);
  const again = await move();
  assert.deepEqual([again.brought, again.versions, again.waiting, again.outcome], [0, 3, 0, "complete"]);
});

test("bytes that are not what is listed never come; a sha1 is named, nothing at all must be accepted", async (t) => {
  const { store, move } = await place(t);
  const shasum = (version: string): string =>
    createHash("sha1")
      .update(packageTgz({ name: "@acme/old", version }))
      .digest("hex");
  store({
    name: "@acme/old",
    versions: [
      { version: "1.0.0", dist: { shasum: shasum("1.0.0") } },
      { version: "1.1.0", dist: { shasum: "0".repeat(40) } },
      { version: "1.2.0", dist: { integrity: `sha512-${"A".repeat(86)}==` } },
      { version: "1.3.0", dist: {} },
    ],
    tags: { latest: "1.0.0" },
  });
  const report = await move({ accept: new Set(["import/wrong-bytes"]) });
  assert.deepEqual(report.weak, ["@acme/old@1.0.0"]);
  assert.deepEqual(rows(report), [
    "@acme/old@1.1.0 import/wrong-bytes",
    "@acme/old@1.2.0 import/wrong-bytes",
    "@acme/old@1.3.0 import/no-integrity",
  ]);
  const { brought } = await move({ accept: new Set(["import/no-integrity"]) });
  assert.equal(brought, 1);
});

test("what is here with other bytes stays, is said, and fails; what an uplink has is left there", async (t) => {
  const { store, move, within } = await place(t);
  const versions = [{ version: "1.0.0" }, { version: "2.0.0", isElsewhere: true }, { version: "1.1.0" }];
  store({ name: "@acme/one", versions, tags: { latest: "1.1.0" } });
  assert.equal((await move()).outcome, "complete");
  store({ name: "@acme/one", versions: [{ version: "1.0.0", files: { "other.js": "1" } }, { version: "1.1.0" }] });
  const report = await move();
  assert.equal(report.outcome, "incomplete");
  assert.deepEqual(
    report.differences.map(({ name, what }) => `${name} ${what}`),
    ["@acme/one 1.0.0"],
  );
  assert.equal(report.brought, 0);
  assert.equal(report.versions, 1);
  await within(async ({ database, blobs, checksums }) => {
    let count = 0;
    for await (const _ of blobs.list("tarball")) count++;
    assert.equal(count, 2);
    const row = await readVersion(database.read, parsePackageName("@acme/one"), "1.0.0");
    assert.equal(row?.published_by, "import:verdaccio");
    assert.equal(row.published_at_ms, firstMs);
    const proof = await checksums.lookup(row.name as PackageName, row.version as Version, new AbortController().signal);
    assert.match(proof?.shard ?? "", /acme/);
    assert.match(proof?.text ?? "", /bind/);
  });
});

test("tags and deprecations follow until somebody publishes here; then only what is missing comes", async (t) => {
  const { store, move, within } = await place(t);
  const [first, second] = [{ version: "1.0.0" }, { version: "1.1.0" }];
  store({ name: "@acme/one", versions: [first] });
  await move();
  store({
    name: "@acme/one",
    versions: [{ ...first, manifest: { deprecated: "old" }, tarball: plain("1.0.0") }, second],
  });
  const followed = await move();
  assert.deepEqual(followed.notTaken, []);
  assert.deepEqual(followed.differences, []);
  await within(async ({ database }) => {
    const one = parsePackageName("@acme/one");
    assert.deepEqual(await readTags(database.read, one), [{ tag: "latest", version: "1.1.0" }]);
    assert.equal((await readVersion(database.read, one, "1.0.0"))?.deprecated, "old");
    // As a publish here leaves it.
    await database.write((transaction) =>
      transaction
        .withTables<Tables>()
        .updateTable("hosted_versions")
        .set({ published_by: "person:ada" })
        .where("version", "=", "1.1.0")
        .execute(),
    );
  });
  store({ name: "@acme/one", versions: [first, second], tags: { latest: "1.0.0", beta: "1.0.0" } });
  const kept = await move();
  assert.deepEqual(kept.differences, [{ name: "@acme/one", what: "the tag latest", there: "1.0.0", here: "1.1.0" }]);
  await within(async ({ database }) => {
    const tags = await readTags(database.read, parsePackageName("@acme/one"));
    assert.deepEqual(Object.fromEntries(tags.map(({ tag, version }) => [tag, version])), {
      latest: "1.1.0",
      beta: "1.0.0",
    });
  });
});

test("a tarball that is gone, a package that is no JSON and a version that is no version stop nothing else", async (t) => {
  const { store, move, folder } = await place(t);
  store(
    { name: "@acme/gone", versions: [{ version: "1.0.0" }, { version: "1.1.0" }] },
    { name: "@acme/broken", versions: [{ version: "1.0.0" }] },
    { name: "@acme/twice", versions: [{ version: "1.0.0" }] },
    { name: "plain", versions: [{ version: "1.0.0" }, { version: "a b", time: "never" }] },
  );
  rmSync(path.join(folder, "@acme", "gone", "gone-1.0.0.tgz"));
  writeFileSync(path.join(folder, "@acme", "broken", "package.json"), '{"versions": {');
  const twice = path.join(folder, "@acme", "twice", "package.json");
  writeFileSync(twice, readFileSync(twice, "utf8").replace('{"name"', '{"name":"x","name"'));
  const report = await move();
  assert.deepEqual(rows(report), [
    "@acme/broken@undefined import/unreadable",
    "@acme/gone@1.0.0 import/not-found",
    "@acme/twice@undefined import/unreadable",
    "plain@a b import/unreadable",
  ]);
  assert.equal(report.versions, 2);
});

test("patterns choose; a folder that lists nothing needs them", async (t) => {
  const { store, move, folder } = await place(t);
  store({ name: "@acme/one", versions: [{ version: "1.0.0" }] }, { name: "plain", versions: [{ version: "1.0.0" }] });
  assert.equal((await move({ names: [parseNamePattern("@acme/*")] })).versions, 1);
  rmSync(path.join(folder, ".verdaccio-db.json"));
  await assert.rejects(move(), /has no \.verdaccio-db\.json.*--names/);
  assert.equal((await move({ names: [parseNamePattern("*")] })).versions, 2);
  assert.equal((await move({ names: [parseNamePattern("plain")] })).versions, 1);
});

test("where nobody sequences, what came waits for the log, and one wait is enough for all", async (t) => {
  const { store, move } = await place(t, openRooms);
  store({ name: "@acme/one", versions: [{ version: "1.0.0" }] }, { name: "plain", versions: [{ version: "1.0.0" }] });
  const { outcome, versions, waiting } = await move({ concurrency: 1 });
  assert.deepEqual({ outcome, versions, waiting }, { outcome: "complete", versions: 2, waiting: 2 });
});

const plain = (version: string): Uint8Array => packageTgz({ name: "@acme/one", version });
