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
import type { Principal } from "../principal.ts";
import { approvalMigrations, createApprovals, type NewApproval } from "./approvals.ts";
import { ruleFor } from "./rules.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

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
  async function open(failing?: () => void) {
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
        requireStepUp(principal) {
          if (principal.steppedUpAtMs === undefined) throw new Error("a second factor is needed");
        },
        handlers: () => ({ publish: { execute: carry("did"), drop: carry("dropped") } }),
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
    const stepped = (name: string): Principal => ({ ...person(name), steppedUpAtMs: clock.now() });
    return { database, clock, approvals, ask, carriedOut, events, stepped, facts };
  }
  const yes = { digest: "sha512-x", reason: "" };
  const refused = (code: string, pattern: RegExp) => (error: unknown) =>
    isAssayError(error) && error.code === code && pattern.test(error.message);

  test("the last one that is needed carries it out, once, in its transaction", async () => {
    const { approvals, ask, carriedOut, events, stepped } = await open();
    const id = await ask({ needed: 2 });
    assert.equal(await ask({ needed: 2 }), id, "the same operation waits once");
    assert.equal((await approvals.approve(stepped("olga"), id, yes)).state, "waiting");
    assert.deepEqual(await carriedOut(), []);
    assert.equal((await approvals.approve(stepped("otto2"), id, yes)).state, "done");
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    await assert.rejects(approvals.approve(stepped("olivia"), id, yes), refused("CONFLICT", /done already/));
    await assert.rejects(
      approvals.reject(stepped("olivia"), id, { ...yes, reason: "late" }),
      refused("CONFLICT", /done/),
    );
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.deepEqual(await events(), ["approval.requested", "approval.given", "approval.given", "approval.done"]);
  });

  test("approvals at the same moment carry it out once", async () => {
    const { approvals, ask, carriedOut, stepped } = await open();
    const id = await ask({ needed: 2 });
    await Promise.allSettled(
      ["olga", "otto2", "olivia", "olga"].map((name) => approvals.approve(stepped(name), id, yes)),
    );
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.equal((await approvals.find(stepped("olga"), id)).votes.length, 2);
  });

  test("nobody approves what they asked for, twice, without being allowed, or without a second factor", async () => {
    const { approvals, ask, carriedOut, stepped } = await open();
    const id = await ask({ requester: person("olga"), needed: 2 });
    await assert.rejects(approvals.approve(stepped("olga"), id, yes), refused("FORBIDDEN", /somebody else/));
    await assert.rejects(approvals.approve(person("otto2"), id, yes), /second factor/);
    await assert.rejects(
      approvals.approve(
        { ...person("otto2", { level: "read-only" }), steppedUpAtMs: stepped("x").steppedUpAtMs },
        id,
        yes,
      ),
      refused("NOT_FOUND", /not found/),
    );
    await assert.rejects(approvals.approve(stepped("dora"), id, yes), refused("NOT_FOUND", /not found/));
    await assert.rejects(
      approvals.approve({ ...stepped("robo"), ...bot("robo") }, id, yes),
      refused("NOT_FOUND", /not found/),
    );
    await approvals.approve(stepped("otto2"), id, yes);
    await assert.rejects(approvals.approve(stepped("otto2"), id, yes), refused("FORBIDDEN", /before/));
    await assert.rejects(
      approvals.approve(stepped("olivia"), id, { ...yes, digest: "sha512-other" }),
      refused("CONFLICT", /something else/),
    );
    assert.deepEqual(await carriedOut(), []);
  });

  test("who is not among the named approvers may not, a member of a named team may", async () => {
    const { approvals, ask, stepped } = await open();
    const id = await ask({ approvers: ["acme:release"] });
    await assert.rejects(
      approvals.approve(stepped("olga"), id, yes),
      refused("FORBIDDEN", /approvers here are acme:release/),
    );
    assert.equal((await approvals.approve(stepped("olivia"), id, yes)).state, "done");
  });

  test("one rejection ends it, with a reason; who asked may take it back", async () => {
    const { approvals, ask, carriedOut, stepped } = await open();
    const id = await ask();
    await assert.rejects(
      approvals.reject(stepped("olga"), id, { ...yes, reason: " " }),
      refused("BAD_REQUEST", /reason/),
    );
    const rejected = await approvals.reject(stepped("olga"), id, { ...yes, reason: "not yet" });
    assert.deepEqual([rejected.state, rejected.votes[0]?.reason], ["rejected", "not yet"]);
    const again = await ask();
    assert.notEqual(again, id);
    assert.equal((await approvals.reject(stepped("dora"), again, yes)).state, "rejected");
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0", "dropped 1.0.0"]);
  });

  test("what nobody decides on ends", async () => {
    const { approvals, ask, carriedOut, clock, stepped } = await open();
    const id = await ask();
    await clock.advance(60_000);
    await assert.rejects(approvals.approve(stepped("olga"), id, yes), refused("CONFLICT", /expired/));
    const stop = new AbortController();
    const running = approvals.run(stop.signal);
    await clock.untilSleepers(1);
    stop.abort();
    await running;
    assert.equal((await approvals.find(stepped("olga"), id)).state, "expired");
    assert.deepEqual(await carriedOut(), ["dropped 1.0.0"]);
  });

  test("what fails while it is carried out leaves the approval as it was", async () => {
    let isFailing = true;
    const { approvals, ask, carriedOut, events, stepped } = await open(() => {
      if (isFailing) throw new Error("the name is taken");
    });
    const id = await ask();
    await assert.rejects(approvals.approve(stepped("olga"), id, yes), /the name is taken/);
    assert.deepEqual(await carriedOut(), []);
    assert.equal((await approvals.find(stepped("olga"), id)).state, "waiting");
    isFailing = false;
    assert.equal((await approvals.approve(stepped("olga"), id, yes)).state, "done");
    assert.deepEqual(await carriedOut(), ["did 1.0.0"]);
    assert.deepEqual(await events(), ["approval.requested", "approval.given", "approval.done"]);
  });

  test("a list shows what one may decide on or asked for, and nothing else", async () => {
    const { approvals, ask, stepped } = await open();
    const id = await ask();
    for (const [name, sees] of [
      ["olga", true],
      ["dora", true],
      ["olaf", false],
      ["root", true],
    ] as const) {
      const listed = await approvals.list(stepped(name), "waiting");
      assert.deepEqual(
        listed.map((one) => one.id),
        sees ? [id] : [],
        name,
      );
    }
    assert.deepEqual(await approvals.list(stepped("olga"), "done"), []);
  });
});
