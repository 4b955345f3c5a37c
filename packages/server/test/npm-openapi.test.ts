/** Answers held against npm's own descriptions of its endpoints: each member of the described type, or named here as absent. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compareWithNpm, type Answer } from "@assay/testkit/openapi";
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
  file: Parameters<typeof compareWithNpm>[0],
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
