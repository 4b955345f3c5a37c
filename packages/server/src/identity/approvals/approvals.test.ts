import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { parseApprovalRule } from "../../config/kinds.ts";
import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";
import { createEvents, eventMigrations } from "../../platform/events/outbox.ts";
import { createPermissions, openPolicySets } from "../permissions/permissions.ts";
import { aPackage, bot, createTestFacts, nobodys, person } from "../permissions/test-facts.ts";
import { approvalMigrations, createApprovals, type NewApproval } from "./approvals.ts";
import { ruleFor } from "./rules.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

const officeOnly = `@id("office") @reason("only the office approves") forbid (principal, action == Assay::Action::"approve", resource)
unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };`;

/** What the handler of the tests does, so that it can be counted. */
const carriedOutMigrations: Migrations = {
  "0999-test-carried-out": {
    async up(transaction) {
      const { table, text } = columns(transaction);
      await table("carried_out")
        .addColumn("what", text, (column) => column.notNull())
        .execute();
    },
  },
};
type CarriedOut = { carried_out: { what: string } };
type EventRows = { events: { kind: string; subject: string; data: string } };

test("the organisation's own rule goes before the one for all", () => {
  const rules = ["publish needs 1", "publish in acme needs 2"].flatMap((text) => parseApprovalRule(text) ?? []);
  assert.equal(ruleFor(rules, "publish", "acme")?.needed, 2);
  assert.equal(ruleFor(rules, "publish", "other")?.needed, 1);
  assert.equal(ruleFor(rules, "publish", undefined)?.needed, 1);
  assert.equal(ruleFor(rules, "tag", "acme"), undefined);
});

onEveryDatabase("approvals", (databases) => {
  async function open(failing?: () => void, preparing: () => Promise<void> = async () => {}) {
    const prepared: string[] = [];
    const told: string[] = [];
    const gone = new Set<string>();
    const database = await databases.fresh(eventMigrations, approvalMigrations, carriedOutMigrations);
    const clock = createFakeClock();
    const facts = createTestFacts();
    for (const name of ["olga", "otto2", "olivia"])
      facts.holders.set(name, {
        ...nobodys,
        organisations: [{ name: "acme", role: "owner" }],
        teams: name === "olivia" ? [{ organisation: "acme", team: "release" }] : [],
      });
    const policies = await openPolicySets({ read: "anyone", folder: undefined, installation: "approvals" });
    const permissions = createPermissions({ ...facts, policies, telemetry: { log } }, { read: "anyone" });
    const carry =
      (word: string) =>
      async (
        transaction: Parameters<NonNullable<typeof database.write>>[0] extends (t: infer T) => unknown ? T : never,
        { payload }: { readonly payload: unknown },
      ) => {
        await transaction
          .withTables<CarriedOut>()
          .insertInto("carried_out")
          .values({ what: `${word} ${String(payload)}` })
          .execute();
        failing?.();
      };
    const approvals = createApprovals(
      {
        database,
        clock,
        random: createSeededRandom(1),
        events: createEvents({ clock }),
        telemetry: { log },
        permissions,
        facts: facts.facts,
        standing: async (id) => (gone.has(id) ? undefined : person(id.slice("person:".length))),
        handlers: () => ({
          publish: {
            prepare: async ({ approval, approver }) => {
              await preparing();
              prepared.push(`${approver.name} of ${approval.votes.length}`);
              return prepared.length;
            },
            execute: async (transaction, approved) => {
              assert.equal(typeof approved.prepared, "number");
              await carry("did")(transaction, approved);
            },
            after: async ({ approver }) => {
              told.push(approver.name);
              throw new Error("nobody listens");
            },
            isPointless: async (payload) => gone.has(`version ${String(payload)}`),
            drop: carry("dropped"),
          },
        }),
      },
      { expiresAfterMs: 60_000, rules: [] },
    );
    const ask = (more: Partial<NewApproval> = {}): Promise<string> =>
      database.write((transaction) =>
        approvals.request(transaction, {
          kind: "publish",
          subject: "npm @acme/secret@1.0.0",
          summary: "3 files",
          digest: "sha512-x",
          resource: aPackage("@acme/secret"),
          organisation: "acme",
          requester: person("dora"),
          payload: "1.0.0",
          needed: 1,
          ...more,
        }),
      );
    const carriedOut = async () =>
      (await database.read.withTables<CarriedOut>().selectFrom("carried_out").selectAll().execute()).map(
        ({ what }) => what,
      );
    const events = async () =>
      (await database.read.withTables<EventRows>().selectFrom("events").selectAll().execute()).map(({ kind }) => kind);
    return { database, clock, approvals, ask, carriedOut, events, facts, policies, prepared, told, gone };
  }
  const yes = { digest: "sha512-x", reason: "", confirm: async () => {} };
  const refused = (code: string, pattern: RegExp) => (error: unknown) =>
    isAssayError(error) && error.code === code && pattern.test(error.message);

  test("the last one that is needed carries it out, once, in its transaction", async () => {
    const { approvals, ask, carriedOut, events } = await open();
    const id = await ask({ needed: 2 });
    assert.equal(await ask({ needed: 2 }), id, "the same operation waits once");
    assert.equal((await approvals.approve(person("olga"), id, yes)).state, "waiting");
    assert.deepEqual(await carriedOut(), []);
    assert.equal((await approvals.approve(person("otto2"), id, yes)).state, "done");
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    await assert.rejects(approvals.approve(person("olivia"), id, yes), refused("CONFLICT", /done already/));
    await assert.rejects(
      approvals.reject(person("olivia"), id, { ...yes, reason: "late" }),
      refused("CONFLICT", /done/),
    );
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.deepEqual(await events(), ["approval.requested", "approval.given", "approval.given", "approval.done"]);
  });

  test("approvals at the same moment carry it out once", async () => {
    const { approvals, ask, carriedOut } = await open();
    const id = await ask({ needed: 2 });
    await Promise.allSettled(
      ["olga", "otto2", "olivia", "olga"].map((name) => approvals.approve(person(name), id, yes)),
    );
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.equal((await approvals.find(person("olga"), id)).votes.length, 2);
  });

  test("nobody approves what they asked for, twice, without being allowed, or without a second factor", async () => {
    const { approvals, ask, carriedOut } = await open();
    const id = await ask({ requester: person("olga"), needed: 2 });
    await assert.rejects(approvals.approve(person("olga"), id, yes), refused("FORBIDDEN", /somebody else/));
    const unproven = {
      ...yes,
      confirm: async ({ exactly }: { readonly exactly: string }) => {
        throw new Error(`a second factor is needed to ${exactly}`);
      },
    };
    await assert.rejects(
      approvals.approve(person("otto2"), id, unproven),
      new RegExp(`second factor is needed to approve approval ${id} sha512-x`),
    );
    assert.deepEqual((await approvals.find(person("otto2"), id)).votes, []);
    await assert.rejects(
      approvals.approve(person("otto2", { level: "read-only" }), id, yes),
      refused("NOT_FOUND", /not found/),
    );
    await assert.rejects(approvals.approve(person("dora"), id, yes), refused("NOT_FOUND", /not found/));
    await assert.rejects(approvals.approve(bot("robo"), id, yes), refused("NOT_FOUND", /not found/));
    await approvals.approve(person("otto2"), id, yes);
    await assert.rejects(approvals.approve(person("otto2"), id, yes), refused("FORBIDDEN", /before/));
    await assert.rejects(
      approvals.approve(person("olivia"), id, { ...yes, digest: "sha512-other" }),
      refused("CONFLICT", /something else/),
    );
    assert.deepEqual(await carriedOut(), []);
  });

  test("who is not among the named approvers may not, a member of a named team may", async () => {
    const { approvals, ask } = await open();
    const id = await ask({ approvers: ["acme:release"] });
    await assert.rejects(
      approvals.approve(person("olga"), id, yes),
      refused("FORBIDDEN", /approvers here are acme:release/),
    );
    assert.equal((await approvals.approve(person("olivia"), id, yes)).state, "done");
  });

  test("one rejection ends it, with a reason; who asked may take it back", async () => {
    const { approvals, ask, carriedOut } = await open();
    const id = await ask();
    await assert.rejects(
      approvals.reject(person("olga"), id, { ...yes, reason: " " }),
      refused("BAD_REQUEST", /reason/),
    );
    const rejected = await approvals.reject(person("olga"), id, { ...yes, reason: "not yet" });
    assert.deepEqual([rejected.state, rejected.votes[0]?.reason], ["rejected", "not yet"]);
    const again = await ask();
    assert.notEqual(again, id);
    assert.equal((await approvals.reject(person("dora"), again, yes)).state, "rejected");
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0", "dropped 1.0.0"]);
  });

  test("what nobody decides on ends", async () => {
    const { approvals, ask, carriedOut, clock } = await open();
    const id = await ask();
    await clock.advance(60_000);
    await assert.rejects(approvals.approve(person("olga"), id, yes), refused("CONFLICT", /expired/));
    const stop = new AbortController();
    const running = approvals.run(stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await running;
    assert.equal((await approvals.find(person("olga"), id)).state, "expired");
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0"]);
  });

  test("what is about something that is gone ends in the next round, or at once with it; the rest waits on", async () => {
    const { database, approvals, ask, carriedOut, events, clock, gone } = await open();
    const pointless = await ask({ payload: "1.0.0" });
    const other = await ask({ payload: "2.0.0", subject: "npm @acme/secret@2.0.0" });
    const withdrawn = await ask({ payload: "3.0.0", subject: "npm @acme/secret@3.0.0" });
    gone.add("version 1.0.0");
    for (let again = 0; again < 2; again += 1)
      await database.write((transaction) => approvals.withdraw(transaction, withdrawn));
    const stop = new AbortController();
    const running = approvals.run(stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await running;
    const states = await Promise.all([pointless, other, withdrawn].map((id) => approvals.find(person("olga"), id)));
    assert.deepEqual(
      states.map(({ state }) => state),
      ["expired", "waiting", "expired"],
    );
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0"]);
    assert.equal((await events()).filter((kind) => kind === "approval.expired").length, 2);
  });

  test("what fails while it is carried out leaves the approval as it was", async () => {
    let isFailing = true;
    const { approvals, ask, carriedOut, events } = await open(() => {
      if (isFailing) throw new Error("the name is taken");
    });
    const id = await ask();
    await assert.rejects(approvals.approve(person("olga"), id, yes), /the name is taken/);
    assert.deepEqual(await carriedOut(), []);
    assert.equal((await approvals.find(person("olga"), id)).state, "waiting");
    isFailing = false;
    assert.equal((await approvals.approve(person("olga"), id, yes)).state, "done");
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.deepEqual(await events(), ["approval.requested", "approval.given", "approval.done"]);
  });

  test("a list shows what one may decide on or asked for, and nothing else", async () => {
    const { approvals, ask } = await open();
    const id = await ask();
    for (const [name, sees] of [
      ["olga", true],
      ["dora", true],
      ["olaf", false],
      ["root", true],
    ] as const) {
      const listed = await approvals.list(person(name), { state: "waiting" });
      assert.deepEqual(
        listed.approvals.map((one) => one.id),
        sees ? [id] : [],
        name,
      );
    }
    assert.deepEqual((await approvals.list(person("olga"), { state: "done" })).approvals, []);
    await assert.rejects(approvals.list(person("olga"), { after: "then" }), refused("BAD_REQUEST", /next/));
  });

  test("a list finds what is far below thousands that somebody may not see, page by page", async () => {
    const { approvals, ask, database, clock } = await open();
    const old = await ask();
    const mine: string[] = [];
    await clock.advance(1);
    await database.write(async (transaction) => {
      for (let number = 0; number < 2300; number += 1) {
        const isMine = number % 40 === 0;
        const id = await approvals.request(transaction, {
          kind: "publish",
          subject: `npm @other/secret@1.0.${number}`,
          summary: "",
          digest: "sha512-y",
          resource: aPackage("@other/secret"),
          organisation: "other",
          requester: person(isMine ? "olga" : `dora${number % 50}`),
          payload: "",
          needed: 1,
        });
        if (isMine) mine.push(id);
      }
    });
    const seen: string[] = [];
    let pages = 0;
    for (let after: string | undefined, more = true; more;) {
      const page = await approvals.list(person("olga"), { state: "waiting", after });
      seen.push(...page.approvals.map(({ id }) => id));
      pages += 1;
      after = page.next;
      more = after !== undefined;
    }
    assert.deepEqual(seen, [...mine.toSorted(), old]);
    assert.ok(pages > 1);
  });

  test("what is prepared is there before the transaction, and never made for a vote that is not enough", async () => {
    const { approvals, ask, prepared, told } = await open();
    const id = await ask({ needed: 2 });
    await approvals.approve(person("olga"), id, yes);
    assert.deepEqual(prepared, []);
    assert.equal((await approvals.approve(person("otto2"), id, yes)).state, "done");
    assert.deepEqual([prepared, told], [["otto2 of 2"], ["otto2"]]);
  });

  test("what somebody asked for who has no access any more is not carried out", async () => {
    const { approvals, ask, carriedOut, gone } = await open();
    const id = await ask();
    gone.add("person:dora");
    await assert.rejects(approvals.approve(person("olga"), id, yes), refused("CONFLICT", /dora.* no access any more/));
    assert.deepEqual([await carriedOut(), (await approvals.find(person("olga"), id)).state], [[], "waiting"]);
  });

  test("the vote of whoever has no access any more does not count", async () => {
    const { approvals, ask, carriedOut, gone } = await open();
    const id = await ask({ needed: 2 });
    await approvals.approve(person("olga"), id, yes);
    gone.add("person:olga");
    assert.equal((await approvals.approve(person("otto2"), id, yes)).state, "waiting");
    assert.deepEqual(await carriedOut(), []);
    assert.equal((await approvals.approve(person("olivia"), id, yes)).state, "done");
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
  });

  test("the vote of whoever has lost the team or the role by which they approved does not count", async () => {
    for (const loss of ["team", "role"] as const) {
      const { approvals, ask, carriedOut, facts } = await open();
      const owner = { ...nobodys, organisations: [{ name: "acme", role: "owner" as const }] };
      const release = [{ organisation: "acme", team: "release" }];
      for (const name of ["olga", "olivia", "otto2"]) facts.holders.set(name, { ...owner, teams: release });
      const id = await ask({ needed: 2, approvers: ["acme:release"] });
      await approvals.approve(person("olga"), id, yes);
      assert.deepEqual((await approvals.find(person("otto2"), id)).counting.length, 1);
      facts.holders.set("olga", loss === "team" ? owner : { ...nobodys, teams: release });
      facts.change();
      assert.deepEqual((await approvals.find(person("otto2"), id)).counting, [], loss);
      const after = await approvals.approve(person("otto2"), id, yes);
      assert.deepEqual([after.state, after.counting.map(({ voterName }) => voterName)], ["waiting", ["otto2"]], loss);
      assert.deepEqual(await carriedOut(), []);
      assert.equal((await approvals.approve(person("olivia"), id, yes)).state, "done");
    }
  });

  test("a vote counts from where it came, by policies that look at that", async () => {
    const { approvals, ask, policies } = await open();
    await policies.put("acme", await policies.read(officeOnly));
    const id = await ask({ needed: 2 });
    const from = (name: string, address: string) => ({ ...person(name), address });
    await assert.rejects(approvals.approve(from("olga", "203.0.113.9"), id, yes), refused("NOT_FOUND", /not found/));
    await approvals.approve(from("olga", "10.0.0.1"), id, yes);
    assert.equal((await approvals.approve(from("otto2", "10.0.0.2"), id, yes)).state, "done");
  });

  test("nobody has more than a hundred waiting", async () => {
    const { ask } = await open();
    for (let at = 0; at < 100; at += 1) await ask({ digest: `sha512-${at}` });
    await assert.rejects(ask({ digest: "sha512-more" }), refused("CONFLICT", /100 of your operations wait/));
    await ask({ digest: "sha512-7" });
    await ask({ digest: "sha512-more", requester: person("otto2") });
  });

  test("what cannot be prepared leaves the approval as it was, without the vote", async () => {
    const { approvals, ask, carriedOut } = await open(undefined, async () => {
      throw new Error("the archive is gone");
    });
    const id = await ask();
    await assert.rejects(approvals.approve(person("olga"), id, yes), /the archive is gone/);
    const { state, votes } = await approvals.find(person("olga"), id);
    assert.deepEqual([state, votes, await carriedOut()], ["waiting", [], []]);
  });

  test("one that cannot be ended keeps no other from its end", async () => {
    const { approvals, ask, clock, database, carriedOut } = await open();
    const bad = await ask({ subject: "npm @acme/secret@1.0.1" });
    const good = await ask();
    await database.write((transaction) =>
      transaction
        .withTables<{ approvals: { id: string; kind: string } }>()
        .updateTable("approvals")
        .set({ kind: "unheard-of" })
        .where("id", "=", bad)
        .execute(),
    );
    await clock.advance(60_000);
    const stop = new AbortController();
    const running = approvals.run(stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await running;
    assert.equal((await approvals.find(person("olga"), good)).state, "expired");
    assert.equal((await approvals.find(person("olga"), bad)).state, "waiting");
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0"]);
  });
});
