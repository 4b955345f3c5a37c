import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { noWitnesses, parsePackageName } from "@assay/core";
import type { PackageName } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { createUpstreamClient, noCredentials } from "../../platform/network/client.ts";
import { systemResolve } from "../../platform/network/dispatchers.ts";
import { directSettings } from "../../platform/network/settings.ts";
import { runMigrations } from "../../platform/database/migrate.ts";
import { createSqliteDatabase } from "../../platform/database/sqlite.ts";
import type { BindFacts } from "../checksums.ts";
import { createChecksums } from "../checksums.ts";
import { listShards } from "../store-shards.ts";
import { serve } from "../test-log-server.ts";
import { bindFacts, createTestLog, logMigrations, never } from "../test-log.ts";

const secret: BindFacts = { ...bindFacts(1), name: parsePackageName("@acme/secret"), source: "hosted" };
const organisationOf = (name: PackageName): string | undefined => (name.startsWith("@acme/") ? "acme" : undefined);

/** A deployment that follows the log of another one, and sequences its own. */
async function following(t: TestContext) {
  const theirs = await serve(t);
  const folder = tempFolder(t);
  const database = await createSqliteDatabase({ path: `${folder}/db` });
  t.after(() => database[Symbol.asyncDispose]());
  const log = await createTestLog({ database, folder, organisationOf });
  await runMigrations({ database, clock: log.deps.clock }, logMigrations);
  const where = upstreamConfig({ url: theirs.base });
  const { clock, random } = log.deps;
  const client = createUpstreamClient(
    { clock, random, settings: directSettings, resolve: systemResolve },
    where,
    noCredentials,
  );
  t.after(() => client[Symbol.asyncDispose]());
  const remote = {
    url: theirs.base,
    vkey: theirs.newest.vkey,
    witnesses: noWitnesses,
    maxAgeSeconds: undefined,
    tileFolder: `${folder}/tiles`,
  };
  const checksums = await createChecksums({ ...log.deps, remoteClient: client }, { ...log.config, remote });
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  const bind = async (facts: BindFacts) => {
    const claimed = await checksums.ask(facts.name, facts.version).holdAgainst(facts);
    return await database.write(async (tx) => (await checksums.claimBind(tx, claimed)).outcome);
  };
  return { theirs, log, checksums, bind };
}

test("who follows a log keeps its organisations' names at home, and the public ones there", async (t) => {
  const { theirs, log, checksums, bind } = await following(t);
  assert.equal(await bind(secret), "bound");
  assert.equal(await bind(bindFacts(4)), "bound");
  const own = await checksums.lookup(secret.name, secret.version, never);
  assert.match(own?.text ?? "", /\nns org:acme\n/);
  assert.deepEqual(theirs.admitted, [`${bindFacts(4).name}@${bindFacts(4).version}`], "they never heard of the other");
  const shards = await listShards(log.database.read);
  assert.deepEqual(
    shards.map(({ log: of }) => of),
    ["org:acme"],
    "no log of the public namespace is made here",
  );
  const { bundles, missing } = await checksums.logs.bundle(undefined, [secret, bindFacts(4)], never);
  assert.deepEqual(missing, []);
  assert.deepEqual(
    bundles.map(({ origin }) => origin).toSorted(),
    [shards[0]?.origin ?? "", theirs.newest.origin].toSorted(),
  );
  assert.ok(await checksums.logs.proof(undefined, secret.name, secret.version, never));
  assert.equal((await checksums.browser.history(secret.name, undefined, 10)).records.length, 1);
  assert.equal((await checksums.bindsOf(secret.name)).size, 1);
  assert.deepEqual(
    checksums.logs.list().map(({ vkey }) => vkey),
    [theirs.newest.vkey],
  );
  assert.deepEqual(
    checksums.logs.listHosted().map(({ log: of }) => of),
    ["org:acme"],
  );
});

test("what is done at home is recorded at home", async (t) => {
  const { log, checksums, bind } = await following(t);
  await bind(secret);
  const { name, version, manifest: digest } = secret;
  const atMs = log.deps.clock.now();
  await log.database.write(async (tx) => {
    const about = { name, version, source: "hosted", atMs } as const;
    assert.equal(await checksums.claimTag(tx, { ...about, tag: "latest", from: "-", to: version }), true);
    assert.equal(await checksums.claimDeprecate(tx, { ...about, message: digest }), true);
    assert.equal(await checksums.claimHead(tx, { name, packument: digest, atMs }), true);
    assert.equal(await checksums.claimSighting(tx, "gone", about), true);
    assert.equal(await checksums.claimPolicy(tx, { organisation: "acme", policies: digest, actor: "-", atMs }), true);
    assert.equal(await checksums.claimAudit(tx, { organisation: undefined, acts: 1, chain: digest }), true);
    const open = bindFacts(4);
    const moved = { ...about, name: open.name, tag: "latest", from: "-", to: open.version } as const;
    assert.equal(await checksums.claimTag(tx, moved), false, "of public names the other log speaks");
  });
});
