import assert from "node:assert/strict";
import { after, test } from "node:test";
import { epochMs, parsePackageName, parseRecord, parseVersion } from "@assay/core";
import type { LogRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Transaction } from "../platform/database/database.ts";
import type { ConfirmFacts, KeyFacts, SeenFacts, TagFacts } from "./claim-facts.ts";
import type { Checksums } from "./checksums.ts";
import { entriesBetween } from "./store.ts";
import { assertSound, bindFacts, createTestLog, logMigrations } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";

const { name, version, integrity, manifest } = bindFacts(1);
const statement = bindFacts(2).manifest;
const dayMs = 24 * 60 * 60 * 1000;

/** Noon, so that a few hours more are the same day. */
const noon = epochMs(20_000 * dayMs + dayMs / 2);

onEveryDatabase("claims of events", (databases) => {
  const folder = () => tempFolder({ after });
  const freshRoom = async (): Promise<{ log: TestLog; checksums: Checksums; claim: Claim }> => {
    const clock = createFakeClock();
    const log = await createTestLog({ database: await databases.fresh(...logMigrations), folder: folder(), clock });
    const checksums = await log.open();
    const claim: Claim = (work) => log.database.write((transaction) => work(checksums, transaction));
    return { log, checksums, claim };
  };
  type Claim = <T>(work: (checksums: Checksums, transaction: Transaction) => Promise<T>) => Promise<T>;

  /** What the log holds after all claims became records: without places, in order. */
  const recordsOf = async (log: TestLog): Promise<LogRecord[]> => {
    const checksums = await log.settle();
    await assertSound(log, checksums, []);
    const [shard] = checksums.logs.list();
    assert.ok(shard);
    const entries = await entriesBetween(log.database.read, shard.shard, 0, 10_000);
    return entries.map((entry) => parseRecord(entry.record));
  };
  const kindsOf = async (log: TestLog): Promise<string[]> => (await recordsOf(log)).map((record) => record.kind);

  test("a sighted listing is one record for each source and content, bound or not", async () => {
    const { log, claim } = await freshRoom();
    const facts: SeenFacts = { name, version, integrity, manifest, source: "npm" };
    const seen = (change: Partial<SeenFacts> = {}) =>
      claim((checksums, transaction) => checksums.claimSeen(transaction, { ...facts, ...change }));
    assert.equal(await seen(), true);
    assert.equal(await seen(), false);
    assert.equal(await seen({ source: "mirror" }), true);
    assert.equal(await seen({ integrity: "-" }), true);
    assert.equal(await seen({ manifest: statement }), true);
    assert.deepEqual(await kindsOf(log), ["seen", "seen", "seen", "seen"]);
  });

  test("a sighting binds nothing", async () => {
    const { checksums, claim } = await freshRoom();
    await claim((room, transaction) =>
      room.claimSeen(transaction, { name, version, integrity, manifest, source: "npm" }),
    );
    assert.equal((await checksums.bindsOf(name)).size, 0);
  });

  test("another source confirms the bytes that are bound, once, and no others", async () => {
    const { log, checksums, claim } = await freshRoom();
    const confirm = (change: Partial<ConfirmFacts> = {}) =>
      claim((room, transaction) =>
        room.claimConfirm(transaction, { name, version, integrity, source: "mirror", ...change }),
      );
    assert.equal(await confirm(), false, "nothing is bound");
    await claim((room, transaction) => room.claimBind(transaction, bindFacts(1)));
    assert.equal(await confirm({ source: "npm" }), false, "it is the source that was bound from");
    assert.equal(await confirm({ integrity: bindFacts(2).integrity }), false, "these bytes are not bound");
    assert.equal(await confirm(), true);
    assert.equal(await confirm(), false);
    assert.equal(await confirm({ source: "other" }), true);
    assert.equal((await checksums.bindsOf(name)).get(version)?.source, "npm");
    const records = await kindsOfBound(log);
    assert.deepEqual(records, ["bind", "confirm", "confirm"]);
  });

  const kindsOfBound = async (log: TestLog): Promise<string[]> => {
    const checksums = await log.settle();
    await assertSound(log, checksums, [1]);
    const shard = checksums.logs.list()[0]?.shard ?? "";
    return (await entriesBetween(log.database.read, shard, 0, 10_000)).map((entry) => parseRecord(entry.record).kind);
  };

  const moveTag = (claim: Claim, change: Partial<TagFacts> = {}) =>
    claim((room, transaction) =>
      room.claimTag(transaction, {
        name,
        tag: "latest",
        from: version,
        to: parseVersion("0.9.0"),
        source: "npm",
        atMs: noon,
        ...change,
      }),
    );

  test("a tag that moved is recorded for packages with a bind, once for each time", async () => {
    const { log, claim } = await freshRoom();
    assert.equal(await moveTag(claim), false, "nothing is bound");
    // Neither is a package whose name begins like it.
    const other = { ...bindFacts(1), name: parsePackageName(`${name}-2`) };
    await claim((room, transaction) => room.claimBind(transaction, other));
    assert.equal(await moveTag(claim), false, "another package is bound");
    await claim((room, transaction) => room.claimBind(transaction, bindFacts(1)));
    assert.equal(await moveTag(claim), true);
    assert.equal(await moveTag(claim), false);
    assert.equal(await moveTag(claim, { from: "-", to: "-" }), false, "it did not move");
    assert.equal(await moveTag(claim, { tag: "next", from: "-" }), true);
    assert.equal(await moveTag(claim, { tag: "next", to: "-", atMs: epochMs(noon + 1) }), true);
    assert.deepEqual(await kindsOfBound(log), ["bind", "bind", "tag", "tag", "tag"]);
  });

  test("tags that move all day are recorded fifty times a day for each source", async () => {
    const { claim } = await freshRoom();
    await claim((room, transaction) => room.claimBind(transaction, bindFacts(1)));
    let recorded = 0;
    for (let i = 0; i < 60; i += 1)
      if (await moveTag(claim, { tag: `t${i % 7}`, atMs: epochMs(noon + i) })) recorded += 1;
    assert.equal(recorded, 50);
    assert.equal(await moveTag(claim, { source: "mirror" }), true);
    assert.equal(await moveTag(claim, { atMs: epochMs(noon + dayMs) }), true);
  });

  test("every move of a tag that is made here is recorded, and every unpublish", async () => {
    const { claim } = await freshRoom();
    await claim((room, transaction) => room.claimBind(transaction, { ...bindFacts(1), source: "hosted" }));
    for (let i = 0; i < 60; i += 1)
      assert.equal(await moveTag(claim, { source: "hosted", atMs: epochMs(noon + i) }), true);
    const see = (kind: "gone" | "back", atMs: number) =>
      claim((room, transaction) =>
        room.claimSighting(transaction, kind, { name, version, source: "hosted", atMs: epochMs(atMs) }),
      );
    for (let i = 0; i < 6; i += 1) {
      assert.equal(await see("gone", noon + i), true);
      assert.equal(await see("back", noon + i), true);
    }
  });

  test("a tag that no record can hold is refused", async () => {
    const { claim } = await freshRoom();
    await claim((room, transaction) => room.claimBind(transaction, bindFacts(1)));
    await assert.rejects(moveTag(claim, { tag: "la test" }), { code: "BAD_FORMAT" });
  });

  test("gone and back alternate, four times a day at most", async () => {
    const { log, claim } = await freshRoom();
    await claim((room, transaction) => room.claimBind(transaction, bindFacts(1)));
    const see = (kind: "gone" | "back", atMs: number, source = "npm") =>
      claim((room, transaction) =>
        room.claimSighting(transaction, kind, { name, version, source, atMs: epochMs(atMs) }),
      );
    assert.equal(await see("back", noon), false, "it was never gone");
    const recorded: string[] = [];
    for (let i = 0; i < 10; i += 1)
      for (const kind of ["gone", "back"] as const) if (await see(kind, noon + i)) recorded.push(kind);
    assert.deepEqual(recorded, ["gone", "back", "gone", "back", "gone", "back", "gone", "back"]);
    assert.equal(await see("gone", noon + 20), false, "the day has had its four");
    assert.equal(await see("back", noon + 21), false, "what was not recorded as gone does not come back");
    assert.equal(await see("gone", noon + 22, "mirror"), true, "another source has its own");
    assert.equal(await see("gone", noon + dayMs), true);
    assert.equal(await see("gone", noon + dayMs + 1), false, "it is gone already");
    assert.equal((await kindsOfBound(log)).length, 11);
  });

  test("a delegation is recorded once for each statement, and never to the same registry", async () => {
    const { log, claim } = await freshRoom();
    const delegate = (change = {}) =>
      claim((room, transaction) =>
        room.claimDelegate(transaction, { name, from: "npm", to: "example-org", statement, ...change }),
      );
    assert.equal(await delegate(), true);
    assert.equal(await delegate(), false);
    assert.equal(await delegate({ from: "example-org", to: "npm", statement: manifest }), true);
    await assert.rejects(delegate({ to: "npm" }), { code: "BAD_FORMAT" });
    assert.deepEqual(await kindsOf(log), ["delegate", "delegate"]);
  });

  test("keys are added and retired once each, in a chain of their own", async () => {
    const { log, claim } = await freshRoom();
    const facts: KeyFacts = {
      action: "add",
      use: "registry-signature",
      owner: "npm",
      keyid: "SHA256:abc",
      key: statement,
    };
    const claimKey = (change: Partial<KeyFacts> = {}) =>
      claim((room, transaction) => room.claimKey(transaction, { ...facts, ...change }));
    assert.equal(await claimKey(), true);
    assert.equal(await claimKey(), false);
    await claim((room, transaction) =>
      room.claimSeen(transaction, { name, version, integrity, manifest, source: "npm" }),
    );
    assert.equal(await claimKey({ action: "retire" }), true);
    assert.equal(await claimKey({ key: manifest }), true);
    await assert.rejects(claimKey({ keyid: "-" }), { code: "BAD_FORMAT" });
    const chain = (await recordsOf(log)).map((record) =>
      record.kind === "unknown" ? undefined : [record.kind, record.seq, record.prev],
    );
    assert.deepEqual(chain, [
      ["key", 1, "-"],
      ["seen", 1, "-"],
      ["key", 2, 0],
      ["key", 3, 2],
    ]);
  });
});
