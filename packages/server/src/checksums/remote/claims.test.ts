import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRecord, logIndex, parsePackageName, parseVersion, type BindRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { integrityOf } from "@assay/testkit/tiny-log";
import type { Database } from "../../platform/database/database.ts";
import { createEvents } from "../../platform/events/outbox.ts";
import type { BindFacts } from "../claim-facts.ts";
import { recordsAt } from "../store.ts";
import {
  addRemote,
  remoteOf,
  remotesOf,
  setRemoteFork,
  setRemoteVisibility,
  swapRemoteNote,
} from "../store-remotes.ts";
import { logMigrations } from "../test-log.ts";
import { createRemoteClaims } from "./claims.ts";

const id = "remote:0123456789abcdef";
const origin = "sum.example.com/-/log/npm-2026a";
const url = "https://sum.example.com";

const bind: BindRecord = {
  kind: "bind",
  ns: "npm",
  name: parsePackageName("@scope/tool"),
  version: parseVersion("1.2.3"),
  integrity: integrityOf("tool"),
  tree: `t1-${"A".repeat(43)}=`,
  manifest: `sha256-${"A".repeat(43)}=`,
  size: 12,
  source: "their-upstream",
  signer: "-",
  seq: 3,
  prev: logIndex(5),
  time: 1_795_255_200,
  nonce: "-",
};

const { name, version } = bind;
const facts: BindFacts = {
  name,
  version,
  integrity: bind.integrity,
  tree: bind.tree,
  manifest: bind.manifest,
  sizeBytes: bind.size,
  source: "ours",
  signer: "-",
  logged: { origin, records: [{ index: logIndex(9), text: formatRecord(bind) }] },
};

onEveryDatabase("the claims of a followed log", (databases) => {
  const open = () => databases.fresh(...logMigrations);
  function claimsIn(database: Database): ReturnType<typeof createRemoteClaims> {
    return createRemoteClaims(
      { database, clock: createFakeClock(), events: createEvents({ clock: createFakeClock() }) },
      { id, url },
    );
  }

  test("a bind is claimed with its record, at its place there, once; others with the same record are the same", async () => {
    const database = await open();
    const claims = claimsIn(database);
    const claim = () => database.write((transaction) => claims.claimBind(transaction, facts));
    const outcomes = await Promise.all([claim(), claim(), claim()]);
    assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ["bound", "same", "same"]);
    const standing = (await claims.bindsOf(name)).get(version);
    assert.equal(standing?.integrity, bind.integrity);
    assert.equal(standing?.source, "their-upstream", "what the record says, not who served us");
    assert.equal((await recordsAt(database.read, origin, [9])).get(9), formatRecord(bind));
    const other = { ...facts, integrity: integrityOf("other") };
    assert.equal((await database.write((transaction) => claims.claimBind(transaction, other))).outcome, "differs");
  });

  test("what superseded a bind stands", async () => {
    const database = await open();
    const claims = claimsIn(database);
    const better = integrityOf("better");
    const { kind: _kind, ...rest } = bind;
    const supersede = formatRecord({
      ...rest,
      kind: "supersede",
      integrity: better,
      supersedes: logIndex(9),
      approval: `sha256-${"A".repeat(43)}=`,
      seq: 4,
      prev: logIndex(9),
    });
    const records = [...(facts.logged?.records ?? []), { index: logIndex(11), text: supersede }];
    const replaced = { ...facts, integrity: better, logged: { origin, records } };
    assert.equal((await database.write((transaction) => claims.claimBind(transaction, replaced))).outcome, "bound");
    assert.equal((await claims.bindsOf(name)).get(version)?.integrity, better);
  });

  test("nothing is claimed without a record, and nothing but binds, conflicts and sightings", async () => {
    const database = await open();
    const claims = claimsIn(database);
    const { logged: _logged, ...bare } = facts;
    await assert.rejects(
      database.write((transaction) => claims.claimBind(transaction, bare)),
      /without its record/,
    );
    const conflict = {
      name,
      version,
      source: "m",
      integrity: integrityOf("x"),
      tree: "-",
      manifest: "-",
      evidence: "-",
      from: "bytes" as const,
    };
    const once = () => database.write((transaction) => claims.claimConflict(transaction, conflict));
    assert.deepEqual([await once(), await once()], [true, false]);
    const seen = { name, version, integrity: bind.integrity, manifest: "-", source: "m" };
    assert.equal(await database.write((transaction) => claims.claimSeen(transaction, seen)), false);
    assert.equal((await claims.bindsOf(name)).size, 0);
  });
});

onEveryDatabase("the state of followed logs", (databases) => {
  const open = () => databases.fresh(...logMigrations);
  const row = { log: id, origin, number: 0, note: undefined, createdAtMs: 1 };

  test("of two swaps from one checkpoint one wins, in any order of a null and a text", async () => {
    const database = await open();
    await database.write((transaction) => addRemote(transaction, { ...row, vkey: "a" }));
    const swap = (previous: string | undefined, note: string) =>
      database.write((transaction) => swapRemoteNote(transaction, "a", previous, { note, atMs: 7 }));
    const raced = await Promise.all([swap(undefined, "one"), swap(undefined, "two")]);
    assert.equal(raced.filter(Boolean).length, 1);
    const { note = "" } = (await remoteOf(database.read, "a")) ?? {};
    assert.deepEqual(
      [await swap("other", "three"), await swap(undefined, "three"), await swap(note, "three")],
      [false, false, true],
    );
    assert.deepEqual(await remoteOf(database.read, "a"), {
      vkey: "a",
      log: id,
      origin,
      number: 0,
      visibility: "private",
      note: "three",
      noteAtMs: 7,
      fork: undefined,
    });
  });

  test("a row is made once, the first evidence of a fork stays, shards come newest first", async () => {
    const database = await open();
    await database.write(async (transaction) => {
      await addRemote(transaction, { ...row, vkey: "a", note: "final" });
      await addRemote(transaction, { ...row, vkey: "a", note: "again" });
      await addRemote(transaction, { ...row, vkey: "b", origin: "b", number: 1 });
      await addRemote(transaction, { ...row, vkey: "z", origin: "z", number: -1 });
      await setRemoteVisibility(transaction, "b", "public");
    });
    const fork = (key: string) => database.write((transaction) => setRemoteFork(transaction, "a", key));
    assert.deepEqual([await fork("first"), await fork("second")], [true, false]);
    const rows = await remotesOf(database.read, id);
    assert.deepEqual(
      rows.map(({ vkey, note, visibility, fork: found }) => [vkey, note, visibility, found]),
      [
        ["b", undefined, "public", undefined],
        ["a", "final", "private", "first"],
        ["z", undefined, "private", undefined],
      ],
    );
    assert.deepEqual(await remotesOf(database.read, "remote:other"), []);
  });
});
