/** Names that live here: whatever a client asks for, no upstream ever hears of them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer, RawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

const advisories = "/-/npm/v1/security/advisories/bulk";
const hosted = ["@acme/secret", "acme-tool", "left-pad"];
/** A registry, its mirror and its auditor, all of which an attacker filled with our names. */
let upstreams: readonly TestUpstream[];
let installation: Installation;
let server: ServerProcess;

const get = (at: string, options?: RawRequest): Promise<RawAnswer> => rawRequest(server.url, at, options);
const post = (at: string, body: unknown): Promise<RawAnswer> =>
  get(at, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Everything that the upstreams were sent, as text. */
const heard = (): string =>
  upstreams
    .flatMap(({ requests }) => requests)
    .map(({ path, body, headers }) => `${path} ${Buffer.from(body).toString()} ${JSON.stringify(headers)}`)
    .join("\n");

before(async () => {
  upstreams = await Promise.all([createTestUpstream(), createTestUpstream(), createTestUpstream()]);
  for (const upstream of upstreams) {
    for (const name of [...hosted, "vite"]) upstream.publish({ name, version: "99.0.0" });
    upstream.put(advisories, "{}");
  }
  const [npm, near, audited] = upstreams.map(({ url }) => url);
  const config = `
hosted:
  - {names: ["acme-*", left-pad], organisation: acme, visibility: public}
upstreams:
  npm: {url: "${npm}", names: ["*"]}
  near: {url: "${near}", kind: mirror, of: npm}
  audited: {url: "${audited}", kind: auditor, of: npm}
mirror: {names: [${hosted.map((name) => `"${name}"`).join(", ")}], everyMinutes: 1}
`;
  installation = await createInstallation();
  server = await startServer(installation, { config });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  for (const one of upstreams) await one[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

test("no way in makes a hosted name leave, and what upstreams have under it is not here", async () => {
  for (const name of hosted) {
    const encoded = name.replace("/", "%2f");
    const file = `${name.split("/").at(-1)}-99.0.0.tgz`;
    const ways = [
      `/${encoded}`,
      `/${name}`,
      `/${encoded}/99.0.0`,
      `/${encoded}/latest`,
      `/${encoded}/-/${file}`,
      `/-/package/${encoded}/dist-tags`,
      `/-/log/lookup/${name}@99.0.0`,
      `/-/log/proof/${name}@99.0.0`,
      `/-/npm/v1/attestations/${encoded}@99.0.0`,
    ];
    for (const way of ways) {
      assert.equal((await get(way)).status, 404, way);
      assert.equal((await get(way, { headers: { accept: "text/html" } })).status, 404, way);
      assert.equal((await get(way, { method: "HEAD" })).status, 404, way);
    }
    assert.deepEqual((await get(`/-/v1/search?text=${encoded}`)).json()["objects"], []);
  }
  assert.equal((await get("/vite")).status, 200);
  for (const name of hosted) assert.doesNotMatch(heard(), new RegExp(`${name}|${name.replace("/", "%2[fF]")}`));
});

test("an audit tells upstreams nothing of hosted names", async () => {
  const answer = await post(advisories, Object.fromEntries([...hosted, "vite"].map((name) => [name, ["99.0.0"]])));
  assert.equal(answer.status, 200);
  const bodies = upstreams.flatMap(({ requests }) =>
    requests.filter(({ path }) => path === advisories).map(({ body }) => Buffer.from(body).toString()),
  );
  assert.deepEqual(bodies, ['{"vite":["99.0.0"]}']);
});

test("a name that an upstream served before it was hosted is not served from what is left of it", async () => {
  const before = await createInstallation();
  const [upstream] = upstreams;
  assert.ok(upstream);
  const open = await startServer(before, { upstream: upstream.url });
  const ask = async (at: string, url: string): Promise<number> => (await rawRequest(url, at)).status;
  assert.equal(await ask("/left-pad/-/left-pad-99.0.0.tgz", open.url), 200);
  await open.stop();
  const config = `hosted: [{names: [left-pad], organisation: acme}]\nupstream: {url: "${upstream.url}"}\n`;
  const asked = upstream.count("/left-pad");
  const closed = await startServer(before, { config });
  for (const at of ["/left-pad", "/left-pad/latest", "/left-pad/99.0.0", "/-/package/left-pad/dist-tags"])
    assert.equal(await ask(at, closed.url), 404, at);
  assert.deepEqual((await rawRequest(closed.url, "/-/v1/search?text=left")).json()["objects"], []);
  await closed.stop();
  assert.equal(upstream.count("/left-pad"), asked);
  await before[Symbol.asyncDispose]();
});
