/** Organisations, teams and package access as npm and pnpm ask for them. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { tempFolder } from "@assay/testkit/temp-folder";
import { codeOfUrl } from "../src/identity/sign-in/test-codes.ts";
import { startHostedServer, type HostedServer } from "./hosted-server.ts";
import { signIn } from "./form-visitor.ts";
import { password, publishBody } from "./publisher.ts";

const folder = tempFolder({ after: (work) => after(work) });
let hosted: HostedServer;
let olga: string;
let dora: string;

before(async () => {
  await installClients(() => {});
  hosted = await startHostedServer();
  olga = await hosted.join("olga");
  dora = await hosted.join("dora");
  const made = await hosted.send("POST", "/-/assay/v1/organisations", { name: "acme" }, olga);
  assert.equal(made.status, 201, made.text());
  const lib = await hosted.send("PUT", "/@acme%2flib", publishBody({ name: "@acme/lib", version: "1.0.0" }), olga);
  assert.equal(lib.status, 201, lib.text());
  await hosted.claim("@acme/ui", "olga", "restricted");
});

after(() => hosted[Symbol.asyncDispose]());

/** Runs a client that is signed in as olga, and answers what it said. */
function scene(name: ClientName): (...parameters: readonly string[]) => Promise<string> {
  const project = path.join(folder, name);
  const home = path.join(folder, `${name}-home`);
  for (const each of [project, home]) mkdirSync(each, { recursive: true });
  writeFileSync(path.join(project, "package.json"), `{"name":"project","version":"1.0.0"}`);
  const auth = `${new URL(hosted.server.url).host}/:_authToken=${olga}`;
  writeFileSync(path.join(home, ".npmrc"), `//${auth}\n`);
  writeFileSync(path.join(project, ".npmrc"), `registry=${hosted.server.url}/\n//${auth}\n`);
  const cache = path.join(folder, `${name}-cache`);
  return async (...parameters) => {
    const request = { project, home, cache, registry: hosted.server.url, timeoutSeconds: 60 };
    const run = await clients[name].run(request, parameters);
    assert.equal(run.exitCode, 0, `${parameters.join(" ")}\n${run.output}`);
    return run.output;
  };
}

describe("npm", () => {
  for (const name of ["npm10", "npm11", "npm12"] as const) {
    test(`${name} manages an organisation, its teams and access to its packages`, async () => {
      const run = scene(name);
      assert.match(await run("org", "set", "acme", "dora", "admin"), /Added dora as admin to acme/);
      assert.match(await run("org", "ls", "acme", "--json"), /"dora":\s*"admin"/);
      const team = `acme:${name}`;
      await run("team", "create", team);
      assert.match(await run("team", "ls", "acme"), new RegExp(team));
      await run("team", "add", team, "dora");
      assert.match(await run("team", "ls", team), /dora/);
      await run("access", "grant", "read-only", team, "@acme/ui");
      assert.match(await run("access", "list", "packages", team, "--json"), /"@acme\/ui":\s*"read-only"/);
      assert.match(await run("access", "list", "packages", "acme", "--json"), /"@acme\/ui":\s*"read-write"/);
      assert.match(await run("access", "list", "collaborators", "@acme/ui", "--json"), /"olga":\s*"read-write"/);
      await run("access", "revoke", team, "@acme/ui");
      assert.match(await run("access", "get", "status", "@acme/ui"), /private/);
      await run("access", "set", "status=public", "@acme/ui");
      assert.match(await run("access", "get", "status", "@acme/ui"), /public/);
      await run("access", "set", "status=private", "@acme/ui");
      await run("team", "rm", team, "dora");
      await run("team", "destroy", team);
      await run("owner", "add", "dora", "@acme/lib");
      assert.match(await run("owner", "ls", "@acme/lib"), /^dora\b/m);
      await run("owner", "rm", "dora", "@acme/lib");
      assert.doesNotMatch(await run("owner", "ls", "@acme/lib"), /^dora\b/m);
      assert.match(await run("org", "rm", "acme", "dora"), /removed dora/i);
    });
  }
});

test("the last owner stays, nobody is added who is nobody, and a team is of members", async () => {
  const { send } = hosted;
  assert.equal((await send("DELETE", "/-/org/acme/user", { user: "olga" }, olga)).status, 409);
  assert.equal((await send("PUT", "/-/org/acme/user", { user: "olga", role: "developer" }, olga)).status, 409);
  assert.equal((await send("PUT", "/-/org/acme/user", { user: "ghost", role: "owner" }, olga)).status, 404);
  assert.equal((await send("PUT", "/-/team/acme/developers/user", { user: "dora" }, olga)).status, 404);
  assert.equal((await send("DELETE", "/-/team/acme/developers", undefined, olga)).status, 409);
  const set = await send("PUT", "/-/org/acme/user", { user: "dora" }, olga);
  assert.deepEqual(
    [set.status, set.json()],
    [201, { org: { name: "acme", size: 2 }, user: "dora", role: "developer" }],
  );
  assert.deepEqual((await send("GET", "/-/team/acme/developers/user", undefined, olga)).json(), ["dora", "olga"]);
  assert.equal((await send("PUT", "/-/org/acme/user", { user: "dora", role: "owner" }, dora)).status, 403);
  assert.equal((await send("DELETE", "/-/org/acme/user", { user: "dora" }, dora)).status, 204);
  assert.equal((await send("GET", "/-/org/acme/user", undefined, dora)).status, 404);
});

test("owners come and go, the last one does not", async () => {
  const { send } = hosted;
  const owners = "/-/package/@acme%2fui/owners";
  assert.deepEqual((await send("PUT", owners, { user: "dora" }, olga)).json(), { owners: ["dora", "olga"] });
  assert.deepEqual((await send("DELETE", owners, { user: "dora" }, olga)).json(), { owners: ["olga"] });
  assert.equal((await send("DELETE", owners, { user: "olga" }, olga)).status, 409);
});

test("people and organisations have one namespace, and a scope of an upstream is nobody's", async () => {
  const { send, upstream, join } = hosted;
  const found = async (name: string) => (await send("POST", "/-/assay/v1/organisations", { name }, olga)).status;
  assert.equal(await found("dora"), 409);
  assert.equal(await found("acme"), 409);
  assert.equal(await found("ac-me"), 409);
  await assert.rejects(join("acme"));
  upstream.publish({ name: "@babel/core", version: "1.0.0" });
  assert.equal((await send("GET", "/@babel%2fcore")).status, 200);
  assert.equal(await found("babel"), 409);
  assert.equal((await send("POST", "/-/assay/v1/organisations", { name: "fresh" })).status, 401);
});

test("who publishes below their own name for the first time has an organisation of their own", async () => {
  const { send, join } = hosted;
  const token = await join("newcomer");
  const body = publishBody({ name: "@newcomer/x", version: "1.0.0" });
  const answer = await send("PUT", "/@newcomer%2fx", body, token);
  assert.equal(answer.status, 201, answer.text());
  assert.deepEqual((await send("GET", "/-/org/newcomer/user", undefined, token)).json(), { newcomer: "owner" });
  assert.equal(
    (await send("PUT", "/@olga%2fx", publishBody({ name: "@olga/x", version: "1.0.0" }), token)).status,
    403,
  );
  assert.equal((await send("GET", "/@newcomer%2fx", undefined, token)).status, 200);
  assert.equal((await send("GET", "/@newcomer%2fx", undefined, dora)).status, 404);
});

test("the list of owners is replaced by who owns the package, as it was read, and never by nobody", async () => {
  const { send } = hosted;
  const document = (await send("GET", "/@acme%2flib", undefined, olga)).json();
  assert.deepEqual(document["maintainers"], [{ name: "olga", email: "" }]);
  const put = async (maintainers: unknown, token: string, revision = String(document["_rev"])) =>
    (await send("PUT", `/@acme%2flib/-rev/${revision}`, { maintainers }, token)).status;
  assert.equal(await put([], olga), 409);
  assert.equal(await put([{ name: "ghost" }], olga), 404);
  assert.equal(await put([{}], olga), 400);
  assert.equal(await put([{ name: "dora" }], olga, "0"), 409);
  assert.equal(await put([{ name: "dora" }], dora), 403);
  assert.deepEqual((await send("GET", "/-/package/@acme%2flib/owners", undefined, olga)).json(), { owners: ["olga"] });
});

test("a member reads what teams of theirs were given, and not what was taken from them", async () => {
  const { send } = hosted;
  await hosted.claim("@acme/plans", "olga", "restricted");
  assert.equal((await send("PUT", "/-/org/acme/user", { user: "dora" }, olga)).status, 201);
  const sees = async () => (await send("GET", "/-/package/@acme%2fplans/visibility", undefined, dora)).status;
  const given = "/-/team/acme/developers/package";
  assert.equal(await sees(), 200, "what is new is the developers'");
  assert.equal((await send("DELETE", given, { package: "@acme/plans" }, olga)).status, 204);
  assert.equal(await sees(), 404);
  const all = async () => Object.keys((await send("GET", "/-/org/acme/package", undefined, dora)).json());
  assert.ok(!(await all()).includes("@acme/plans"));
  assert.equal((await send("PUT", given, { package: "@acme/plans", permissions: "read-only" }, olga)).status, 201);
  assert.equal(await sees(), 200);
  assert.equal((await send("DELETE", "/-/org/acme/user", { user: "dora" }, olga)).status, 204);
});

test("whose account wants a second factor at changes is asked for it by every change, once", async () => {
  const { send, join } = hosted;
  const token = await join("wary");
  const made = await send("POST", "/-/assay/v1/organisations", { name: "wary-shop" }, token);
  assert.equal(made.status, 201, made.text());
  await hosted.claim("@wary-shop/x", "wary", "restricted");
  const profile = async (tfa: unknown) => (await send("POST", "/-/npm/v1/user", { tfa }, token)).json()["tfa"];
  const offered = await profile({ password: "correct horse battery", mode: "auth-and-writes" });
  const codes = (await profile([codeOfUrl(String(offered), Date.now())])) as readonly string[];
  for (const [method, at, body] of [
    ["POST", "/-/assay/v1/organisations", { name: "another" }],
    ["PUT", "/-/org/wary-shop/user", { user: "dora", role: "owner" }],
    ["DELETE", "/-/org/wary-shop/user", { user: "wary" }],
    ["PUT", "/-/org/wary-shop/team", { name: "ui" }],
    ["DELETE", "/-/team/wary-shop/developers", undefined],
    ["PUT", "/-/team/wary-shop/developers/user", { user: "wary" }],
    ["DELETE", "/-/team/wary-shop/developers/user", { user: "wary" }],
    ["PUT", "/-/team/wary-shop/developers/package", { package: "@wary-shop/x", permissions: "read-only" }],
    ["DELETE", "/-/team/wary-shop/developers/package", { package: "@wary-shop/x" }],
    ["POST", "/-/package/@wary-shop%2fx/access", { access: "public" }],
    ["PUT", "/-/package/@wary-shop%2fx/owners", { user: "dora" }],
    ["DELETE", "/-/package/@wary-shop%2fx/owners", { user: "wary" }],
  ] as const) {
    const answer = await send(method, at, body, token);
    assert.equal(answer.status, 401, `${method} ${at}`);
    assert.match(String(answer.json()["authUrl"]), /step-up/, `${method} ${at}`);
  }
  const otp = { "npm-otp": codes[0] };
  const owners = "/-/package/@wary-shop%2fx/owners";
  assert.deepEqual((await send("PUT", owners, { user: "dora" }, token, otp)).json(), { owners: ["dora", "wary"] });
  assert.equal((await send("DELETE", owners, { user: "dora" }, token, otp)).status, 401, "the code was used");

  const body = publishBody({ name: "@wary-shop/y", version: "1.0.0" });
  assert.equal((await send("PUT", "/@wary-shop%2fy", body, token, { "npm-otp": codes[1] })).status, 201);
  const document = (await send("GET", "/@wary-shop%2fy", undefined, token)).json();
  const put = async (code?: string) => {
    const at = `/@wary-shop%2fy/-rev/${String(document["_rev"])}`;
    const maintainers = [{ name: "dora" }, { name: "wary" }];
    return await send("PUT", at, { maintainers }, token, code === undefined ? {} : { "npm-otp": code });
  };
  assert.equal((await put()).status, 401);
  assert.equal((await put(codes[2])).status, 200);
  const gone = await send("DELETE", `/@wary-shop%2fy/-rev/x`, undefined, token, { "npm-otp": codes[2] });
  assert.equal(gone.status, 401, "a code for owners is good for nothing else");
  assert.equal((await put(codes[2])).status, 401, "and once");
});

test("a package that wants a second factor keeps wanting it from who would take that away", async () => {
  const { send, join } = hosted;
  const token = await join("lax");
  const made = await send("POST", "/-/assay/v1/organisations", { name: "lax-shop" }, token);
  assert.equal(made.status, 201, made.text());
  await hosted.claim("@lax-shop/x", "lax", "restricted");
  const access = "/-/package/@lax-shop%2fx/access";
  assert.equal((await send("POST", access, { publish_requires_tfa: true }, token)).status, 200);
  for (const [method, at, body] of [
    ["POST", access, { publish_requires_tfa: false }],
    ["POST", access, { automation_token_overrides_tfa: true }],
    ["PUT", "/-/package/@lax-shop%2fx/owners", { user: "dora" }],
    ["PUT", "/-/team/lax-shop/developers/package", { package: "@lax-shop/x", permissions: "read-write" }],
  ] as const) {
    const answer = await send(method, at, body, token);
    assert.equal(answer.status, 403, `${method} ${at} ${answer.text()}`);
    assert.match(String(answer.json()["error"]), /second factor/);
  }
  assert.equal((await send("GET", access, undefined, token)).json()["publish_requires_tfa"], true);
});

test("on the page of an organisation its administrators change it, its members look, and for others it is not there", async () => {
  const { send, server, claim } = hosted;
  assert.equal((await send("POST", "/-/assay/v1/organisations", { name: "paged" }, olga)).status, 201);
  await claim("@paged/ui", "olga", "restricted");
  const here = `${server.url}/-/web/organisations/paged`;
  const [owner, member] = [await signIn(server.url, "olga", password), await signIn(server.url, "dora", password)];
  const change = async (fields: Readonly<Record<string, string>>, visitor = owner) => await visitor.send(here, fields);

  const hidden = await member.open(here);
  const absent = await member.open(`${server.url}/-/web/organisations/absent`);
  assert.deepEqual([hidden.status, absent.status], [404, 404]);
  assert.equal(hidden.html.replaceAll("paged", "NAME"), absent.html.replaceAll("absent", "NAME"));
  const refused = await member.send(here, { do: "leave", person: "dora" }, `${server.url}/-/web/me`);
  assert.equal(refused.html.replaceAll("paged", "NAME"), absent.html.replaceAll("absent", "NAME"));

  await change({ do: "set-member", person: "dora", role: "developer" });
  await change({ do: "create-team", team: "ui", description: "" });
  await change({ do: "add-to-team", team: "ui", person: "dora" });
  const page = await change({ do: "grant", team: "ui", package: "@paged/ui", level: "write" });
  assert.equal(page.url, here);
  const org = async (at: string) => (await send("GET", at, undefined, olga)).json() as unknown;
  assert.deepEqual(await org("/-/org/paged/user"), { dora: "developer", olga: "owner" });
  assert.deepEqual(await org("/-/team/paged/ui/user"), ["dora"]);
  assert.deepEqual(await org("/-/team/paged/ui/package"), { "@paged/ui": "write" });
  assert.match(page.html, /ui: 1 member, 1 package/);
  assert.match(page.html, /<dt>Packages<\/dt><dd>0 packages/, "what has no version does not count");

  const seen = await member.open(here);
  assert.match(seen.html, /ui: 1 member, 1 package/);
  assert.doesNotMatch(seen.html, /value="set-member"|value="remove-team"/);
  assert.match((await member.open(`${server.url}/-/web/organisations`)).html, /organisations\/paged">paged<\/a>/);
  const taken = await change({ do: "set-member", person: "dora", role: "owner" }, member);
  assert.equal(taken.status, 403);
  assert.match(taken.html, /role="alert".*Not allowed/);
  const stale = await fetch(here, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: server.url },
    body: "do=remove-team&team=ui&token=other",
  });
  assert.equal(stale.status, 403);

  const nobody = await change({ do: "set-member", person: "<i>ghost", role: "developer" });
  assert.equal(nobody.status, 404);
  assert.match(nobody.html, /The user &lt;i>ghost was not found/);
  const last = await change({ do: "set-member", person: "olga", role: "developer" });
  assert.equal(last.status, 409);
  await change({ do: "grant", team: "ui", package: "@paged/ui", level: "none" });
  await change({ do: "remove-from-team", team: "ui", person: "dora" });
  await change({ do: "remove-team", team: "ui" });
  assert.deepEqual(await org("/-/org/paged/team"), ["paged:developers"]);
  assert.equal((await change({ do: "leave", person: "dora" }, member)).url, `${server.url}/-/web/organisations`);
  assert.deepEqual(await org("/-/org/paged/user"), { olga: "owner" });
});

test("on the page of a package's settings who may changes them, who may read looks, and for others it is not there", async () => {
  const { send, server } = hosted;
  for (const version of ["1.0.0", "1.1.0-beta.1", "2.0.0"]) {
    const body = publishBody({ name: "@acme/set", version }, { tag: version === "2.0.0" ? "latest" : "old" });
    assert.equal((await send("PUT", "/@acme%2fset", body, olga)).status, 201);
  }
  const base = server.url;
  const here = `${base}/-/web/packages/@acme/set/settings`;
  await hosted.join("sue");
  const [owner, other] = [await signIn(base, "olga", password), await signIn(base, "sue", password)];
  const change = async (fields: Readonly<Record<string, string>>, visitor = owner) => await visitor.send(here, fields);
  const document = async () =>
    (await send("GET", "/@acme%2fset", undefined, olga)).json() as {
      "dist-tags": object;
      versions: Record<string, { deprecated?: string }>;
    };
  const deprecated = async () =>
    Object.entries((await document()).versions).flatMap(([version, { deprecated: said }]) =>
      said === undefined ? [] : [`${version} ${said}`],
    );

  const absent = await other.open(here.replace("set/", "not/"));
  for (const page of [await other.open(here), await other.send(here, { do: "configure" }, `${base}/-/web/me`)]) {
    assert.equal(page.status, 404);
    assert.equal(page.html.replaceAll("acme/set", "NAME"), absent.html.replaceAll("acme/not", "NAME"));
  }
  assert.equal((await owner.open(`${base}/-/package/@acme%2fset/settings`)).url, here);
  assert.match((await owner.open(`${base}/@acme/set`)).html, /packages\/@acme\/set\/settings/);

  await change({ do: "deprecate", range: "<2", message: "use <b>2" });
  assert.deepEqual(await deprecated(), ["1.0.0 use <b>2", "1.1.0-beta.1 use <b>2"]);
  const page = await change({ do: "undeprecate", range: "1.0.0", message: "" });
  assert.deepEqual(await deprecated(), ["1.1.0-beta.1 use <b>2"]);
  assert.match(page.html, /use &lt;b>2/);
  for (const [range, message] of [
    ["9", "none is there"],
    ["", "no range"],
    ["1.0.0 ||| 2", "no range either"],
    ["1.0.0", ""],
  ] as const)
    assert.equal((await change({ do: "deprecate", range, message })).status, 400, range);

  await change({ do: "set-tag", tag: "next", version: "1.1.0-beta.1" });
  await change({ do: "delete-tag", tag: "old" });
  assert.equal((await change({ do: "set-tag", tag: "1.x", version: "1.0.0" })).status, 400);
  assert.deepEqual((await document())["dist-tags"], { latest: "2.0.0", next: "1.1.0-beta.1" });
  await change({ do: "add-owner", person: "dora" });
  await change({ do: "remove-owner", person: "olga" });
  const ask = async (at: string) => (await send("GET", at, undefined, olga)).json() as unknown;
  assert.deepEqual(await ask("/-/package/@acme%2fset/owners"), { owners: ["dora"] });
  await change({ do: "add-owner", person: "olga" });
  await change({ do: "remove-owner", person: "dora" });
  await change({ do: "grant", team: "developers", level: "none" });
  const given = (await ask("/-/team/acme/developers/package")) as object;
  assert.deepEqual(["@acme/lib" in given, "@acme/set" in given], [true, false]);

  await change({ do: "configure", visibility: "public", automation: "yes", requires: "yes" });
  const access = { access: "public", public: true, publish_requires_tfa: true, automation_token_overrides_tfa: true };
  assert.deepEqual(await ask("/-/package/@acme%2fset/access"), access);
  // Who set up no second factor cannot give one, here as with npm.
  const refused = await change({ do: "configure", visibility: "restricted", automation: "yes" });
  assert.equal(refused.status, 403);
  assert.match(refused.html, /role="alert".*second factor/);
  assert.deepEqual(await ask("/-/package/@acme%2fset/access"), access);

  const seen = await other.open(here);
  assert.equal(seen.status, 200);
  assert.match(seen.html, /olga/);
  assert.doesNotMatch(seen.html, /name="do"|developers/, "no forms, and nothing of teams");
  assert.equal((await change({ do: "set-tag", tag: "next", version: "1.0.0" }, other)).status, 403);
  assert.deepEqual((await document())["dist-tags"], { latest: "2.0.0", next: "1.1.0-beta.1" });
});
