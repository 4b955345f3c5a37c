/** The rooms of people, names and permissions as the server joins them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parseNamePattern, parsePackageName, type EpochMs, type PackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import fc from "fast-check";
import type { Credentials } from "./http/credentials.ts";
import { anonymous, doerOf, type Action, type Principal, type Resource } from "./identity/identity.ts";
import { createRateLimit } from "./identity/limits/limits.ts";
import { actions } from "./identity/permissions/permissions.ts";
import type { StarTables } from "./identity/stars/tables.ts";
import { identityTestMigrations, password, showing } from "./identity/test-identity.ts";
import { makeToken } from "./identity/tokens/make-token.ts";
import type { TokenBounds } from "./identity/tokens/narrow.ts";
import { parseTokenRequest } from "./identity/tokens/token-request.ts";
import { openTestHosting, type TestHosting } from "./test-hosting.ts";

const tester = doerOf({ id: "test", address: "" });

const [ui, hidden, theirs] = ["@acme/ui", "@acme/hidden", "@other/lib"].map(parsePackageName);
assert.ok(ui !== undefined && hidden !== undefined && theirs !== undefined);

onEveryDatabase("who reads what is hosted", ({ fresh, engine }) => {
  test("credentials are looked at before anything is asked; strangers come no further where reading is for who signed in", async () => {
    const database = await fresh(...identityTestMigrations);
    for (const read of ["anyone", "signed-in"] as const) {
      const { hosting, tokenOf } = await openTestHosting(database, { read });
      const { gates } = hosting;
      const readable = async (shown: Partial<Credentials>): Promise<readonly PackageName[]> =>
        await (
          await gates.mayRead({ credentials: showing(shown) })
        )([ui, hidden, theirs]);
      const refused = (shown: Partial<Credentials>) =>
        assert.rejects(readable(shown), (error) => isAssayError(error, "UNAUTHORIZED"));
      await refused({ bearer: "none" });
      await refused({ basic: { user: "olga", password: "none" } });
      await assert.rejects(gates.requireGood(showing({ bearer: "none" })));
      await gates.requireGood(showing({}));
      if (read === "signed-in") await refused({});
      else assert.deepEqual(await readable({}), [ui]);
      assert.deepEqual(await readable({ bearer: await tokenOf("dora") }), [ui, hidden]);
      const narrow = await tokenOf("dora", { packages: [parseNamePattern("@other/*")] });
      assert.deepEqual(await readable({ bearer: narrow }), read === "anyone" ? [ui] : []);
      assert.deepEqual(await readable({ bearer: await tokenOf("otto") }), [ui, hidden]);
      assert.deepEqual(await readable({ bearer: await tokenOf("olaf") }), [ui, theirs]);
    }
  });

  test("what a provider's groups give goes with them, what was given by hand stays", async () => {
    const groups = [
      { group: "all", organisation: "acme", team: "" },
      { group: "platform", organisation: "acme", team: "platform" },
      { group: "others", organisation: "other", team: "" },
      { group: "wrong", organisation: "acme", team: "nowhere" },
    ];
    const database = await fresh(...identityTestMigrations);
    const { hosting } = await openTestHosting(database, { groups });
    const { organisations, provided } = hosting;
    const platform = { organisation: "acme", team: "platform" };
    const byHand = { organisation: "acme", team: "by-hand" };
    for (const team of [platform, byHand]) await organisations.createTeam(tester, team, "");
    const roleOf = async (person: string) => (await organisations.members("acme")).get(person);
    const teamOf = async (team: typeof platform) => await organisations.teamMembers(team);
    const say = (person: string, ...said: readonly string[]) => provided.apply("provider:x", person, said);

    await say("olaf", "platform", "unknown", "wrong");
    assert.deepEqual([await roleOf("olaf"), await teamOf(platform)], ["developer", ["olaf"]]);
    await say("olaf", "all");
    assert.deepEqual([await roleOf("olaf"), await teamOf(platform)], ["developer", []]);
    await say("olaf");
    assert.equal(await roleOf("olaf"), undefined);
    assert.equal((await organisations.members("other")).get("olaf"), "owner", "the last owner, and by hand");

    await organisations.addTeamMember(tester, platform, "dora");
    await say("dora", "platform", "all");
    await say("dora");
    assert.deepEqual([await roleOf("dora"), await teamOf(platform)], ["developer", ["dora"]], "by hand before");

    await say("olaf", "platform");
    await organisations.addTeamMember(tester, byHand, "olaf");
    await say("olaf");
    assert.deepEqual(
      [await roleOf("olaf"), await teamOf(platform), await teamOf(byHand)],
      ["developer", ["dora"], ["olaf"]],
      "the team that was given by hand needs the organisation",
    );
    await organisations.removeTeamMember(tester, byHand, "olaf");
    await say("olaf");
    assert.equal(await roleOf("olaf"), undefined);
    await provided.apply("provider:y", "olaf", ["all"]);
    await say("olaf");
    assert.equal(await roleOf("olaf"), "developer", "another source's");
    await provided.apply("provider:y", "olaf", [], { ...tester, id: "scim:1" });
    const { data } = await database.read
      .withTables<{ events: { id: number; data: string } }>()
      .selectFrom("events")
      .select("data")
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirstOrThrow();
    assert.deepEqual(JSON.parse(data), { by: "scim:1", person: "olaf" }, "who said so stands in the event");
  });

  const addresses = ["10.1.2.3", "11.0.0.1"];
  const resources: readonly Resource[] = [
    ...[ui, hidden, theirs, parsePackageName("vite")].map((name) => ({ kind: "package", name }) as const),
    ...["acme", "other"].map((name) => ({ kind: "organisation", name }) as const),
    { kind: "registry" },
  ];

  /** All that somebody can do who shows the token, of this small world. */
  async function everything({ hosting, identity }: TestHosting, bearer: string): Promise<ReadonlySet<string>> {
    const able = new Set<string>();
    for (const address of addresses) {
      const principal = await identity.authenticate(showing({ bearer, address })).catch(refusal);
      if (principal === undefined) continue;
      for (const resource of resources)
        for (const action of actions)
          if ((await hosting.permissions.decide(principal, action, resource)).allowed)
            able.add(`${address} ${action} ${JSON.stringify(resource)}`);
    }
    return able;
  }

  test("stars are a person's own, and of what may not be read nobody learns by them", async () => {
    const database = await fresh(...identityTestMigrations);
    const { hosting, identity, tokenOf } = await openTestHosting(database);
    const { stars } = hosting;
    const who = async (name: string, bounds: Partial<TokenBounds> = {}): Promise<Principal> =>
      await identity.authenticate(showing({ bearer: await tokenOf(name, bounds) }));
    const [dora, olaf] = [await who("dora"), await who("olaf")];
    const vite = parsePackageName("vite");
    for (const name of [vite, ui, hidden, ui]) await stars.set(dora, name, true);
    await stars.set(olaf, ui, true);
    assert.deepEqual(await stars.of(dora, "dora"), [hidden, ui, vite]);
    assert.deepEqual(await stars.of(olaf, "dora"), [ui, vite]);
    assert.deepEqual(await stars.of(stranger, "nobody"), []);
    await stars.set(dora, hidden, false);
    await stars.set(dora, hidden, false);
    assert.deepEqual(await stars.of(dora, "dora"), [ui, vite]);
    assert.deepEqual(await stars.of(olaf, "olaf"), [ui]);

    const messageOf = async (principal: Principal, name: string): Promise<string> =>
      await stars.set(principal, parsePackageName(name), true).then(
        () => "",
        (error: Error) => error.message.replace(name, "…"),
      );
    assert.match(await messageOf(olaf, hidden), /…/);
    assert.equal(await messageOf(olaf, "@acme/missing"), await messageOf(olaf, hidden));
    assert.equal(await messageOf(stranger, "@acme/missing"), await messageOf(stranger, hidden));
    assert.match(await messageOf(stranger, "vite"), /sign in/);
    for (const level of ["read-only", "stage-only"] as const)
      assert.match(await messageOf(await who("dora", { level }), "vite"), new RegExp(level));
    assert.match(await messageOf({ ...dora, kind: "bot" }, "vite"), /only people/);
    const more = Array.from({ length: 998 }, (_, at) => ({ person: "dora", package: `p-${at}`, at_ms: 0 }));
    await database.write((transaction) =>
      transaction.withTables<StarTables>().insertInto("stars").values(more).execute(),
    );
    assert.match(await messageOf(dora, "one-more"), /1000 stars/);
  });

  // What is decided does not depend on the database.
  if (engine !== "sqlite") return;
  test("no sequence of calls gives a token, or who is made through it, more than it had", async () => {
    const rooms = await openTestHosting(await fresh(...identityTestMigrations));
    const { hosting, identity, clock, tokenOf } = rooms;
    const { organisations, permissions } = hosting;
    const making = createRateLimit({ clock }, { burst: 10_000, perMinute: 10_000 });
    let made = 0;
    let kept = 0;

    await fc.assert(
      fc.asyncProperty(
        people,
        bounds,
        fc.array(calls, { minLength: 1, maxLength: 8 }),
        async (person, given, sequence) => {
          await clock.advance(3_600_000);
          await organisations.setMember(tester, "acme", "olga", "owner");
          await organisations.setMember(tester, "acme", "dora", "developer");
          await organisations.changeOwners(tester, hidden, { kind: "replace", people: ["otto"] });
          const expiresAtMs = given.days === undefined ? undefined : ((clock.now() + given.days * dayMs) as EpochMs);
          const first = await tokenOf(person, { ...given.bounds, expiresAtMs });
          const had = await everything(rooms, first);
          const family = [first];
          const ci: Principal[] = [];
          for (const { by, from, call } of sequence) {
            const bearer = family[by % family.length] ?? first;
            const principal = await identity.authenticate(showing({ bearer, address: from })).catch(refusal);
            if (principal === undefined) continue;
            const may = (action: Action, resource: Resource) => permissions.require(principal, action, resource);
            await run(principal, call, may).catch(refusal);
          }

          async function run(
            principal: Principal,
            call: Call,
            may: (action: Action, resource: Resource) => Promise<string>,
          ): Promise<void> {
            switch (call.kind) {
              case "token": {
                const asked = { nowMs: clock.now(), maxTokenDays: 90, agent: "test" };
                const request = parseTokenRequest({ ...call.body, password }, asked);
                const drawn = await makeToken({ ...identity, clock, making }, principal, request);
                family.push(drawn.secret);
                made += 1;
                return;
              }
              case "role":
                await may("administer", { kind: "organisation", name: call.organisation });
                await organisations.setMember(doerOf(principal), call.organisation, person, call.role);
                return;
              case "organisation":
                return await organisations.create(principal, "acme");
              case "owner":
                await may("own", { kind: "package", name: call.name });
                await organisations.changeOwners(doerOf(principal), call.name, {
                  kind: "replace",
                  people: [person, "boss"],
                });
                return;
              case "team":
                await may("own", { kind: "package", name: call.name });
                return await organisations.grant(doerOf(principal), call.team, call.name, "write");
              case "rule": {
                const claims = { repository: "acme/widgets", workflow_ref: { file: "publish.yml" } };
                const rule = { type: "github", claims, permissions: ["createPackage"] };
                const caller = { principal, base: "", confirm: async () => {} };
                const [added] = await hosting.ci.trust.add(caller, { kind: "package", name: call.name }, [rule]);
                const id = `ci:${added?.id}`;
                const packages = [parseNamePattern(call.name)];
                const grant = { tokenId: "ci", level: "read-write", organisations: undefined, packages } as const;
                ci.push({ ...principal, kind: "ci", id, isAdmin: false, grant: { ...grant, expiresAtMs: undefined } });
                return;
              }
              case "wait":
                await clock.advance(call.days * dayMs);
            }
          }

          for (const bearer of family)
            for (const act of await everything(rooms, bearer)) {
              assert.ok(had.has(act), `a token may ${act}`);
              kept += 1;
            }
          for (const principal of ci)
            for (const resource of resources)
              for (const action of actions) {
                const anybody = (await permissions.decide(stranger, action, resource)).allowed;
                const { allowed } = await permissions.decide(principal, action, resource);
                const act = `${action} ${JSON.stringify(resource)}`;
                assert.ok(!allowed || anybody || addresses.some((at) => had.has(`${at} ${act}`)), `a rule may ${act}`);
              }
          if (expiresAtMs === undefined) return;
          await clock.advance(Math.max(0, expiresAtMs - clock.now()));
          for (const bearer of family) assert.equal((await everything(rooms, bearer)).size, 0, "after the end");
        },
      ),
      { numRuns: 40 },
    );
    // Else nothing was shown.
    assert.ok(made > 0 && kept > 100, `${made} tokens were made, ${kept} acts compared`);
  });
});

const dayMs = 24 * 3_600_000;
const stranger = anonymous("192.0.2.1");

/** What was refused is no call: anything but a refusal is a failure of the test. */
function refusal(error: unknown): undefined {
  if (!isAssayError(error)) throw error;
  return undefined;
}

const people = fc.constantFrom("olga", "dora", "otto");
const patterns = fc.constantFrom("*", "@acme/*", "@acme/ui", "@acme/hidden", "@other/*", "vite").map(parseNamePattern);
/** Mostly not there: what is narrow in everything makes nothing. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const blocks = rarely(fc.uniqueArray(fc.constantFrom("10.0.0.0/8", "10.1.2.3", "0.0.0.0/0"), { maxLength: 2 }));
const bounds: fc.Arbitrary<{
  readonly bounds: Omit<TokenBounds, "expiresAtMs">;
  readonly days: number | undefined;
}> = fc.record({
  bounds: fc.record({
    level: fc.constantFrom("read-only", "read-write", "read-write", "stage-only"),
    packages: rarely(fc.uniqueArray(patterns, { maxLength: 3 })),
    organisations: rarely(fc.uniqueArray(fc.constantFrom("acme", "other"), { maxLength: 2 })),
    cidrs: blocks,
  }),
  days: rarely(fc.constantFrom(1, 30)),
});

const permission = fc.constantFrom("no-access", "read-only", "read-write", "read-write-stage-only");
/** Bodies as npm's clients of all versions send them. */
const bodies = fc.oneof(
  fc.record(
    { readonly: fc.boolean(), cidr_whitelist: blocks, expires: fc.constantFrom(1, 30, 90) },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      packages: fc.uniqueArray(patterns, { maxLength: 2 }),
      packages_all: fc.boolean(),
      scopes: fc.uniqueArray(fc.constantFrom("@acme", "@other"), { maxLength: 2 }),
      orgs: fc.uniqueArray(fc.constantFrom("acme", "other"), { maxLength: 2 }),
      packages_and_scopes_permission: permission,
      orgs_permission: permission,
      cidr_whitelist: blocks,
      expires: fc.constantFrom(1, 30, 90),
    },
    { requiredKeys: [] },
  ),
);

const packages = fc.constantFrom(ui, hidden, theirs);
const organisationNames = fc.constantFrom("acme", "other");
const call = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("token" as const), body: bodies }) },
  fc.record({
    kind: fc.constant("role" as const),
    organisation: organisationNames,
    role: fc.constantFrom("owner", "admin", "developer"),
  }),
  fc.record({ kind: fc.constant("organisation" as const) }),
  fc.record({ kind: fc.constant("owner" as const), name: packages }),
  fc.record({
    kind: fc.constant("team" as const),
    name: packages,
    team: organisationNames.map((organisation) => ({ organisation, team: "developers" })),
  }),
  fc.record({ kind: fc.constant("rule" as const), name: packages }),
  fc.record({ kind: fc.constant("wait" as const), days: fc.constantFrom(1, 2) }),
);
type Call = typeof call extends fc.Arbitrary<infer One> ? One : never;
/** A call with one of the tokens that there are by then. */
const calls = fc.record({ by: fc.nat({ max: 7 }), from: fc.constantFrom("10.1.2.3", "11.0.0.1"), call });
