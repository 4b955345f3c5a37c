/** Several registries behind one address: a name goes to its owner, whatever the others have. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer, RawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

const advisories = "/-/npm/v1/security/advisories/bulk";
let open: TestUpstream;
let acme: TestUpstream;
let tools: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const get = (at: string, options?: RawRequest): Promise<RawAnswer> => rawRequest(server.url, at, options);
const post = (at: string, body: unknown): Promise<RawAnswer> =>
  get(at, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

before(async () => {
  open = await createTestUpstream();
  acme = await createTestUpstream();
  tools = await createTestUpstream();
  open.publish({ name: "react", version: "1.0.0" });
  acme.publish({ name: "@acme/ui", version: "1.0.0" });
  tools.publish({ name: "acme-build", version: "1.0.0" });
  // What an attacker publishes where everybody may publish: private names, in higher versions.
  for (const name of ["@acme/ui", "@acme/secret", "acme-build", "@open/lib"]) {
    open.publish({ name, version: "99.0.0" });
  }
  acme.publish({ name: "react", version: "99.0.0" });
  installation = await createInstallation();
  const config = `
upstreams:
  open: {url: "${open.url}", names: [react, lodash, "@open/*"]}
  acme: {url: "${acme.url}", names: ["@acme/*"]}
  tools: {url: "${tools.url}", names: ["acme-*"]}
`;
  const env = { ASSAY_UPSTREAM_ACME_AUTHORIZATION: "Bearer acme-t0ken" };
  server = await startServer(installation, { config, env });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  for (const one of [open, acme, tools]) await one[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

/** Paths that an upstream was asked for since it was last looked at, audits as the names in them. */
function asked(upstream: TestUpstream, since: number): readonly string[] {
  return upstream.requests
    .slice(since)
    .map(({ path, body }) => (path === advisories ? Buffer.from(body).toString() : decodeURIComponent(path)));
}

describe("a name of one registry", () => {
  test("is answered by its owner, though another has it in a higher version", async () => {
    const { "dist-tags": tags, versions } = (await get("/@acme%2fui")).json() as Record<
      string,
      Record<string, unknown>
    >;
    assert.deepEqual(tags, { latest: "1.0.0" });
    assert.deepEqual(Object.keys(versions ?? {}), ["1.0.0"]);
    assert.deepEqual((await get("/acme-build")).json()["dist-tags"], { latest: "1.0.0" });
    assert.deepEqual((await get("/react")).json()["dist-tags"], { latest: "1.0.0" });
  });

  test("that its owner has not is not there: nobody else is asked, by any way in", async () => {
    const before = [open, tools].map(({ requests }) => requests.length);
    const ways = [
      "/@acme%2fsecret",
      "/@acme/secret",
      "/@acme%2fsecret/99.0.0",
      "/@acme%2fsecret/latest",
      "/@acme%2fsecret/-/secret-99.0.0.tgz",
      "/-/package/@acme%2fsecret/dist-tags",
      "/-/log/lookup/@acme/secret@99.0.0",
      "/-/npm/v1/attestations/@acme%2fsecret@99.0.0",
    ];
    for (const way of ways) assert.equal((await get(way)).status, 404, way);
    assert.deepEqual(
      [open, tools].map(({ requests }, at) => requests.length - (before[at] ?? 0)),
      [0, 0],
    );
  });

  test("is not shown to other registries by audits, and each answers for its own names only", async () => {
    acme.lie(advisories, ({ response }) => {
      response.end(JSON.stringify({ "@acme/ui": [{ id: 1 }], react: [{ id: 2, title: "not its own" }] }));
    });
    open.lie(advisories, ({ response }) => void response.end(JSON.stringify({ react: [{ id: 3 }] })));
    const before = [open, acme, tools].map(({ requests }) => requests.length);
    const answer = await post(advisories, { react: ["1.0.0"], "@acme/ui": ["1.0.0"], unowned: ["1.0.0"] });
    assert.deepEqual(answer.json(), { react: [{ id: 3 }], "@acme/ui": [{ id: 1 }] });
    assert.deepEqual(asked(open, before[0] ?? 0), ['{"react":["1.0.0"]}']);
    assert.deepEqual(asked(acme, before[1] ?? 0), ['{"@acme/ui":["1.0.0"]}']);
    assert.deepEqual(asked(tools, before[2] ?? 0), []);
    const none = await post(advisories, { "acme-build": ["1.0.0"] });
    assert.deepEqual([none.status, none.json()], [200, {}]);
    assert.match(String(none.headers["assay-advisories"]), /tools/);
  });
});

test("a name without owner is not there, the answer says so, and nobody is asked", async () => {
  const before = [open, acme, tools].map(({ requests }) => requests.length);
  for (const way of ["/unowned", "/unowned/-/unowned-1.0.0.tgz", "/@acme-evil%2fui", "/@Acme%2fui"]) {
    const answer = await get(way);
    assert.equal(answer.status, 404, way);
    assert.match(String(answer.json()["error"]), /no configured registry owns/, way);
  }
  assert.deepEqual(
    [open, acme, tools].map(({ requests }) => requests.length),
    before,
  );
});

test("credentials go to the upstream that they are of, and stand in no output", async () => {
  assert.ok(acme.requests.every(({ headers }) => headers.authorization === "Bearer acme-t0ken"));
  for (const { requests } of [open, tools])
    assert.ok(requests.every(({ headers }) => headers.authorization === undefined));
  assert.doesNotMatch(server.output(), /t0ken/);
});

test("one registry that is down stops nobody else", async () => {
  await tools[Symbol.asyncDispose]();
  assert.equal((await get("/acme-other")).status, 503);
  assert.equal((await get("/react/-/react-1.0.0.tgz")).status, 200);
  assert.equal((await get("/@acme%2fui/-/ui-1.0.0.tgz")).status, 200);
});
