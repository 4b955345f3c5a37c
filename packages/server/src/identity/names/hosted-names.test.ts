import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAssayError, parsePackageName as name } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { eventMigrations } from "../../platform/events/outbox.ts";
import { organisationMigrations } from "../organisations/migrations.ts";
import { readGrants, readTeams } from "../organisations/store.ts";
import type { HostedNames, NameClaim } from "./names.ts";
import { nameMigrations } from "./migrations.ts";
import { openTestNames, type TestNamesOptions } from "./test-names.ts";

const claim = (text: string, more: Partial<NameClaim> = {}): NameClaim => ({
  name: name(text),
  visibility: "restricted",
  owner: undefined,
  ...more,
});

onEveryDatabase("hosted names", (databases) => {
  /** One process, with the organisation acme. */
  async function room(options: TestNamesOptions = {}) {
    const database = await databases.fresh(eventMigrations, nameMigrations, organisationMigrations);
    const clock = createFakeClock();
    const names = await openTestNames(database, { clock, ...options });
    async function settled<T>(work: Promise<T>): Promise<T> {
      const done = new AbortController();
      void work.catch(() => undefined).finally(() => done.abort());
      while (!done.signal.aborted) {
        await clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return await work;
    }
    async function found(organisation: string, at: HostedNames = names): Promise<void> {
      await database.write((transaction) => at.found(transaction, { name: organisation, person: undefined }));
      await settled(at.changed());
    }
    async function take(one: NameClaim, at: HostedNames = names): Promise<"made" | "there"> {
      const outcome = await database.write((transaction) => at.claim(transaction, one));
      await settled(at.changed());
      return outcome;
    }
    await found("acme");
    return { database, clock, names, found, take, settled };
  }

  test("an organisation has its scope, and no other", async () => {
    const { names } = await room();
    assert.equal(names.organisationOf(name("@acme/ui")), "acme");
    for (const other of ["@acme-evil/ui", "@Acme/ui", "acme", "vite"])
      assert.equal(names.organisationOf(name(other)), undefined, other);
    assert.equal(names.find(name("@acme/ui")), undefined, "a name is no package yet");
  });

  test("an organisation of the configuration has the team of everybody, which is given what is new", async () => {
    const { database, take } = await room({ hosted: [{ names: ["left-pad"], organisation: "tools" }] });
    await take(claim("left-pad"));
    assert.deepEqual(await readTeams(database.read, "tools"), ["developers"]);
    assert.deepEqual(await readGrants(database.read, name("left-pad")), [
      { organisation: "tools", team: "developers", level: "write" },
    ]);
  });

  test("patterns of the configuration host names, and make their organisation", async () => {
    const { names } = await room({
      hosted: [{ names: ["left-pad", "tools-*"], organisation: "tools" }],
      visibility: "public",
    });
    assert.equal(names.organisationOf(name("left-pad")), "tools");
    assert.equal(names.organisationOf(name("tools-x")), "tools");
    assert.equal(names.organisationOf(name("@tools/x")), "tools");
    assert.equal(names.organisationOf(name("left-pads")), undefined);
    assert.equal(names.defaultVisibility(name("tools-x")), "public");
    assert.equal(names.defaultVisibility(name("@tools/x")), "restricted");
  });

  test("an upstream's pattern inside a hosted one decides, and one outside does not", async () => {
    const { names, take } = await room({
      upstream: ["*", "@acme/open-*"],
      hosted: [{ names: ["tools-*"], organisation: "tools" }],
    });
    assert.equal(names.organisationOf(name("@acme/open-x")), undefined);
    assert.equal(names.organisationOf(name("@acme/ui")), "acme");
    assert.equal(names.organisationOf(name("tools-x")), "tools");
    await assert.rejects(take(claim("@acme/open-x")), (error) => isAssayError(error, "FORBIDDEN"));
  });

  test("a claim makes a package once; what is nobody's cannot be claimed but by who runs the registry", async () => {
    const { names, take } = await room();
    assert.equal(await take(claim("@acme/ui")), "made");
    assert.equal(await take(claim("@acme/ui", { visibility: "public" })), "there");
    assert.equal(names.find(name("@acme/ui"))?.visibility, "restricted");
    await assert.rejects(take(claim("left-pad")), (error) => isAssayError(error, "FORBIDDEN"));
    assert.equal(await take(claim("left-pad", { organisation: "acme" })), "made");
    assert.equal(names.organisationOf(name("left-pad")), "acme");
    assert.deepEqual(
      names.packages("acme").map((one) => one.name),
      ["@acme/ui", "left-pad"],
    );
  });

  test("whoever runs the registry assigns a name, to an organisation that is there, and never one that somebody has", async () => {
    const { database, names, settled, clock } = await room({ hosted: [{ names: ["tools-*"], organisation: "tools" }] });
    const assign = (text: string, organisation = "acme") =>
      settled(names.assign("terminal", { name: name(text), organisation, visibility: "public" }));
    await assign("left-pad");
    const other = await openTestNames(database, { clock });
    assert.equal(other.organisationOf(name("left-pad")), "acme");
    assert.equal(names.find(name("left-pad"))?.visibility, "public");
    await assert.rejects(assign("left-pad", "tools"), /is a name of the organisation acme already/);
    await assert.rejects(assign("tools-x"), /is a name of the organisation tools already/);
    await assert.rejects(assign("@acme/x", "tools"), /is a name of the organisation acme already/);
    await assert.rejects(assign("leftpad"), /easily taken for left-pad/);
    await assert.rejects(assign("other", "nobody"), (error) => isAssayError(error, "NOT_FOUND"));
    assert.equal(names.find(name("other")), undefined);
  });

  test("a name that is easily taken for one that is here is refused with that one", async () => {
    const { take, found } = await room();
    await take(claim("@acme/left-pad"));
    for (const alike of ["@acme/leftpad", "@acme/left_pad", "@acme/Left-Pad", "@acme/left.pad", "@acme/Ieft-pad"])
      await assert.rejects(take(claim(alike)), /easily taken for @acme\/left-pad/, alike);
    for (const alike of ["acrne", "ac-me", "a.cme"]) await assert.rejects(found(alike), /for the organisation acme/);
    await assert.rejects(found("acme"), /exists already/);
  });

  test("two processes that claim names that are alike at once: one of them has it", async () => {
    const { database, names, settled, clock } = await room();
    const other = await openTestNames(database, { clock });
    const outcomes = await Promise.allSettled(
      [names, other].flatMap((at, n) =>
        ["@acme/a-b", "@acme/ab", "@acme/a_b"].map((text) =>
          database.write((transaction) =>
            at.claim(transaction, claim(n === 0 ? text : text.toUpperCase().replace("@ACME", "@acme"))),
          ),
        ),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    await settled(names.changed());
    assert.equal(names.packages("acme").length, 1);
  });

  test("an upstream's scope cannot become an organisation's, nor the other way round at a later start", async () => {
    const { found, database } = await room({ upstream: ["*", "@babel/*"] });
    await assert.rejects(found("babel"), /belongs to the upstream npm/);
    await assert.rejects(openTestNames(database, { upstream: ["*", "@acme/*"] }), (error) => {
      return isAssayError(error, "CONFIG") && /upstreams\.npm\.names has @acme\/\*/.test(error.message);
    });
  });

  describe("of another process", () => {
    test("are known within a second", async () => {
      const { database, names, clock, take } = await room();
      const other = await openTestNames(database, { clock });
      const stop = new AbortController();
      const running = other.run(stop.signal);
      await take(claim("@acme/ui"), names);
      for (let step = 0; step < 12 && other.find(name("@acme/ui")) === undefined; step++) {
        await clock.advance(100);
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assert.equal(other.find(name("@acme/ui"))?.organisation, "acme");
      stop.abort();
      await running;
    });

    test("are known to whoever sends a name away when somebody was told that a scope is theirs", async () => {
      const { database, names, clock } = await room();
      const other = await openTestNames(database, { clock });
      await clock.advance(1000);
      await database.write((transaction) => names.found(transaction, { name: "late", person: undefined }));
      const isTold = new AbortController();
      const told = names.changed().then(() => isTold.abort());
      // The other process looked a second ago; all this time it may still believe what it saw.
      for (let step = 0; step < 40 && !isTold.signal.aborted; step++) {
        await other.current();
        await clock.advance(100);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await told;
      await other.current();
      assert.equal(other.organisationOf(name("@late/x")), "late");
    });

    test("a process that cannot look sends nothing", async () => {
      const { database, clock } = await room();
      const other = await openTestNames(database, { clock });
      await other.current();
      await clock.advance(5000);
      await database[Symbol.asyncDispose]();
      await assert.rejects(other.current());
    });
  });
});
