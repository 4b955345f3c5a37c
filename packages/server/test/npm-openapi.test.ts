/** Answers held against npm's own descriptions of its endpoints: each member of the described type, or named here as absent. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareRequestWithNpm, compareWithNpm, type Answer, type Description } from "@assay/testkit/openapi";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import { publishBody } from "./publisher.ts";

const password = "correct horse battery";
const advisory = {
  id: 1,
  url: "https://example.com/advisories/1",
  title: "It leaks",
  severity: "high",
  vulnerable_versions: "<2.0.0",
  cwe: ["CWE-200"],
  cvss: { score: 7.5, vectorString: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N" },
};

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let bearer: string;

async function send(method: "GET" | "POST" | "PUT" | "DELETE", at: string, body?: unknown): Promise<RawAnswer> {
  return rawRequest(server.url, at, {
    method,
    headers: { "content-type": "application/json", ...(bearer === "" ? {} : { authorization: `Bearer ${bearer}` }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function assertAsDescribed(
  file: Description,
  answer: RawAnswer,
  of: Pick<Answer, "method" | "path">,
  absent: readonly string[] = [],
): void {
  const differences = compareWithNpm(file, { ...of, status: answer.status, body: answer.json() });
  assert.deepEqual(differences, { wrong: [], absent }, answer.text());
}

before(async () => {
  bearer = "";
  upstream = await createTestUpstream();
  const person = { name: "ada", email: "ada@example.com" };
  const links = { homepage: "https://example.com", repository: { url: "https://example.com/r" } };
  const manifest = {
    ...links,
    bugs: { url: "https://example.com/b" },
    license: "MIT",
    keywords: ["x"],
    description: "d",
  };
  upstream.publish({
    name: "lib",
    version: "1.0.0",
    manifest: { ...manifest, maintainers: [person], _npmUser: person },
  });
  upstream.put("/-/npm/v1/security/advisories/bulk", JSON.stringify({ lib: [advisory] }), {
    "content-type": "application/json",
  });
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
  await send("GET", "/lib");
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await installation?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

test("search answers as described, but for counts that only a public registry has", async () => {
  const search = { method: "get", path: "/-/v1/search" } as const;
  const found = await send("GET", "/-/v1/search?text=lib&size=1");
  assert.equal(found.json()["total"], 1);
  assertAsDescribed("search", found, search, [".objects[].downloads", ".objects[].dependents"]);
  const refused = await send("GET", "/-/v1/search");
  assert.equal(refused.status, 400);
  assertAsDescribed("search", refused, search);
  assert.equal(refused.json()["code"], "ERR_TEXT_MISSING");
});

test("advisories answer as described", async () => {
  const bulk = { method: "post", path: "/-/npm/v1/security/advisories/bulk" } as const;
  const found = await send("POST", bulk.path, { lib: ["1.0.0"] });
  assert.equal(found.status, 200, found.text());
  assertAsDescribed("audit", found, bulk);
  const refused = await send("POST", bulk.path, ["lib"]);
  assert.equal(refused.status, 400);
  assertAsDescribed("audit", refused, bulk, [".statusCode"]);
});

test("tokens are made and listed as described", async () => {
  const made = await send("PUT", "/-/user/org.couchdb.user:ada", { name: "ada", password, email: "", type: "user" });
  bearer = String(made.json()["token"]);
  const tokens = { method: "post", path: "/-/npm/v1/tokens" } as const;
  const created = await send("POST", tokens.path, {
    password,
    name: "ci",
    description: "for the build",
    expires: 7,
    packages: ["lib"],
    packages_and_scopes_permission: "read-only",
    cidr_whitelist: ["127.0.0.1/32"],
  });
  assertAsDescribed("token", created, tokens);
  assertAsDescribed("token", await send("GET", tokens.path), { ...tokens, method: "get" });
  bearer = "";
  assertAsDescribed("token", await send("GET", tokens.path), { ...tokens, method: "get" });
});

test("stages are made, listed, shown, approved and refused as described", async () => {
  const at = "/-/stage";
  const post = { method: "post", path: "/-/stage/package/{package-name}" } as const;
  const one = { method: "get", path: "/-/stage/{stage-id}" } as const;
  const approve = { method: "post", path: "/-/stage/{stage-id}/approve" } as const;
  assertAsDescribed("stage", await send("GET", at), { method: "get", path: at });
  const member = await send("PUT", "/-/user/org.couchdb.user:dora", {
    name: "dora",
    password,
    email: "",
    type: "user",
  });
  bearer = String(member.json()["token"]);
  const staging = (body: unknown) => send("POST", "/-/stage/package/@dora%2fstaged", body);
  const body = publishBody({ name: "@dora/staged", version: "1.0.0" });
  const made = await staging(body);
  assert.equal(made.status, 201, made.text());
  assertAsDescribed("stage", made, post);
  assertAsDescribed("stage", await staging({ ...body, _attachments: {} }), post);
  assertAsDescribed("stage", await staging(publishBody({ name: "@dora/staged", version: "1.0.0", x: 1 })), post);
  assertAsDescribed("stage", await send("GET", at), { method: "get", path: at });
  const here = `${at}/${String(made.json()["stageId"])}`;
  assertAsDescribed("stage", await send("GET", here), one);
  assertAsDescribed("stage", await send("GET", `${at}/00000000-0000-4000-8000-000000000000`), one);
  const asked = await send("POST", `${here}/approve`);
  assert.equal(asked.status, 401);
  assertAsDescribed("stage", asked, approve);
  const form = await rawRequest(server.url, "/-/web/sign-in");
  const cookies = (answer: RawAnswer): string =>
    [answer.headers["set-cookie"] ?? ""]
      .flat()
      .map((cookie) => cookie.split(";")[0])
      .join("; ");
  const signedIn = await rawRequest(server.url, "/-/web/sign-in", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", cookie: cookies(form), origin: server.url },
    body: new URLSearchParams({
      user: "dora",
      password,
      token: /name="token" value="([^"]+)"/.exec(form.text())?.[1] ?? "",
    }).toString(),
  });
  const headers = { cookie: cookies(signedIn), origin: server.url };
  const approved = await rawRequest(server.url, `${here}/approve`, { method: "POST", headers });
  assert.equal(approved.status, 201, approved.text());
  assertAsDescribed("stage", approved, approve);
  assertAsDescribed("stage", await rawRequest(server.url, `${here}/approve`, { method: "POST", headers }), approve);
});

const lib = "@acme%2flib";

interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly at: string;
  readonly body?: unknown;
  /** As described. */
  readonly path: string;
  readonly file: Description;
  readonly status: number;
  /** In what the answer differs, with the reason beside it. */
  readonly wrong?: readonly string[];
}

const teamBases = ["/-/team/acme/ui", "/-/org/acme/ui"] as const;
/** The description has no body; npm's and pnpm's clients take one, and some read JSON from every answer. */
const notEmpty = ["the answer: nothing is described, this is object"];

const exchanges: readonly Exchange[] = [
  { file: "org", method: "GET", at: "/-/org/acme/user", path: "/-/org/{orgName}/user", status: 200 },
  {
    file: "org",
    method: "PUT",
    at: "/-/org/acme/user",
    path: "/-/org/{orgName}/user",
    body: { user: "ada", role: "developer" },
    status: 201,
    // npm's client counts with it.
    wrong: [`.org.size: "string" is described, this is number`],
  },
  {
    file: "team",
    method: "PUT",
    at: "/-/org/acme/team",
    path: "/-/org/{orgName}/team",
    body: { name: "ui", description: "" },
    status: 201,
  },
  { file: "team", method: "GET", at: "/-/org/acme/team", path: "/-/org/{orgName}/team", status: 200 },
  {
    file: "team",
    method: "PUT",
    at: "/-/org/acme/ui/user",
    path: "/-/org/{orgName}/{teamName}/user",
    body: { user: "ada" },
    status: 201,
    wrong: notEmpty,
  },
  ...teamBases.map(
    (base) =>
      ({
        file: "team",
        method: "GET",
        at: `${base}/user`,
        path: "/-/org/{orgName}/{teamName}/user",
        status: 200,
      }) as const,
  ),
  {
    file: "access",
    method: "PUT",
    at: "/-/team/acme/ui/package",
    path: "/-/team/{orgName}/{teamName}/package",
    body: { package: "@acme/lib", permissions: "read-only" },
    status: 201,
    wrong: notEmpty,
  },
  {
    file: "access",
    method: "GET",
    at: "/-/team/acme/ui/package",
    path: "/-/team/{orgName}/{teamName}/package",
    status: 200,
  },
  { file: "access", method: "GET", at: "/-/org/acme/package", path: "/-/org/{orgName}/package", status: 200 },
  {
    file: "access",
    method: "GET",
    at: `/-/package/${lib}/collaborators`,
    path: "/-/package/{escapedPackageName}/collaborators",
    status: 200,
  },
  {
    file: "access",
    method: "GET",
    at: `/-/package/${lib}/visibility`,
    path: "/-/package/{escapedPackageName}/visibility",
    status: 200,
    // npm's client reads `public`, true or false, of this one package.
    wrong: [`.*: "string" is described, this is boolean`],
  },
  {
    file: "access",
    method: "POST",
    at: `/-/package/${lib}/access`,
    path: "/-/package/{escapedPackageName}/access",
    body: { access: "private", publish_requires_tfa: false, automation_token_overrides_tfa: true },
    status: 200,
    wrong: notEmpty,
  },
  {
    file: "access",
    method: "DELETE",
    at: "/-/team/acme/ui/package",
    path: "/-/team/{orgName}/{teamName}/package",
    body: { package: "@acme/lib" },
    status: 204,
  },
  {
    file: "team",
    method: "DELETE",
    at: "/-/org/acme/ui/user",
    path: "/-/org/{orgName}/{teamName}/user",
    body: { user: "ada" },
    status: 204,
  },
  { file: "team", method: "DELETE", at: "/-/org/acme/ui", path: "/-/org/{orgName}/{teamName}", status: 204 },
  {
    file: "org",
    method: "DELETE",
    at: "/-/org/acme/user",
    path: "/-/org/{orgName}/user",
    body: { user: "ada" },
    status: 204,
  },
];

test("publishing, organisations, teams and access are asked for and answered as described", async () => {
  const join = async (name: string): Promise<string> => {
    bearer = "";
    const answer = await send("PUT", `/-/user/org.couchdb.user:${name}`, { name, password, email: "", type: "user" });
    return String(answer.json()["token"]);
  };
  bearer = await join("olga");
  assert.equal((await send("POST", "/-/assay/v1/organisations", { name: "acme" })).status, 201);
  const body = { ...publishBody({ name: "@acme/lib", version: "1.0.0" }), access: "restricted" };
  const publish = { method: "put", path: "/{escapedPackageName}" } as const;
  assert.deepEqual(compareRequestWithNpm("publish", { ...publish, body }).wrong, []);
  const published = await send("PUT", `/${lib}`, body);
  // 201 says that it is made and provable; the description has 200 for it.
  assert.equal(published.status, 201, published.text());
  assert.deepEqual(compareWithNpm("publish", { ...publish, status: 200, body: published.json() }).wrong, []);

  for (const { file, method, at, path, body: sent, status, wrong = [] } of exchanges) {
    const of = { method: method.toLowerCase() as Lowercase<typeof method>, path };
    if (sent !== undefined)
      assert.deepEqual(
        compareRequestWithNpm(file, { ...of, body: sent }).wrong,
        // The description forgets what it is that is taken from the team.
        path === "/-/team/{orgName}/{teamName}/package" && method === "DELETE"
          ? ["the answer: nothing is described, this is object"]
          : [],
        at,
      );
    const answer = await send(method, at, sent);
    assert.equal(answer.status, status, `${method} ${at}: ${answer.text()}`);
    const said: unknown = answer.text() === "" ? undefined : answer.json();
    assert.deepEqual(compareWithNpm(file, { ...of, status, body: said }).wrong, wrong, `${method} ${at}`);
  }

  bearer = "";
  let refused = 0;
  for (const { file, method, at, path, body: sent } of exchanges) {
    if (at.endsWith("/visibility")) continue;
    const answer = await send(method, at, sent);
    // Whoever shows nothing is told nothing of what is private: 404 stands in for 401 there.
    if (answer.status === 404) continue;
    refused += 1;
    assert.equal(answer.status, 401, `${method} ${at}`);
    const of = { method: method.toLowerCase() as Lowercase<typeof method>, path };
    assert.deepEqual(compareWithNpm(file, { ...of, status: 401, body: answer.json() }).wrong, [], at);
  }
  assert.ok(refused > 0);
});
