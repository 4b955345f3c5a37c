import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import type { EitherKind } from "../platform/events/kinds.ts";
import { createEvents, eventMigrations } from "../platform/events/outbox.ts";
import {
  checkTrail,
  createAuditTrail,
  insightMigrations,
  parseEntryLine,
  type Anchor,
  type AuditEntry,
} from "./insight.ts";
import type { InsightTables } from "./tables.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

onEveryDatabase("the audit trail", (databases) => {
  async function open() {
    const database = await databases.fresh(eventMigrations, insightMigrations);
    const clock = createFakeClock();
    const events = createEvents({ clock });
    const anchors: Anchor[] = [];
    const trail = () =>
      createAuditTrail({
        database,
        clock,
        telemetry: { log },
        anchor: async (_transaction, anchor) => {
          anchors.push(anchor);
          return true;
        },
      });
    const happen = (kind: string, who?: string, organisation?: string) =>
      database.write((transaction) =>
        events.record(transaction, {
          kind: kind as EitherKind,
          subject: `npm @acme/ui@${kind}`,
          data: { size: 1, organisation: organisation ?? null },
          act:
            who === undefined
              ? undefined
              : { who, address: "127.0.0.1", action: "publish", policy: "teams-write", result: "done" },
        }),
      );
    const all = async (audit = trail()) => await Array.fromAsync(audit.all());
    return { database, clock, anchors, trail, happen, all, events };
  }

  test("what happened stands in it once, in order, each entry covering the one before", async () => {
    const { trail, happen, all } = await open();
    const audit = trail();
    await happen("token.created", "person:ada", "acme");
    await happen("release.bound");
    await happen("key.added");
    await audit.catchUp();
    await audit.catchUp();
    await happen("token.revoked", "person:ada");
    await audit.catchUp();
    const entries = await all(audit);
    assert.deepEqual(
      entries.map(({ seq, kind, act }) => [seq, kind, act?.who]),
      [
        [1, "token.created", "person:ada"],
        [2, "key.added", undefined],
        [3, "token.revoked", "person:ada"],
      ],
    );
    assert.deepEqual(
      entries.map(({ prev }) => prev),
      ["-", entries[0]?.hash, entries[1]?.hash],
    );
    const check = await checkTrail(entries, []);
    assert.deepEqual([check.acts, check.chain, check.problems], [3, entries[2]?.hash, []]);
  });

  test("several processes write one trail", async () => {
    const { trail, happen, all } = await open();
    for (let index = 0; index < 20; index += 1) await happen(`token.created${index}`);
    await Promise.all([trail(), trail(), trail()].map((audit) => audit.catchUp()));
    const check = await checkTrail(await all(), []);
    assert.deepEqual([check.acts, check.problems], [20, []]);
  });

  test("an event whose transaction commits after a later one is not lost", async () => {
    const { database, clock, trail, happen, all } = await open();
    const audit = trail();
    await happen("a.first");
    await happen("a.second");
    await happen("a.third");
    const tables = database.read.withTables<InsightTables>();
    const { id } = await tables
      .selectFrom("events")
      .select("id")
      .where("kind", "=", "a.second")
      .executeTakeFirstOrThrow();
    // As if it had not been committed yet when the third was written down.
    await database.write(async (transaction) => {
      await transaction
        .withTables<InsightTables>()
        .updateTable("events")
        .set({ audited: 0 })
        .where("id", "=", id)
        .execute();
    });
    await audit.catchUp();
    await database.write(async (transaction) => {
      await transaction
        .withTables<InsightTables>()
        .updateTable("events")
        .set({ audited: 1 })
        .where("id", "=", id)
        .execute();
    });
    await clock.advance(60_000);
    await audit.catchUp();
    assert.deepEqual(
      (await all(audit)).map(({ kind }) => kind),
      ["a.first", "a.third", "a.second"],
    );
  });

  test("whatever is changed in it is found", async () => {
    const { database, trail, happen, all } = await open();
    const audit = trail();
    for (const kind of ["a.one", "a.two", "a.three"]) await happen(kind, "person:ada");
    await audit.catchUp();
    const whole = await all(audit);
    const anchor = { acts: 3, chain: whole[2]?.hash ?? "" };
    const tamper = async (change: Partial<InsightTables["audit_entries"]>): Promise<readonly string[]> => {
      const before = await database.read
        .withTables<InsightTables>()
        .selectFrom("audit_entries")
        .selectAll()
        .where("seq", "=", 2)
        .executeTakeFirstOrThrow();
      const set = (values: Partial<InsightTables["audit_entries"]>) =>
        database.write(async (transaction) => {
          await transaction
            .withTables<InsightTables>()
            .updateTable("audit_entries")
            .set(values)
            .where("event", "=", before.event)
            .execute();
        });
      await set(change);
      const { problems } = await checkTrail(await all(audit), [anchor]);
      await set(before);
      return problems;
    };
    for (const change of [
      { subject: "npm @acme/other@1.0.0" },
      { kind: "a.other" },
      { at_ms: 1 },
      { data: `{"size":2,"organisation":null}` },
      { act: null },
      { act: `{"who":"person:eve","address":"","action":"publish","policy":"","result":"done"}` },
      { hash: "sha256-x" },
      { prev: "-" },
      { seq: 99 },
    ])
      assert.equal((await tamper(change)).length, 1, JSON.stringify(change));
    assert.deepEqual((await checkTrail(await all(audit), [anchor])).problems, []);
    // Cut off behind the second: only the anchor knows.
    assert.match((await checkTrail(whole.slice(0, 2), [anchor])).problems.join(), /record of 3 acts.*ends after 2/);
    assert.match((await checkTrail([], [anchor])).problems.join(), /ends after 0/);
  });

  test("a chain that was made anew from the changed entry on is found by its anchor", async () => {
    const { trail, happen, all } = await open();
    const audit = trail();
    await happen("a.one", "person:ada");
    await audit.catchUp();
    const [honest] = await all(audit);
    const forged = await open();
    await forged.happen("a.one", "person:eve");
    const other = forged.trail();
    await other.catchUp();
    const { problems, anchored } = await checkTrail(await forged.all(other), [{ acts: 1, chain: honest?.hash ?? "" }]);
    assert.match(problems.join(), /not the one that the log has a record of/);
    assert.equal(anchored, 1);
  });

  test("its end is anchored", async () => {
    const { trail, happen, anchors, all } = await open();
    const audit = trail();
    await audit.anchorNow();
    assert.deepEqual(anchors, []);
    await happen("a.one");
    await audit.catchUp();
    await audit.anchorNow();
    assert.deepEqual(anchors, [{ acts: 1, chain: (await all(audit))[0]?.hash }]);
  });

  test("is found by who, what, when and whose", async () => {
    const { trail, happen, clock } = await open();
    const audit = trail();
    await happen("token.created", "person:ada", "acme");
    await clock.advance(1000);
    const later = clock.now();
    await happen("tokens.else", "person:eve", "other");
    await happen("token.revoked", "person:eve");
    await audit.catchUp();
    const none = {
      organisation: undefined,
      who: undefined,
      kind: undefined,
      fromMs: undefined,
      untilMs: undefined,
      after: undefined,
      before: undefined,
    };
    const numbers = async (filter: Partial<Parameters<typeof audit.list>[0]>, limit = 10) =>
      (await audit.list({ ...none, ...filter }, limit)).map(({ seq }) => seq);
    assert.deepEqual(await numbers({}), [3, 2, 1]);
    assert.deepEqual(await numbers({ organisation: "acme" }), [1]);
    assert.deepEqual(await numbers({ who: "person:eve" }), [3, 2]);
    assert.deepEqual(await numbers({ kind: "token." }), [3, 1]);
    assert.deepEqual(await numbers({ kind: "token.created" }), [1]);
    assert.deepEqual(await numbers({ fromMs: later }), [3, 2]);
    assert.deepEqual(await numbers({ untilMs: later }), [1]);
    assert.deepEqual(await numbers({ before: 3 }, 1), [2]);
    assert.deepEqual(await numbers({ after: 1 }, 1), [2]);
  });

  test("a line of an export is the entry again", async () => {
    const { trail, happen, all } = await open();
    const audit = trail();
    await happen("a.one", "person:ada");
    await audit.catchUp();
    const entries = await all(audit);
    const again: AuditEntry[] = entries.map((entry) => parseEntryLine(JSON.stringify(entry)));
    assert.equal(canonicalJson(again), canonicalJson(entries));
    for (const bad of ["{}", "[]", "no", `{"seq":1,"seq":2}`]) assert.throws(() => parseEntryLine(bad), /./);
  });
});
