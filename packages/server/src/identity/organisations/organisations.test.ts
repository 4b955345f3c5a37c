import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parsePackageName as packageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createEvents } from "../../platform/events/outbox.ts";
import { openTestNames } from "../names/test-names.ts";
import { anonymous, type Principal } from "../principal.ts";
import { createTestIdentity, identityTestMigrations, password } from "../test-identity.ts";
import { createOrganisations, type OwnersChange } from "./organisations.ts";
import { doerOf } from "../doer.ts";

const by = (id: string) => doerOf({ id, address: "127.0.0.1" });

const ui = packageName("@acme/ui");
const olga: Principal = {
  ...anonymous("192.0.2.1"),
  kind: "person",
  id: "person:olga",
  name: "olga",
  via: "session",
};

const conflict = (pattern: RegExp) => (error: unknown) =>
  isAssayError(error, "CONFLICT") && pattern.test(error.message);

onEveryDatabase("organisations", ({ fresh }) => {
  /** The organisation acme of olga, with dora and the bot robo; @acme/ui is olga's. */
  async function open() {
    const database = await fresh(...identityTestMigrations);
    const clock = createFakeClock();
    const { identity, events } = createTestIdentity(database, { clock });
    for (const name of ["olga", "dora", "erin"])
      await identity.accounts.create("terminal", { name, kind: "person", password, email: "" });
    await identity.accounts.create("terminal", { name: "robo", kind: "bot", password: undefined, operator: "olga" });
    const names = await openTestNames(database, { clock });
    const organisations = createOrganisations(
      {
        database,
        events: createEvents({ clock }),
        clock,
        names,
        accounts: identity.accounts,
        documents: { touch: async () => undefined, changed: () => undefined },
        isScopeKnown: async () => false,
        needsAdmin: (scope) => scope === "types",
      },
      { mayCreate: "people" },
    );
    /** Lets time pass until it is done: who takes a name waits until every process knows. */
    async function settled<T>(work: Promise<T>): Promise<T> {
      const done = new AbortController();
      void work.catch(() => undefined).finally(() => done.abort());
      while (!done.signal.aborted) {
        await clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return await work;
    }
    await settled(organisations.create(olga, "acme"));
    for (const person of ["dora", "erin", "robo"])
      await settled(organisations.setMember(by("person:olga"), "acme", person, "developer"));
    await database.write((transaction) =>
      names.claim(transaction, { name: ui, visibility: "restricted", owner: "olga" }),
    );
    await settled(names.changed());
    const change = (wanted: OwnersChange) => settled(organisations.changeOwners(by("person:olga"), ui, wanted));
    return { organisations, settled, change, events };
  }

  test("of owners who come and go at once none is lost, and one stays", async () => {
    const { organisations, change } = await open();
    await Promise.all(["dora", "erin"].map((person) => change({ kind: "add", person })));
    assert.deepEqual(await organisations.owners(ui), ["dora", "erin", "olga"]);
    const left = await Promise.allSettled(["dora", "erin", "olga"].map((person) => change({ kind: "remove", person })));
    assert.equal(left.filter(({ status }) => status === "rejected").length, 1);
    assert.equal((await organisations.owners(ui)).length, 1);
  });

  test("only people own packages, a bot administers no organisation, a team's description is plain text", async () => {
    const { organisations, settled, change } = await open();
    await assert.rejects(change({ kind: "add", person: "robo" }), conflict(/robo is a bot/));
    await assert.rejects(change({ kind: "replace", people: ["olga", "robo"] }), conflict(/robo is a bot/));
    await assert.rejects(change({ kind: "add", person: "ghost" }), (error) => isAssayError(error, "NOT_FOUND"));
    for (const role of ["owner", "admin"] as const)
      await assert.rejects(settled(organisations.setMember(by("person:olga"), "acme", "robo", role)), conflict(/bot/));
    assert.deepEqual(await organisations.owners(ui), ["olga"]);
    for (const description of ["a\0b", "\ud800", "x".repeat(501)])
      await assert.rejects(
        settled(organisations.createTeam(by("person:olga"), { organisation: "acme", team: "ui" }, description)),
        (error) => isAssayError(error, "BAD_REQUEST") && /description/.test(error.message),
      );
  });

  test("who alone owns a package leaves when somebody else owns it too, and is told which; whoever is taken out goes at once", async () => {
    const { organisations, settled, change } = await open();
    const remove = (who: string, person: string) => settled(organisations.removeMember(by(who), "acme", person));
    const leave = (person: string) => remove(`person:${person}`, person);
    await change({ kind: "replace", people: ["dora"] });
    await assert.rejects(leave("dora"), conflict(/dora is the only owner of @acme\/ui; add another owner first/));
    await change({ kind: "add", person: "olga" });
    await leave("dora");
    assert.deepEqual(await organisations.owners(ui), ["olga"]);
    assert.equal((await organisations.members("acme")).has("dora"), false);
    await settled(organisations.setMember(by("person:olga"), "acme", "dora", "developer"));
    await change({ kind: "replace", people: ["dora"] });
    await remove("person:olga", "dora");
    assert.deepEqual(await organisations.owners(ui), [], "it is its organisation's");
  });

  test("where strangers make accounts an administrator makes what an upstream may have", async () => {
    const { organisations, settled } = await open();
    const refused = (error: unknown) => isAssayError(error, "FORBIDDEN") && /below @types\//.test(error.message);
    await assert.rejects(settled(organisations.create(olga, "types")), refused);
    const types = { ...olga, id: "person:types", name: "types" };
    await assert.rejects(settled(organisations.ensurePersonal(types, packageName("@types/node"))), refused);
    await settled(organisations.create({ ...olga, isAdmin: true }, "types"));
    assert.equal((await organisations.members("types")).get("olga"), "owner");
  });

  test("a team gets packages of its own organisation alone, and of other teams nothing is told", async () => {
    const { organisations, settled } = await open();
    const refusals: string[] = [];
    for (const team of [
      { organisation: "other", team: "developers" },
      { organisation: "none", team: "nobody" },
    ])
      await settled(organisations.grant(by("person:olga"), team, ui, "read")).catch((error: Error) =>
        refusals.push(error.message),
      );
    assert.deepEqual(refusals, ["The package @acme/ui was not found.", "The package @acme/ui was not found."]);
  });
});
