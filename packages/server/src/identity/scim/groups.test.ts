/** Requests in the shapes in which providers send them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createOidcProvider, type OidcProvider } from "@assay/testkit/oidc-provider";
import { identityTestMigrations } from "../test-identity.ts";
import { startTestScim, type ScimAnswer } from "./test-scim.ts";

const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
const patchOf = (...Operations: readonly object[]) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations,
});
const idOf = ({ body }: ScimAnswer): string => String(body["id"]);
const told = ({ status, body }: ScimAnswer) => [status, body["scimType"]];

onEveryDatabase("SCIM groups", ({ fresh }) => {
  let there: OidcProvider;
  before(async () => {
    there = await createOidcProvider();
  });
  after(() => there[Symbol.asyncDispose]());

  /** With three people in it: grace, lee and ida. */
  const open = async () => {
    const scim = await startTestScim(await fresh(...identityTestMigrations), there);
    const ids: string[] = [];
    for (const name of ["grace", "lee", "ida"])
      ids.push(idOf(await scim.ask("POST", "/Users", { userName: `${name}@example.com`, externalId: name })));
    const [grace = "", lee = "", ida = ""] = ids;
    const members = async (at: string) => {
      const { body } = await scim.ask("GET", at);
      return (body["members"] as { display: string }[])
        .map(({ display }) => display.split("@")[0])
        .toSorted((a = "", b = "") => (a < b ? -1 : 1));
    };
    /** What was said of people since the last time. */
    const said = () => Object.fromEntries(scim.applied.splice(0).map(([person, groups]) => [person, groups.join()]));
    return { ...scim, grace, lee, ida, members, said, [Symbol.asyncDispose]: scim[Symbol.asyncDispose] };
  };

  test("as Okta does it: made empty, members one by one or all at once, renamed, deleted", async () => {
    await using scim = await open();
    const { ask, grace, lee, ida, members, said, applied, key } = scim;
    const looked = await ask("GET", `/Groups?filter=${encodeURIComponent('displayName eq "Platform"')}`);
    assert.equal(looked.body["totalResults"], 0);
    const made = await ask("POST", "/Groups", { schemas: [groupSchema], displayName: "Platform", members: [] });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const at = `/Groups/${idOf(made)}`;
    assert.ok(made.headers.get("location")?.endsWith(at));
    const add = patchOf({ op: "add", path: "members", value: [{ value: grace, display: "grace@example.com" }] });
    assert.equal((await ask("PATCH", at, add)).status, 204);
    assert.deepEqual(applied.at(-1), ["grace", ["Platform"], `scim:${key}`]);
    await ask("PATCH", at, patchOf({ op: "add", path: "members", value: [{ value: lee }] }));
    assert.deepEqual(await members(at), ["grace", "lee"]);
    assert.deepEqual(said(), { grace: "Platform", lee: "Platform" });
    await ask("PATCH", at, patchOf({ op: "remove", path: `members[value eq "${grace}"]` }));
    assert.deepEqual([await members(at), said()], [["lee"], { grace: "" }]);
    const both = patchOf(
      { op: "remove", path: `members[value eq "${lee}"]` },
      { op: "add", path: "members", value: [{ value: ida }] },
    );
    await ask("PATCH", at, both);
    assert.deepEqual([await members(at), said()], [["ida"], { lee: "", ida: "Platform" }]);
    await ask("PATCH", at, patchOf({ op: "replace", path: "members", value: [{ value: grace }, { value: ida }] }));
    assert.deepEqual([await members(at), said()], [["grace", "ida"], { grace: "Platform" }]);
    const renamed = patchOf({ op: "replace", value: { id: idOf(made), displayName: "Engineers" } });
    assert.equal((await ask("PATCH", at, renamed)).status, 204);
    assert.deepEqual(said(), { grace: "Engineers", ida: "Engineers" });
    const put = await ask("PUT", at, { schemas: [groupSchema], displayName: "Engineers", members: [{ value: lee }] });
    assert.equal(put.status, 200);
    assert.deepEqual([await members(at), said()], [["lee"], { grace: "", ida: "", lee: "Engineers" }]);
    assert.equal((await ask("DELETE", at)).status, 204);
    assert.deepEqual([(await ask("GET", at)).status, said()], [404, { lee: "" }]);
  });

  test("as Entra ID does it: operations in capitals, members removed by value, members not asked for", async () => {
    await using scim = await open();
    const { ask, grace, lee, members, said, events } = scim;
    const made = await ask("POST", "/Groups", {
      schemas: [groupSchema, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
      externalId: "8aa1a0c0",
      displayName: "Platform",
      meta: { resourceType: "Group" },
    });
    const at = `/Groups/${idOf(made)}`;
    const without = await ask("GET", `${at}?excludedAttributes=members`);
    assert.deepEqual([without.body["members"], without.body["externalId"]], [undefined, "8aa1a0c0"]);
    const filter = encodeURIComponent('displayName eq "platform"');
    const listed = await ask("GET", `/Groups?excludedAttributes=members&filter=${filter}`);
    assert.equal(listed.body["totalResults"], 1);
    await ask(
      "PATCH",
      at,
      patchOf({ op: "Add", path: "members", value: [{ $ref: null, value: grace }, { value: lee }] }),
    );
    assert.deepEqual(await members(at), ["grace", "lee"]);
    await ask("PATCH", at, patchOf({ op: "Remove", path: "members", value: [{ $ref: null, value: grace }] }));
    assert.deepEqual([await members(at), said()], [["lee"], { grace: "", lee: "Platform" }]);
    await ask("PATCH", at, patchOf({ op: "Replace", path: "displayName", value: "Everybody" }));
    assert.deepEqual(said(), { lee: "Everybody" });
    await ask("PATCH", at, patchOf({ op: "Remove", path: "members" }));
    assert.deepEqual([await members(at), said()], [[], { lee: "" }]);
    await ask("PATCH", at, patchOf({ op: "Add", path: "members", value: [{ value: lee }] }));
    await ask("DELETE", `/Users/${lee}`);
    assert.deepEqual([await members(at), said()], [[], { lee: "" }], "who is deleted is in no group");
    assert.ok((await events()).some((each) => each.startsWith("scim.group-changed scim-group:")));
  });

  test("what cannot be is refused by name and changes nothing; everybody is looked after again", async () => {
    await using scim = await open();
    const { ask, grace, members, said, clock } = scim;
    const at = `/Groups/${idOf(await ask("POST", "/Groups", { displayName: "Platform", members: [{ value: grace }] }))}`;
    assert.deepEqual(told(await ask("POST", "/Groups", { displayName: "platform" })), [409, "uniqueness"]);
    assert.deepEqual(told(await ask("POST", "/Groups", { members: [] })), [400, "invalidValue"]);
    for (const [operation, type] of [
      [{ op: "remove", path: 'members[display eq "x"]' }, "invalidFilter"],
      [{ op: "remove", path: `members[value eq "${grace}" or value pr]` }, "invalidFilter"],
      [{ op: "remove", path: "displayName" }, "mutability"],
      [{ op: "remove", path: "owners" }, "invalidPath"],
      [{ op: "add", path: "owners", value: [] }, "invalidPath"],
      [{ op: "add", path: "members", value: [{ value: "nobody" }] }, "invalidValue"],
      [{ op: "add", path: "members", value: ["x"] }, "invalidValue"],
      [{ op: "replace", path: "displayName", value: "" }, "invalidValue"],
    ] as const) {
      const remove = { op: "remove", path: `members[value eq "${grace}"]` };
      assert.deepEqual(
        told(await ask("PATCH", at, patchOf(remove, operation))),
        [400, type],
        JSON.stringify(operation),
      );
    }
    assert.deepEqual(await members(at), ["grace"]);
    assert.deepEqual(told(await ask("GET", "/Groups?filter=members%20pr")), [400, "invalidFilter"]);
    assert.equal((await ask("PATCH", "/Groups/none", patchOf({ op: "remove", path: "members" }))).status, 404);
    said();
    const stop = new AbortController();
    const running = scim.scim.run(stop.signal);
    await clock.untilSleepers(1);
    await clock.advance(5 * 60_000);
    await clock.untilSleepers(1);
    stop.abort();
    await running;
    assert.deepEqual(said(), { grace: "Platform", lee: "", ida: "" });
  });
});
