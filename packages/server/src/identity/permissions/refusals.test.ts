import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createEvents, eventMigrations } from "../../platform/events/outbox.ts";
import { createPermissions, openPolicySets } from "./permissions.ts";
import { withRefusals } from "./refusals.ts";
import { aPackage, createTestFacts, person } from "./test-facts.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
interface EventRow {
  kind: string;
  subject: string;
  data: string;
  act: string | null;
}

onEveryDatabase("refusals in the audit trail", (databases) => {
  async function open() {
    const database = await databases.fresh(eventMigrations);
    const clock = createFakeClock();
    const { facts, names } = createTestFacts();
    const policies = await openPolicySets({ read: "anyone", folder: undefined, installation: "refusals" });
    const telemetry = { log };
    const organisation = (name: string) => (["acme", "other"].includes(name) ? { name, person: undefined } : undefined);
    const { permissions, run } = withRefusals(
      createPermissions({ facts, names, policies, telemetry }, { read: "anyone" }),
      { database, clock, events: createEvents({ clock }), telemetry, names: { ...names, organisation } },
    );
    const rows = async (): Promise<readonly EventRow[]> =>
      await database.read.withTables<{ events: EventRow }>().selectFrom("events").selectAll().execute();
    const organisationsIn = (all: readonly EventRow[]) =>
      all.map(({ act }) => (JSON.parse(act ?? "{}") as { organisation?: string }).organisation);
    /** Runs until all is told. */
    const told = async (): Promise<readonly EventRow[]> => {
      const stop = new AbortController();
      const running = run(stop.signal);
      await clock.untilSleepers(1);
      stop.abort();
      await running;
      return (await rows()).filter(({ kind }) => kind === "permission.refused-more");
    };
    return { permissions, clock, rows, told, organisationsIn };
  }
  const refuse = async (work: Promise<unknown>) => await assert.rejects(work);

  test("of who may read everybody's are noted up to a rate, and the rest is counted", async () => {
    const { permissions, rows, told } = await open();
    for (let at = 0; at < 30; at += 1)
      await refuse(permissions.require(person("dora"), "unpublish", aPackage("@acme/open")));
    const [more] = await told();
    assert.equal((await rows()).filter(({ kind }) => kind === "permission.refused").length, 20);
    assert.equal(more?.subject, "10 more refusals");
    assert.deepEqual(JSON.parse(more.act ?? "null"), {
      who: "person:dora",
      address: "",
      action: "",
      policy: "",
      result: "refused",
      organisation: "acme",
    });
    assert.deepEqual(await told(), [more], "once");
  });

  test("whoever may not even read fills no organisation's trail, with however many accounts", async () => {
    const { permissions, rows, told, clock, organisationsIn } = await open();
    for (let at = 0; at < 300; at += 1) {
      await refuse(permissions.require(person(`mallory${at}`), "publish", aPackage("@acme/secret")));
      await clock.advance(100);
    }
    // A member's is noted all the same, and so is what they do elsewhere.
    await refuse(permissions.require(person("dora"), "unpublish", aPackage("@acme/open")));
    await refuse(permissions.require(person("mallory1"), "publish", aPackage("@other/secret")));
    const all = await told().then(rows);
    const refused = all.filter(({ kind }) => kind === "permission.refused");
    assert.deepEqual(
      ["acme", "other"].map((name) => organisationsIn(refused).filter((one) => one === name).length),
      [21, 1],
    );
    const [more] = all.filter(({ kind }) => kind === "permission.refused-more");
    assert.equal(more?.subject, "280 more refusals");
    const data = JSON.parse(more.data) as { by: string; organisation: string };
    assert.deepEqual([data.organisation, data.by.split(" ").length, more.act], ["acme", 10, null]);
  });

  test("what is asked of an organisation that is none stands in no organisation's trail", async () => {
    const { permissions, rows, told, organisationsIn } = await open();
    const nowhere = { kind: "organisation", name: "later" } as const;
    await refuse(permissions.require(person("mallory"), "administer", nowhere));
    await refuse(
      permissions.require(person("mallory"), "publish", { kind: "package", name: parsePackageName("left-pad") }),
    );
    await told();
    assert.deepEqual(organisationsIn(await rows()), [undefined, undefined]);
  });
});
