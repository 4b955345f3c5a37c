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
import { aPackage, createTestFacts, person } from "./test-facts.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const secret = aPackage("@acme/secret");
const frozen = `@id("frozen") @reason("the release is near") forbid (principal, action == Assay::Action::"publish", resource);`;

onEveryDatabase("policies that organisations save", (databases) => {
  let processes = 0;
  async function open(database: Database) {
    const clock = createFakeClock();
    const facts = createTestFacts();
    processes += 1;
    const policies = await openPolicySets({ read: "anyone", folder: undefined, installation: `saved ${processes}` });
    const permissions = createPermissions({ ...facts, policies, telemetry: { log } }, { read: "anyone" });
    const records: string[] = [];
    const saved = await openOrganisationPolicies({
      database,
      clock,
      random: createSeededRandom(1),
      events: createEvents({ clock }),
      telemetry: { log },
      policies,
      permissions,
      record: async (_transaction, { organisation }) => void records.push(organisation),
    });
    const mayPublish = async () => (await permissions.decide(person("olga"), "publish", secret)).allowed;
    return { saved, records, mayPublish };
  }

  test("are in force at once here, after a look in other processes, and after a start", async () => {
    const database = await databases.fresh(eventMigrations, policyMigrations);
    const one = await open(database);
    const two = await open(database);
    await one.saved.save(person("olga"), "acme", frozen);
    assert.equal(await one.mayPublish(), false);
    assert.equal(await two.mayPublish(), true);
    await two.saved.refresh();
    assert.equal(await two.mayPublish(), false);
    assert.equal(await (await open(database)).mayPublish(), false);
    assert.deepEqual(one.records, ["acme"]);
    assert.equal((await two.saved.find("acme"))?.text, frozen);
    await two.saved.save(person("olga"), "acme", "");
    await one.saved.refresh();
    assert.equal(await one.mayPublish(), true);
    assert.equal(await one.saved.find("acme"), undefined);
  });

  test("are refused with the line, or when they would lock out who saves them, and change nothing then", async () => {
    const database = await databases.fresh(eventMigrations, policyMigrations);
    const { saved, records, mayPublish } = await open(database);
    await assert.rejects(
      saved.save(person("olga"), "acme", `\n@id("x") permit (principal, action, resource) when { resource.nope };`),
      /line 2: attribute `nope`/,
    );
    await assert.rejects(
      saved.save(person("olga"), "acme", `@id("anybody-reads") permit (principal, action, resource);`),
      /used by a policy of the registry/,
    );
    await assert.rejects(
      saved.save(person("olga"), "acme", `@id("x") @reason("no") forbid (principal, action, resource);`),
      /could not administer/,
    );
    assert.deepEqual([records, await mayPublish(), await saved.find("acme")], [[], true, undefined]);
  });
});
