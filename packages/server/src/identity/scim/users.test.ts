/** Requests in the shapes in which providers send them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isAssayError, type ErrorCode } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createOidcProvider, type OidcProvider } from "@assay/testkit/oidc-provider";
import { identityTestMigrations, password, showing, tokenOf } from "../test-identity.ts";
import { startTestScim, type ScimAnswer } from "./test-scim.ts";

const patchOf = (...Operations: readonly object[]) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations,
});
const okta = (userName: string, externalId: string, more: object = {}) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
  userName,
  externalId,
  name: { givenName: "Grace", familyName: "Hopper" },
  emails: [{ primary: true, value: userName, type: "work" }],
  displayName: "Grace Hopper",
  locale: "en-US",
  groups: [],
  active: true,
  ...more,
});
const entra = (userName: string, externalId: string) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
  externalId,
  userName,
  active: true,
  displayName: "Lee Gu",
  emails: [{ primary: true, type: "work", value: userName }],
  meta: { resourceType: "User" },
  name: { formatted: "Lee Gu", familyName: "Gu", givenName: "Lee" },
  roles: [],
});
const isError = (code: ErrorCode) => (error: unknown) => isAssayError(error, code);
const idOf = ({ body }: ScimAnswer): string => String(body["id"]);
const told = ({ status, body }: ScimAnswer) => [status, body["scimType"]];
const find = (userName: string) => `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`;

onEveryDatabase("SCIM users", ({ fresh }) => {
  let there: OidcProvider;
  before(async () => {
    there = await createOidcProvider();
  });
  after(() => there[Symbol.asyncDispose]());
  const open = async (claim?: "sub" | "oid") => startTestScim(await fresh(...identityTestMigrations), there, claim);

  test("as Okta does it: looked for, made, signed in, out at once, back again, renamed, deleted, and hired anew", async () => {
    await using scim = await open();
    const { ask, identity, signIn, key, events } = scim;
    const none = await ask("GET", `${find("Grace@example.com")}&startIndex=1&count=100`);
    assert.equal(none.status, 200);
    assert.deepEqual([none.body["totalResults"], none.body["Resources"]], [0, []]);
    const made = await ask("POST", "/Users", okta("Grace@example.com", "00u1"));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const id = idOf(made);
    assert.match(made.headers.get("location") ?? "", new RegExp(`/-/scim/v2/Users/${id}$`));
    assert.match(made.headers.get("content-type") ?? "", /^application\/scim\+json/);
    assert.equal(made.body["active"], true);
    assert.equal((await ask("GET", find("gRACE@example.com"))).body["totalResults"], 1, "user names have no case");
    assert.equal((await ask("GET", `/Users/${id}`)).body["userName"], "Grace@example.com");
    const grace = await identity.accounts.find("grace");
    assert.deepEqual([grace?.fullName, grace?.email, grace?.isAdmin], ["Grace Hopper", "Grace@example.com", false]);

    const person = { sub: "00u1", preferred_username: "somebody else" };
    assert.equal(await signIn(person), "grace", "whoever is made by SCIM waits for that sub");
    const place = { secret: undefined, place: { address: "192.0.2.1", agent: "Browser/1" } };
    const { secret: session } = await identity.signIn.begin("grace", { isComplete: true }, place);
    const bearer = await tokenOf(identity, "grace");
    assert.equal((await identity.authenticate(showing({ bearer }))).name, "grace");
    const out = await ask("PATCH", `/Users/${id}`, patchOf({ op: "replace", value: { active: false } }));
    assert.deepEqual([out.status, out.body["active"]], [200, false]);
    await assert.rejects(identity.authenticate(showing({ bearer })), isError("UNAUTHORIZED"));
    assert.equal((await identity.authenticate(showing({ session }))).kind, "anonymous");
    await assert.rejects(signIn(person), isError("FORBIDDEN"));
    assert.equal((await identity.accounts.find("grace"))?.disabledBy, `scim:${key}`);

    const back = await ask("PUT", `/Users/${id}`, okta("g.hopper@example.com", "00u1", { displayName: "Admiral" }));
    assert.deepEqual([back.status, back.body["active"], back.body["displayName"]], [200, true, "Admiral"]);
    assert.equal(await signIn(person), "grace");
    await assert.rejects(identity.authenticate(showing({ bearer })), isError("UNAUTHORIZED"), "stays revoked");
    assert.equal((await ask("GET", find("Grace@example.com"))).body["totalResults"], 0);

    assert.equal((await ask("DELETE", `/Users/${id}`)).status, 204);
    assert.deepEqual(told(await ask("GET", `/Users/${id}`)), [404, undefined]);
    assert.equal((await ask("DELETE", `/Users/${id}`)).status, 404);
    await assert.rejects(signIn(person), isError("FORBIDDEN"));
    const again = await ask("POST", "/Users", okta("grace@example.com", "00u1"));
    assert.deepEqual([again.status, idOf(again)], [201, id]);
    assert.equal(await signIn(person), "grace");
    const kinds = (await events()).filter((each) => each.endsWith("person:grace")).map((each) => each.split(" ")[0]);
    for (const kind of ["account.created", "scim.user-made", "scim.user-renamed", "scim.user-deleted"])
      assert.ok(kinds.includes(kind), kind);
    assert.equal(kinds.filter((kind) => kind === "account.disabled").length, 2);
  });

  test("as Entra ID does it: words for truth, operations in capitals, paths with filters, the object id as externalId", async () => {
    await using scim = await open("oid");
    const { ask, identity, signIn } = scim;
    assert.equal((await ask("GET", find("lee@example.com"))).body["totalResults"], 0);
    const made = await ask("POST", "/Users", entra("lee@example.com", "oid-1"));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const at = `/Users/${idOf(made)}`;
    const person = { sub: "pairwise-1", preferred_username: "lee@example.com", oid: "oid-1" };
    assert.equal(await signIn(person), "lee");
    const state = async () => (await identity.accounts.find("lee"))?.state;
    for (const [operation, expected] of [
      [{ op: "Replace", path: "active", value: "False" }, "disabled"],
      [{ op: "Add", path: "active", value: "True" }, "active"],
      [{ op: "Replace", value: { active: "False" } }, "disabled"],
      [{ op: "replace", path: "urn:ietf:params:scim:schemas:core:2.0:User:active", value: true }, "active"],
      [{ op: "replace", path: "Active", value: false }, "disabled"],
      [{ op: "replace", path: "active", value: true }, "active"],
    ] as const) {
      assert.equal((await ask("PATCH", at, patchOf(operation))).status, 200, JSON.stringify(operation));
      assert.equal(await state(), expected, JSON.stringify(operation));
    }
    const many = await ask(
      "PATCH",
      at,
      patchOf(
        { op: "Replace", path: 'emails[type eq "work"].value', value: "lee.gu@example.com" },
        { op: "Replace", path: "displayName", value: "Lee G." },
        { op: "Replace", path: "name.familyName", value: "G." },
        { op: "Add", path: "title", value: "Engineer" },
        { op: "Replace", path: "userName", value: "lee.gu@example.com" },
        { op: "Add", value: { "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "x" } },
      ),
    );
    assert.deepEqual([many.status, many.body["userName"]], [200, "lee.gu@example.com"], JSON.stringify(many.body));
    const lee = await identity.accounts.find("lee");
    assert.deepEqual([lee?.email, lee?.fullName], ["lee.gu@example.com", "Lee G."]);
    const without = await ask("PATCH", at, patchOf({ op: "Remove", path: "displayName" }));
    assert.equal(without.body["displayName"], undefined);
    assert.equal((await ask("GET", `/Users?filter=externalId%20eq%20%22oid-1%22`)).body["totalResults"], 1);
  });

  test("SCIM takes nobody over: no account with a password, no administrator, no bot, no name, no other identity", async () => {
    await using scim = await open();
    const { ask, identity, signIn } = scim;
    const { accounts } = identity;
    await accounts.create("x", { name: "ada", kind: "person", password });
    await accounts.create("x", { name: "robot", kind: "bot", password: undefined, operator: "ada" });
    for (const name of ["ada", "Ada@example.com", "robot", "admin@example.com"]) {
      const answer = await ask("POST", "/Users", okta(name, `x-${name}`));
      assert.ok(answer.status === 409 || answer.status === 400, `${name} ${answer.status}`);
    }
    // Ada links the provider to her own account: it stays hers.
    await signIn({ sub: "ada-1", preferred_username: "ada" }, "ada");
    assert.equal((await ask("POST", "/Users", okta("ada.l@example.com", "ada-1"))).status, 403);
    assert.equal((await accounts.find("ada"))?.fullName, undefined);

    const made = await ask("POST", "/Users", okta("eve@example.com", "eve-1"));
    const at = `/Users/${idOf(made)}`;
    for (const change of [
      ask("PATCH", at, patchOf({ op: "replace", path: "externalId", value: "ada-1" })),
      ask("PUT", at, okta("eve@example.com", "other")),
      ask("PATCH", at, patchOf({ op: "remove", path: "externalId" })),
      ask("PATCH", at, patchOf({ op: "remove", path: "active" })),
    ])
      assert.deepEqual(told(await change), [400, "mutability"]);
    assert.deepEqual(told(await ask("POST", "/Users", okta("eve2@example.com", "eve-1"))), [409, "uniqueness"]);
    await ask("POST", "/Users", okta("mallory@example.com", "mallory-1"));
    const named = patchOf({ op: "replace", path: "userName", value: "MALLORY@example.com" });
    assert.deepEqual(told(await ask("PATCH", at, named)), [409, "uniqueness"]);
    // Nobody links somebody of SCIM's to another account.
    await accounts.create("x", { name: "bob", kind: "person", password });
    await assert.rejects(signIn({ sub: "eve-1", preferred_username: "eve" }, "bob"), isError("CONFLICT"));

    await accounts.setAdmin("terminal", "eve", true);
    for (const change of [ask("DELETE", at), ask("PATCH", at, patchOf({ op: "replace", value: { active: false } }))])
      assert.equal((await change).status, 403);
    assert.equal((await accounts.find("eve"))?.state, "active");
    await accounts.setAdmin("terminal", "bob", true);
    await accounts.setAdmin("terminal", "eve", false);
    await accounts.setState("person:bob", "eve", "disabled");
    assert.equal((await ask("PATCH", at, patchOf({ op: "replace", value: { active: false } }))).status, 200);
    const forced = await ask("PATCH", at, patchOf({ op: "replace", value: { active: true } }));
    assert.equal(forced.status, 403, "whom somebody here disabled stays so");
    assert.equal((await accounts.find("eve"))?.disabledBy, "person:bob");
  });

  test("who has signed in through the provider before is bound to the account they have; a password is never set", async () => {
    await using scim = await open();
    const { ask, identity, signIn } = scim;
    await signIn({ sub: "7", preferred_username: "grace" });
    const made = await ask("POST", "/Users", { ...okta("other@example.com", "7"), password: "a good long password" });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.equal(await identity.accounts.find("other"), undefined);
    await assert.rejects(
      identity.accounts.checkPassword("grace", "a good long password", "192.0.2.1"),
      isError("UNAUTHORIZED"),
    );
    // What the provider did by itself is undone by coming back there; what SCIM did is not.
    await identity.accounts.setState(`provider:${there.issuer}`, "grace", "disabled");
    await ask("DELETE", `/Users/${idOf(made)}`);
    const grace = await identity.accounts.find("grace");
    assert.deepEqual([grace?.state, grace?.disabledBy], ["disabled", `scim:${scim.key}`]);
    const inactive = await ask("POST", "/Users", okta("not.yet@example.com", "8", { active: false }));
    assert.deepEqual([inactive.status, inactive.body["active"]], [201, false]);
    await assert.rejects(signIn({ sub: "8", preferred_username: "x" }), isError("FORBIDDEN"));
  });

  test("nothing is told to who has no token of the operator's, and guesses are slowed down", async () => {
    await using scim = await open();
    const { ask, identity, token, key } = scim;
    await identity.accounts.create("x", { name: "ada", kind: "person", password, isAdmin: true });
    const mine = await tokenOf(identity, "ada");
    for (const as of ["", mine, `${token}x`, token.slice(0, -1)])
      for (const at of ["/ServiceProviderConfig", "/Users", "/Users/1"])
        assert.equal((await ask("GET", at, undefined, as)).status, 401, as);
    const { status, headers, body } = await ask("DELETE", "/Users/1", undefined, mine);
    assert.deepEqual([status, headers.get("www-authenticate"), body["status"]], [401, "Bearer", "401"]);
    assert.deepEqual(body["schemas"], ["urn:ietf:params:scim:api:messages:2.0:Error"]);
    await assert.rejects(identity.authenticate(showing({ bearer: token })), isError("UNAUTHORIZED"));
    assert.equal((await ask("GET", "/Users")).status, 200);
    await identity.scimTokens.revoke("terminal", key);
    assert.equal((await ask("GET", "/Users")).status, 401);
    let last: ScimAnswer | undefined;
    for (let tries = 0; tries < 40 && last?.status !== 429; tries += 1) last = await ask("GET", "/Users");
    assert.equal(last?.status, 429);
    assert.ok(Number(last?.headers.get("retry-after")) > 0);
  });

  test("what it is not is refused by name; lists are paged; what there is can be discovered", async () => {
    await using scim = await open();
    const { ask } = scim;
    for (const name of ["a1", "b1", "c1"]) await ask("POST", "/Users", okta(`${name}@example.com`, name));
    for (const filter of [
      'userName sw "a"',
      'userName eq "a" or active eq true',
      "userName eq a",
      'password eq "x"',
      'not (userName eq "a")',
      'userName eq "a" "',
      "",
      `userName eq "${"x".repeat(2000)}"`,
      String.raw`userName eq "\u0000"`,
      String.raw`userName eq "\ud800"`,
    ]) {
      const answer = await ask("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      assert.deepEqual(told(answer), [400, "invalidFilter"], filter);
    }
    assert.deepEqual(told(await ask("POST", "/Users", okta("\ud800", "d1"))), [400, "invalidValue"]);
    const page = await ask("GET", "/Users?startIndex=2&count=1");
    const { totalResults, startIndex, itemsPerPage, Resources } = page.body as {
      Resources: { userName: string }[];
    } & Record<string, unknown>;
    assert.deepEqual([totalResults, startIndex, itemsPerPage], [3, 2, 1]);
    assert.equal(Resources.length, 1);
    assert.equal((await ask("GET", "/Users?startIndex=0&count=-1")).body["itemsPerPage"], 0);
    assert.deepEqual(told(await ask("GET", "/Users?count=x")), [400, "invalidValue"]);
    for (const [body, type] of [
      [[], "invalidSyntax"],
      [{ userName: "x" }, "invalidValue"],
      [{ externalId: "x" }, "invalidValue"],
      [okta("\u0007x", "9"), "invalidValue"],
      [okta("d1@example.com", "9", { active: "maybe" }), "invalidValue"],
      [okta("d1@example.com", "9", { emails: "x" }), "invalidValue"],
      [okta("d1@example.com", "9", { USERNAME: "twice" }), "invalidSyntax"],
    ] as const)
      assert.deepEqual(told(await ask("POST", "/Users", body)), [400, type], JSON.stringify(body));
    const [first] = (await ask("GET", "/Users")).body["Resources"] as { id: string }[];
    for (const [body, type] of [
      [{}, "invalidSyntax"],
      [patchOf(), "invalidSyntax"],
      [patchOf({ op: "move", path: "active" }), "invalidSyntax"],
      [patchOf({ op: "replace", value: true }), "invalidSyntax"],
      [patchOf({ op: "remove" }), "noTarget"],
      [patchOf({ op: "replace", path: "active", value: 1 }), "invalidValue"],
    ] as const)
      assert.deepEqual(told(await ask("PATCH", `/Users/${first?.id}`, body)), [400, type], JSON.stringify(body));
    const config = (await ask("GET", "/ServiceProviderConfig")).body as { patch: object; bulk: { supported: boolean } };
    assert.deepEqual([config.patch, config.bulk.supported], [{ supported: true }, false]);
    const types = (await ask("GET", "/ResourceTypes")).body["Resources"] as { name: string; schema: string }[];
    for (const { name, schema } of types) {
      assert.equal((await ask("GET", `/ResourceTypes/${name}`)).body["schema"], schema);
      assert.equal((await ask("GET", `/Schemas/${schema}`)).body["id"], schema);
    }
    assert.equal((await ask("GET", "/Schemas/x")).status, 404);
  });
});
