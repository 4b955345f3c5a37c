/**
 * Where clients are sent for tarballs, and what they write into lockfiles: `tarballs: redirect` and `lockfileUrls`.
 * What came out is recorded, because docs/operations/lockfiles.md says it.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type Client, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { otherBytes } from "@assay/testkit/lies";
import { rawRequest } from "@assay/testkit/raw-http";
import { assertRecorded } from "@assay/testkit/recorded";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import { createUpstreamFamily } from "@assay/testkit/upstream-family";

/** A server with a mirror that clients are sent to, or with the owner's URLs. */
async function open(rest: readonly string[], isRedirecting: boolean) {
  const family = await createUpstreamFamily(["near"]);
  const installation = await createInstallation();
  const text = family.config({ rest });
  const config = isRedirecting ? text.replace("kind: mirror", "kind: mirror\n    tarballs: redirect") : text;
  const server = await startServer(installation, { config });
  return {
    family,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await family[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}

test("clients are sent to a mirror for bound versions only, and not once it is refused or gone there", async () => {
  await using opened = await open([], true);
  const { family, server } = opened;
  const near = family.mirrors["near"];
  assert.ok(near !== undefined);
  const release = family.publish({ name: "@s/a", version: "1.0.0" });
  const get = (headers: Record<string, string> = {}) => rawRequest(server.url, release.path, { headers });
  const first = await get();
  assert.equal(first.status, 200, "what was never seen is verified here first");
  assert.ok(first.body.equals(Buffer.from(release.tarball)));
  const second = await get();
  assert.equal(second.status, 302);
  assert.equal(second.headers["location"], `${near.url}${release.path}`);
  assert.equal(second.headers["cache-control"], "no-store");
  assert.equal((await rawRequest(server.url, release.path, { method: "HEAD" })).status, 302);
  assert.equal((await rawRequest(server.url, "/@s/a/-/a-9.9.9.tgz")).status, 404);
  // The document still names us: npm 12 takes nothing else.
  const { versions } = (await rawRequest(server.url, "/@s%2fa")).json() as {
    versions: Record<string, { dist: { tarball: string } }>;
  };
  assert.equal(versions["1.0.0"]?.dist.tarball, `${server.url}${release.path}`);
});

test("with the owner's URLs every way to a document carries them, but for versions that are bound otherwise", async () => {
  await using opened = await open(["lockfileUrls: upstream", "packuments: { maxAgeSeconds: 0 }"], false);
  const { family, server } = opened;
  const release = family.publish({ name: "a", version: "1.0.0" });
  const other = family.publish({ name: "a", version: "1.1.0" });
  const tarballs = async (accept = "application/json"): Promise<readonly string[]> => {
    const answer = await rawRequest(server.url, "/a", { headers: { accept } });
    const { versions } = answer.json() as { versions: Record<string, { dist: { tarball: string } }> };
    return Object.values(versions).map(({ dist }) => dist.tarball);
  };
  const owners = [release, other].map(({ path: at }) => `${family.registry.url}${at}`);
  assert.deepEqual(await tarballs(), owners);
  assert.deepEqual(await tarballs("application/vnd.npm.install-v1+json"), owners);
  const one = (await rawRequest(server.url, "/a/1.0.0")).json() as { dist: { tarball: string } };
  assert.equal(one.dist.tarball, owners[0]);
  // The same tarball from here is verified and bound as ever.
  assert.equal((await rawRequest(server.url, release.path)).status, 200);
  family.registry.publish({ name: "a", version: "1.0.0", files: { "evil.js": "" }, tag: null });
  assert.deepEqual(await tarballs(), [`${server.url}${release.path}`, owners[1]]);
});

/** Of each family the newest. */
const newest = ["npm12", "pnpm12", "yarn1", "yarn4", "bun", "deno", "vlt"] as const satisfies readonly ClientName[];

/** What a client came to: where its lockfile points, whether it installed, and from where it fetched tarballs. */
interface Outcome {
  readonly lockfile: "our URL" | "our address" | "the owner's URL" | "no URL" | "none written";
  readonly install: "works" | "works past Assay" | "works unverified" | "refuses";
}

describe("what clients write and do", () => {
  const recorded: Record<string, Record<string, Outcome>> = {};
  const folder = mkdtempSync(path.join(tmpdir(), "assay-lockfile-urls-"));
  before(() => installClients((line) => process.stdout.write(`${line}\n`)));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
    assertRecorded("lockfile-urls", recorded);
  });

  function project(name: string): { project: string; home: string; cache: string } {
    const places = Object.fromEntries(
      ["project", "home", "cache"].map((each) => [each, path.join(folder, name, each)]),
    );
    for (const each of Object.values(places)) mkdirSync(each, { recursive: true });
    const manifest = { name: "x", version: "1.0.0", dependencies: { a: "1.0.0" } };
    writeFileSync(path.join(places["project"] ?? "", "package.json"), JSON.stringify(manifest));
    return places as { project: string; home: string; cache: string };
  }

  function pointsTo(client: Client, at: string, ours: string, owners: string): Outcome["lockfile"] {
    const file = path.join(at, client.lockfile);
    if (!existsSync(file)) return "none written";
    const text = readFileSync(file, "utf8");
    if (text.includes(owners)) return "the owner's URL";
    if (text.includes(`${ours}/a/-/`)) return "our URL";
    return text.includes(ours) ? "our address" : "no URL";
  }

  for (const name of newest) {
    const client = clients[name];
    for (const lockfileUrls of ["here", "upstream"] as const) {
      test(`${name} with lockfileUrls: ${lockfileUrls}`, async () => {
        await using opened = await open([`lockfileUrls: ${lockfileUrls}`], false);
        const release = opened.family.publish({ name: "a", version: "1.0.0" });
        const places = project(`${name}-${lockfileUrls}`);
        const run = await client.install({ registry: opened.server.url, ...places });
        const bypassed = opened.family.registry.requests.some(
          ({ path: at, headers }) => at === release.path && headers["user-agent"] !== "assay",
        );
        const lockfile = pointsTo(client, places.project, opened.server.url, opened.family.registry.url);
        const install = run.exitCode !== 0 ? "refuses" : bypassed ? "works past Assay" : "works";
        recorded[name] = { ...recorded[name], [lockfileUrls]: { lockfile, install } };
        if (lockfileUrls === "here") assert.equal(install, "works", run.output);
      });
    }
    test(`${name} sent to a mirror that lies`, async () => {
      await using opened = await open([], true);
      const release = opened.family.publish({ name: "a", version: "1.0.0" });
      assert.equal((await rawRequest(opened.server.url, release.path)).status, 200);
      assert.equal((await rawRequest(opened.server.url, release.path)).status, 302);
      const evil = opened.family.registry.publish({ name: "b", version: "1.0.0" }).tarball;
      const near = opened.family.mirrors["near"];
      near?.lie(release.path, otherBytes(evil));
      const places = project(`${name}-redirect`);
      // Those that ask again and again for bytes that they refuse are ended.
      const patience = { timeoutSeconds: 20, env: { npm_config_fetch_retries: "0" } };
      const run = await client.install({ registry: opened.server.url, ...places, ...patience });
      assert.ok((near?.count(release.path) ?? 0) > 1, run.output);
      const lockfile = pointsTo(client, places.project, opened.server.url, near?.url ?? "");
      const install = run.exitCode === 0 ? "works unverified" : "refuses";
      recorded[name] = { ...recorded[name], lyingRedirect: { lockfile, install } };
    });
  }
});
