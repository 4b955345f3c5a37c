import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import type { Database } from "../../platform/database/database.ts";
import { createEvents, eventMigrations } from "../../platform/events/outbox.ts";
import { policyMigrations } from "./migrations.ts";
import { openOrganisationPolicies } from "./organisation-policies.ts";
import { createPermissions, openPolicySets } from "./permissions.ts";
import type { PolicyTables } from "./tables.ts";
import { aPackage, createTestFacts, person } from "./test-facts.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const frozen = `@id("frozen") @reason("the release is near") forbid (principal, action == Assay::Action::"publish", resource);`;

const lockOut = `@id("nobody") @reason("no") forbid (principal, action == Assay::Action::"administer", resource);`;
const saver = { id: "person:olga", address: "127.0.0.1", policy: "owners-of-organisations" };

onEveryDatabase("policies that organisations save", (databases) => {
  let processes = 0;
  async function open(database: Database) {
    const clock = createFakeClock();
    const { facts, names, ...more } = createTestFacts();
    processes += 1;
    const policies = await openPolicySets({ read: "anyone", folder: undefined, installation: `saved ${processes}` });
    const errors: string[] = [];
    const telemetry = { log: { ...log, error: (message: string) => void errors.push(message) } };
    const permissions = createPermissions({ facts, names, policies, telemetry }, { read: "anyone" });
    const records: string[] = [];
    const saved = await openOrganisationPolicies({
      database,
      clock,
      random: createSeededRandom(1),
      events: createEvents({ clock }),
      telemetry,
      policies,
      facts,
      names,
      ownersOf: async (organisation) =>
        organisation === "acme" ? [person("olga"), person("otto2")] : [person("olaf")],
      record: async (_transaction, { organisation }) => void records.push(organisation),
    });
    more.holders.set("otto2", { organisations: [{ name: "acme", role: "owner" }], teams: [] });
    const mayPublish = async (who = "olga", name = "@acme/secret") =>
      (await permissions.decide(person(who), "publish", aPackage(name))).allowed;
    const save = async (text: string, organisation = "acme") => {
      const { revision } = await saved.find(organisation);
      return await saved.save(saver, await saved.check(organisation, text), revision);
    };
    return { clock, saved, save, records, mayPublish, permissions, policies, errors };
  }
  const fresh = () => databases.fresh(eventMigrations, policyMigrations);

  test("are in force at once here, after a look in other processes, and after a start", async () => {
    const database = await fresh();
    const one = await open(database);
    const two = await open(database);
    await one.save(frozen);
    assert.equal(await one.mayPublish(), false);
    assert.equal(await two.mayPublish(), true);
    await two.saved.refresh();
    assert.equal(await two.mayPublish(), false);
    assert.equal(await (await open(database)).mayPublish(), false);
    assert.deepEqual(one.records, ["acme"]);
    const found = await two.saved.find("acme");
    assert.deepEqual([found.text, found.revision, found.savedBy], [frozen, 1, "person:olga"]);
    await two.save("");
    await one.saved.refresh();
    assert.equal(await one.mayPublish(), true);
    assert.deepEqual([(await one.saved.find("acme")).text, (await one.saved.find("acme")).revision], ["", 2]);
  });

  test("of one organisation hold for its resources only", async () => {
    const { save, mayPublish, permissions } = await open(await fresh());
    await save(`${frozen}\n@id("all") permit (principal, action == Assay::Action::"read", resource);`);
    assert.deepEqual([await mayPublish(), await mayPublish("olaf", "@other/secret")], [false, true]);
    const readBy = async (who: string, name: string) =>
      (await permissions.decide(person(who), "read", aPackage(name))).allowed;
    assert.deepEqual([await readBy("olaf", "@acme/secret"), await readBy("olga", "@other/secret")], [true, false]);
    assert.deepEqual(
      [permissions.isOpen(aPackage("@acme/secret").name), permissions.isOpen(aPackage("@other/secret").name)],
      [true, false],
    );
  });

  test("are looked at for one person so often, for that is work; nobody else waits for it", async () => {
    const { saved, clock } = await open(await fresh());
    const look = async (who: string) => await saved.check("acme", frozen, person(who));
    for (let at = 0; at < 10; at += 1) await look("olga");
    await assert.rejects(look("olga"), { code: "TOO_MANY_REQUESTS" });
    await look("otto2");
    await saved.check("acme", "", person("olga"));
    await clock.advance(15_000);
    await look("olga");
  });

  test("are refused with the line, or when nobody could administer any more, and change nothing then", async () => {
    const { saved, save, records, mayPublish } = await open(await fresh());
    await assert.rejects(
      save(`\n@id("x") permit (principal, action, resource) when { resource.nope };`),
      /line 2: attribute `nope`/,
    );
    await assert.rejects(
      save(`@id("anybody-reads") permit (principal, action, resource);`),
      /used by a policy of the registry/,
    );
    await assert.rejects(save(lockOut), /no owner of acme could administer/);
    const notOlga = `@id("x") @reason("no") forbid (principal == Assay::Person::"olga", action, resource);`;
    await assert.rejects(saved.check("acme", notOlga, person("olga")), /you could not administer/);
    await saved.check("acme", notOlga, person("otto2"));
    assert.deepEqual([records, await mayPublish(), (await saved.find("acme")).revision], [[], true, 0]);
  });

  test("keep no administrator of the registry from administering the organisation, and from nothing else", async () => {
    const { save, permissions } = await open(await fresh());
    await save(
      `@id("x") @reason("mine") forbid (principal, action, resource) unless { principal == Assay::Person::"olga" };`,
    );
    const root = { ...person("root"), isAdmin: true };
    const may = async (who: typeof root, action: "administer" | "own") =>
      (
        await permissions.decide(
          who,
          action,
          action === "own" ? aPackage("@acme/secret") : { kind: "organisation", name: "acme" },
        )
      ).allowed;
    assert.deepEqual(
      [await may(root, "administer"), await may(root, "own"), await may(person("otto2"), "administer")],
      [true, false, false],
    );
  });

  test("are never in force while they are tried", async () => {
    const { saved, permissions, policies } = await open(await fresh());
    const before = policies.generation();
    const trying = saved.check("acme", lockOut).catch(() => undefined);
    const state = { isTrying: true };
    void trying.finally(() => (state.isTrying = false));
    while (state.isTrying) {
      const decision = await permissions.decide(person("olga"), "administer", { kind: "organisation", name: "acme" });
      assert.equal(decision.allowed, true);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    assert.equal(policies.generation(), before);
  });

  test("are not saved over what somebody else saved since", async () => {
    const { saved, save, records } = await open(await fresh());
    const checked = await saved.check("acme", frozen);
    await save(`@id("mine") @reason("no") forbid (principal, action == Assay::Action::"tag", resource);`);
    await assert.rejects(saved.save(saver, checked, 0), /somebody else since; look at revision 1/);
    assert.deepEqual(records, ["acme"]);
  });

  test("that cannot be read close their organisation, loudly, and no other", async () => {
    const database = await fresh();
    const one = await open(database);
    await one.save(frozen, "other");
    const two = await open(database);
    await one.save(frozen);
    await database.write(async (transaction) => {
      const tables = transaction.withTables<PolicyTables>();
      // As an older version may have saved them: the first to be taken over cannot be read.
      const set = { text: `@id("x") permit (principal, action, resource) when { resource.gone };`, generation: 10 };
      await tables.updateTable("organisation_policies").set(set).where("organisation", "=", "acme").execute();
      const later = { text: "", generation: 11 };
      await tables.updateTable("organisation_policies").set(later).where("organisation", "=", "other").execute();
    });
    for (const process of [two, await open(database)]) {
      await process.saved.refresh();
      assert.match(process.errors.join(), /cannot be read/);
      assert.deepEqual([await process.mayPublish("olaf", "@other/secret"), await process.mayPublish()], [true, false]);
      assert.equal(process.permissions.isOpen(aPackage("@acme/open").name), false);
      const read = await process.permissions.decide(person("olga"), "read", aPackage("@acme/secret"));
      assert.deepEqual([read.policy, read.allowed || read.isHidden], ["unreadable-policies", false]);
      const stranger = await process.permissions.decide(person("olaf"), "read", aPackage("@acme/secret"));
      assert.deepEqual([stranger.allowed || stranger.isHidden], [true]);
      const acme = { kind: "organisation", name: "acme" } as const;
      assert.equal((await process.permissions.decide(person("olga"), "administer", acme)).allowed, false);
      assert.equal((await process.permissions.decide(person("root"), "administer", acme)).allowed, true);
    }
    await two.save("");
    assert.equal(await two.mayPublish(), true);
  });
});
