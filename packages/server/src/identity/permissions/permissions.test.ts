import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isAssayError, parseNamePattern, parsePackageName } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { anonymous, type Principal } from "../principal.ts";
import { actions, createPermissions, openPolicySets, type Action, type Resource } from "./permissions.ts";
import { aPackage, bot, ci, createTestFacts, nobodys, person } from "./test-facts.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const stranger = anonymous("127.0.0.1");
const acme: Resource = { kind: "organisation", name: "acme" };
const registry: Resource = { kind: "registry" };
const secret = aPackage("@acme/secret");

async function open(
  t: TestContext,
  options: {
    readonly read?: "anyone" | "signed-in";
    readonly membersRead?: "granted" | "everything";
    readonly policies?: string;
    readonly organisation?: string;
  } = {},
) {
  const { read = "anyone" } = options;
  const folder = tempFolder(t);
  if (options.policies !== undefined) {
    await mkdir(join(folder, "policies"));
    await writeFile(join(folder, "policies", "shop.cedar"), options.policies);
  }
  const policies = await openPolicySets({ ...options, read, folder: join(folder, "policies"), installation: folder });
  if (options.organisation !== undefined) await policies.put("acme", await policies.read(options.organisation));
  const facts = createTestFacts();
  const permissions = createPermissions({ ...facts, policies, telemetry: { log } }, { read });
  const may = async (principal: Principal, action: Action, resource: Resource): Promise<boolean> =>
    (await permissions.decide(principal, action, resource)).allowed;
  const refusal = async (principal: Principal, action: Action, resource: Resource): Promise<string> => {
    try {
      await permissions.require(principal, action, resource);
    } catch (error) {
      if (isAssayError(error)) return `${error.code} ${error.message}`;
      throw error;
    }
    return "allowed";
  };
  return { permissions, policies, facts, may, refusal };
}

test("members and bots read what their teams were given, unless everything is the setting", async (t) => {
  const granted = await open(t);
  for (const who of [person("dora"), bot("robo")]) assert.ok(!(await granted.may(who, "read", secret)), who.id);
  granted.facts.packages.set("@acme/secret", {
    visibility: "restricted",
    owners: [],
    readers: [{ organisation: "acme", team: "all" }],
    writers: [],
  });
  for (const name of ["dora", "robo"]) {
    const before = granted.facts.holders.get(name) ?? nobodys;
    granted.facts.holders.set(name, { ...before, teams: [{ organisation: "acme", team: "all" }] });
  }
  granted.facts.change();
  for (const who of [person("dora"), bot("robo")]) assert.ok(await granted.may(who, "read", secret), who.id);
  const everything = await open(t, { membersRead: "everything" });
  for (const who of [person("dora"), bot("robo")]) assert.ok(await everything.may(who, "read", secret), who.id);
  assert.ok(!(await everything.may(person("olaf"), "read", secret)));
});

test("who may do what by the built-in policies", async (t) => {
  const { permissions } = await open(t);
  const all = async (principal: Principal, resource: Resource): Promise<string> => {
    const can: string[] = [];
    for (const action of actions) if ((await permissions.decide(principal, action, resource)).allowed) can.push(action);
    return can.join(" ");
  };
  const everything =
    "read publish stage approve tag deprecate unpublish own configure trust promote rollback quarantine release recall";
  const table: readonly (readonly [Principal, Resource, string])[] = [
    [stranger, aPackage("vite"), "read"],
    [stranger, aPackage("@acme/open"), "read"],
    [stranger, secret, ""],
    [stranger, aPackage("@acme/new"), ""],
    [stranger, acme, ""],
    [stranger, registry, "read"],
    [person("nobody"), secret, ""],
    [person("olaf"), secret, ""],
    [person("dora"), secret, ""],
    [person("dora"), aPackage("@acme/new"), "publish stage"],
    [person("dora"), aPackage("vite"), "read"],
    [person("dora"), acme, "read"],
    [person("tim"), secret, "read publish stage tag deprecate"],
    [person("otto"), secret, "read publish stage approve tag deprecate unpublish own configure trust promote rollback"],
    [person("adam"), secret, everything],
    [person("adam"), acme, "read approve audit"],
    [person("olga"), secret, everything],
    [person("olga"), acme, "read approve administer audit"],
    [person("olga"), { kind: "organisation", name: "other" }, ""],
    [person("olga"), registry, "read"],
    [person("olga"), { kind: "channel", organisation: "acme", name: "stable" }, "read approve promote rollback"],
    [person("root"), secret, everything],
    [person("root"), aPackage("vite"), "read approve promote rollback quarantine release recall"],
    [person("root"), acme, "read approve administer audit"],
    [person("root"), registry, "read approve quarantine release recall administer audit"],
    [bot("robo"), secret, ""],
    [bot("robo"), aPackage("@acme/new"), ""],
    [bot("robo"), acme, "read"],
    [ci("r1"), secret, "read publish stage"],
    [ci("r1"), aPackage("@acme/new"), ""],
    [ci("r2"), secret, "read stage"],
    [ci("gone"), secret, ""],
    [ci("r1"), acme, ""],
  ];
  for (const [principal, resource, expected] of table)
    assert.equal(await all(principal, resource), expected, `${principal.id} ${JSON.stringify(resource)}`);
});

test("a refusal hides what may not be read, asks strangers to sign in, and else names the policy", async (t) => {
  const { refusal } = await open(t);
  assert.equal(await refusal(stranger, "read", aPackage("vite")), "allowed");
  assert.equal(await refusal(stranger, "read", secret), "NOT_FOUND The package @acme/secret was not found.");
  assert.equal(
    await refusal(person("olaf"), "publish", aPackage("@acme/new")),
    "NOT_FOUND The package @acme/new was not found.",
  );
  assert.equal(await refusal(person("olaf"), "administer", acme), "NOT_FOUND The organisation acme was not found.");
  const signIn = "UNAUTHORIZED Not signed in: this needs an account; sign in or send a token.";
  for (const name of ["@acme/secret", "@acme/open", "@acme/new", "vite"])
    assert.equal(await refusal(stranger, "publish", aPackage(name)), signIn);
  assert.equal(
    await refusal(person("dora"), "publish", aPackage("@acme/open")),
    "FORBIDDEN Not allowed: dora may not publish @acme/open (no policy allows it).",
  );
  assert.equal(
    await refusal(person("dora"), "publish", aPackage("vite")),
    "NOT_FOUND The package vite was not found.",
    "as a name that is hidden",
  );
  assert.equal(
    await refusal({ ...person("root"), isAdmin: true }, "publish", aPackage("vite")),
    "FORBIDDEN Not allowed: the name belongs to an upstream registry, not to an organisation here (policy upstreams-own-their-names).",
  );
  assert.equal(
    await refusal(bot("robo"), "approve", aPackage("@acme/open")),
    "FORBIDDEN Not allowed: only people approve (policy only-people-approve).",
  );
});

test("a registry for people who signed in tells strangers the same of everything", async (t) => {
  const { permissions, refusal, may } = await open(t, { read: "signed-in" });
  const answers = new Set<string>();
  for (const name of ["vite", "@acme/open", "@acme/secret", "@acme/new"]) {
    assert.equal(permissions.isOpen(parsePackageName(name)), false);
    answers.add(await refusal(stranger, "read", aPackage(name)));
  }
  assert.deepEqual([...answers], ["UNAUTHORIZED Not signed in: this needs an account; sign in or send a token."]);
  assert.ok(await may(person("nobody"), "read", aPackage("vite")));
  assert.ok(await may(person("nobody", { packages: [parseNamePattern("@acme/x")] }), "read", aPackage("vite")));
});

test("a token never reaches further than its grant, nor its holder", async (t) => {
  const { may, refusal } = await open(t);
  const patterns = [parseNamePattern("@acme/o*")];
  assert.ok(!(await may(person("olga", { level: "read-only" }), "publish", secret)));
  assert.ok(await may(person("olga", { level: "read-only" }), "read", secret));
  assert.ok(await may(person("olga", { level: "stage-only" }), "stage", secret));
  assert.ok(!(await may(person("olga", { level: "stage-only" }), "publish", secret)));
  assert.ok(await may(person("olga", { packages: patterns }), "publish", aPackage("@acme/open")));
  assert.ok(!(await may(person("olga", { packages: patterns }), "publish", secret)));
  assert.ok(!(await may(person("olga", { packages: patterns }), "administer", acme)));
  assert.ok(await may(person("olga", { packages: patterns, organisations: ["acme"] }), "administer", acme));
  assert.ok(!(await may(person("olga", { organisations: ["other"] }), "administer", acme)));
  assert.ok(!(await may(person("root", { organisations: ["acme"] }), "administer", registry)));
  assert.ok(!(await may(person("dora", {}), "publish", secret)));
  assert.ok(await may(person("olga", { packages: [] }), "read", aPackage("@acme/open")), "open to anybody anyway");
  assert.equal(
    await refusal(person("olga", { level: "read-only" }), "publish", secret),
    "FORBIDDEN Not allowed: the token is read-only (policy token t1).",
  );
});

test("whether a package is open is what the policies say to strangers, with and without a shop's policies", async (t) => {
  const forbidding = `@id("no-left") @reason("left-* is not read here")
    forbid (principal, action == Assay::Action::"read", resource is Assay::Package) when { resource.name like "left-*" };`;
  const inside = `@id("vpn") @reason("from inside only")
    forbid (principal, action, resource) unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };`;
  const opening = `@id("open-secret") permit (principal, action == Assay::Action::"read", resource == Assay::Package::"@acme/secret");`;
  for (const options of [
    {},
    { policies: forbidding },
    { policies: opening },
    { organisation: opening },
    { policies: inside },
  ])
    for (const read of ["anyone", "signed-in"] as const) {
      const { permissions, may } = await open(t, { ...options, read });
      for (const name of ["vite", "left-pad", "@acme/open", "@acme/secret", "@acme/new", "@other/secret"])
        assert.equal(
          permissions.isOpen(parsePackageName(name)),
          await may(stranger, "read", aPackage(name)),
          `${name} ${read} ${JSON.stringify(options)}`,
        );
    }
});

test("of many packages those are readable of which each alone is", async (t) => {
  const policies = [
    undefined,
    `@id("no-open") @reason("closed") forbid (principal, action == Assay::Action::"read", resource is Assay::Package)
       when { resource.name like "@acme/o*" };`,
    `@id("opens") permit (principal, action == Assay::Action::"read", resource == Assay::Package::"@acme/secret");`,
    `@id("owned") @reason("nobody looks after it") forbid (principal, action == Assay::Action::"read", resource is Assay::Package)
       when { resource.isHosted && resource.owners.isEmpty() };`,
    `@id("members") @reason("inside only") forbid (principal, action == Assay::Action::"read", resource in Assay::Organisation::"acme")
       when { principal is Assay::Anonymous };`,
  ];
  const names = ["open", "secret", "second", "third", "new"].flatMap((name) => [`@acme/${name}`, `@other/${name}`]);
  const parsed = names.map(parsePackageName);
  for (const text of policies)
    for (const where of ["policies", "organisation"] as const) {
      const { permissions, facts, may } = await open(t, text === undefined ? {} : { [where]: text });
      const team = { organisation: "acme", team: "ui" };
      facts.packages.set("@acme/second", { visibility: "restricted", owners: ["otto"], readers: [team], writers: [] });
      facts.packages.set("@acme/third", { visibility: "restricted", owners: [], readers: [], writers: [] });
      facts.holders.set("guest", { ...nobodys, teams: [team] });
      facts.rules.set("org", { packages: [], organisation: "acme", permissions: ["read"] });
      facts.change();
      const two = ["@acme/open", "@acme/third"].map(parseNamePattern);
      for (const principal of [
        stranger,
        ...["dora", "tim", "otto", "guest", "olaf", "root", "nobody"].map((name) => person(name)),
        person("dora", { packages: two }),
        person("root", { packages: [], organisations: ["acme"] }),
        bot("robo"),
        ...["r1", "r2", "org", "none"].map(ci),
      ]) {
        const each = [];
        for (const name of parsed) if (await may(principal, "read", { kind: "package", name })) each.push(name);
        assert.deepEqual(await permissions.readable(principal, parsed), each, `${principal.id} ${where} ${text}`);
      }
    }
});

test("what many packages cost does not grow with them, but where a policy looks at each; then the rest is hidden", async (t) => {
  const names = Array.from({ length: 3000 }, (_, at) => parsePackageName(`@acme/p${at}`));
  const asked = async (principal: Principal, text?: string): Promise<readonly [number, number]> => {
    const { facts, policies } = await open(t, text === undefined ? {} : { organisation: text });
    for (const name of names)
      facts.packages.set(name, { visibility: "restricted", owners: [], readers: [], writers: [] });
    let questions = 0;
    const counting = {
      ...facts.facts,
      package: (name: (typeof names)[number]) => {
        questions += 1;
        return facts.facts.package(name);
      },
    };
    const permissions = createPermissions(
      { ...facts, facts: counting, policies, telemetry: { log } },
      { read: "anyone" },
    );
    return [(await permissions.readable(principal, names)).length, questions];
  };
  assert.deepEqual(await asked(person("adam")), [3000, 1]);
  assert.deepEqual(await asked(stranger), [0, 1]);
  const byName = `@id("no-q") @reason("no") forbid (principal, action, resource is Assay::Package) when { resource.name like "q*" };`;
  assert.deepEqual(await asked(person("adam"), byName), [2000, 2000]);
});

test("where policies look at each package, one organisation's many hide none of another's few", async (t) => {
  const policies = `@id("all") @reason("all") permit (principal, action == Assay::Action::"read", resource is Assay::Package) when { resource.name like "*" };`;
  const { permissions, facts } = await open(t, { policies });
  const named = (organisation: string, count: number) =>
    Array.from({ length: count }, (_, at) => parsePackageName(`@${organisation}/p${at}`));
  const [many, few, elsewhere] = [named("acme", 3000), named("other", 300), named("proxied", 2500)];
  for (const name of [...many, ...few])
    facts.packages.set(name, { visibility: "restricted", owners: [], readers: [], writers: [] });
  const counted = async (names: readonly ReturnType<typeof parsePackageName>[]) => {
    const read = await permissions.readable(person("dora"), names);
    return ["@acme/", "@other/", "@proxied/"].map((scope) => read.filter((name) => name.startsWith(scope)).length);
  };
  assert.deepEqual(await counted([...many, ...few]), [2000, 300, 0]);
  assert.deepEqual(await counted([...many, ...elsewhere, ...few]), [1850, 300, 1850]);
});

test("a rule of an organisation reads what that one has, whatever its scope's other names are", async (t) => {
  const { permissions, facts, policies } = await open(t);
  facts.rules.set("org", { packages: [], organisation: "acme", permissions: ["read"] });
  // As where the configuration gives names inside the scope of acme to another organisation.
  const names = {
    ...facts.names,
    organisationOf: (name: Parameters<typeof facts.names.organisationOf>[0]) =>
      name.startsWith("@acme/theirs-") ? "other" : facts.names.organisationOf(name),
  };
  assert.ok((await permissions.decide(ci("org"), "read", secret)).allowed);
  const inside = createPermissions({ facts: facts.facts, names, policies, telemetry: { log } }, { read: "anyone" });
  assert.ok((await inside.decide(ci("org"), "read", secret)).allowed);
  assert.ok(!(await inside.decide(ci("org"), "read", aPackage("@acme/theirs-x"))).allowed);
  assert.ok((await inside.decide(ci("r2"), "read", aPackage("@acme/theirs-x"))).allowed, "a pattern alone would");
});

test("a shop's own policies give and take, and the refusal says which", async (t) => {
  const { may, refusal } = await open(t, {
    policies: `
      @id("renovate-tags")
      permit (principal == Assay::Bot::"robo", action == Assay::Action::"tag", resource in Assay::Organisation::"acme");
      @id("ci-only") @reason("releases come from CI only")
      forbid (principal is Assay::Person, action == Assay::Action::"publish", resource) when { context.via == "token" };
      @id("private-means-private") @reason("administrators do not read what is private")
      forbid (principal is Assay::Person, action == Assay::Action::"read", resource is Assay::Package)
      when { principal.isAdministrator && !resource.isPublic && !(resource in principal.memberOf) };
      @id("office") @reason("unpublishing works from the office only")
      forbid (principal, action == Assay::Action::"unpublish", resource)
      unless { context has address && context.address.isInRange(ip("127.0.0.0/8")) };`,
  });
  assert.ok(await may(bot("robo"), "tag", secret));
  assert.ok(!(await may(bot("robo"), "tag", aPackage("@other/secret"))));
  assert.ok(await may(person("olga"), "publish", secret));
  assert.equal(
    await refusal(person("olga", {}), "publish", secret),
    "FORBIDDEN Not allowed: releases come from CI only (policy ci-only).",
  );
  assert.ok(!(await may(person("root"), "read", secret)));
  assert.ok(await may(person("root"), "read", aPackage("@acme/open")));
  assert.ok(await may(person("olga"), "unpublish", secret));
  assert.ok(!(await may({ ...person("olga"), address: "10.1.2.3" }, "unpublish", secret)));
  assert.ok(!(await may({ ...person("olga"), address: "not an address" }, "unpublish", secret)));
});

test("an organisation's policies hold for what is its own, and nowhere else", async (t) => {
  const { may, policies } = await open(t, {
    organisation: `@id("everybody") permit (principal, action == Assay::Action::"read", resource);
      @id("frozen") @reason("the release is near") forbid (principal, action == Assay::Action::"publish", resource);`,
  });
  assert.ok(await may(stranger, "read", secret));
  assert.ok(!(await may(stranger, "read", aPackage("@other/secret"))));
  assert.ok(!(await may(person("olga"), "publish", secret)));
  assert.ok(await may(person("olaf"), "publish", aPackage("@other/secret")));
  await policies.put("acme", []);
  assert.ok(!(await may(stranger, "read", secret)));
  assert.ok(await may(person("olga"), "publish", secret));
});

test("a decision holds until facts or policies change, and not longer", async (t) => {
  const { may, facts, policies } = await open(t);
  assert.ok(!(await may(person("dora"), "publish", secret)));
  facts.holders.set("dora", { ...nobodys, organisations: [{ name: "acme", role: "admin" }] });
  assert.ok(!(await may(person("dora"), "publish", secret)), "kept while nothing is said to have changed");
  facts.change();
  assert.ok(await may(person("dora"), "publish", secret));
  await policies.put("acme", await policies.read(`@id("no") @reason("no") forbid (principal, action, resource);`));
  assert.ok(!(await may(person("dora"), "publish", secret)));
});

test("facts that change while a question is answered are not kept", async (t) => {
  const { facts, policies } = await open(t);
  const holders = facts.facts.holder;
  let during: (() => void) | undefined;
  const permissions = createPermissions(
    {
      ...facts,
      facts: {
        ...facts.facts,
        async holder(kind, name) {
          const found = await holders(kind, name);
          during?.();
          return found;
        },
      },
      policies,
      telemetry: { log },
    },
    { read: "anyone" },
  );
  during = () => {
    during = undefined;
    facts.holders.set("olga", nobodys);
    facts.change();
  };
  await permissions.decide(person("olga"), "publish", secret);
  assert.equal((await permissions.decide(person("olga"), "publish", secret)).allowed, false);
});

test("what cannot be asked is refused: facts that fail, an action that the resource does not have", async (t) => {
  const { facts, policies, may } = await open(t);
  assert.ok(!(await may(person("root"), "publish", acme)));
  const failing = { ...facts.facts, holder: async () => await Promise.reject(new Error("the database is away")) };
  const permissions = createPermissions({ ...facts, facts: failing, policies, telemetry: { log } }, { read: "anyone" });
  assert.equal((await permissions.decide(person("olga"), "read", secret)).allowed, false);
});
