import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tempFolder } from "@assay/testkit/temp-folder";
import { registryHttp } from "./npm-registry.ts";

/** A registry below a path, and what it is sent, by path. */
async function listening(t: TestContext): Promise<{ readonly host: string; readonly sent: Map<string, string> }> {
  const sent = new Map<string, string>();
  const server = createServer((request, response) => {
    sent.set(request.url ?? "", request.headers.authorization ?? "nothing");
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

function contextWith(t: TestContext, npmrc: string, env: Record<string, string> = {}) {
  const cwd = tempFolder(t);
  writeFileSync(join(cwd, "package.json"), "{}");
  writeFileSync(join(cwd, ".npmrc"), npmrc);
  return { cwd, env, clock: { sleep: async () => {}, nowMs: () => 0, monotonicMs: () => 0 } };
}

test("npm's token for the registry is sent to it, and to nothing beside it", async (t) => {
  const { host, sent } = await listening(t);
  const context = contextWith(t, `//${host}/npm/:_authToken=\${TOKEN}\n//other.example.com/:_authToken=no\n`, {
    TOKEN: "yes",
  });
  const { fetch } = await registryHttp(context, `http://${host}/npm`);
  for (const path of ["/npm/-/log/", "/npm-evil/-/log/", "/-/log/"]) await fetch(`http://${host}${path}`);
  assert.deepEqual(Object.fromEntries(sent), {
    "/npm/-/log/": "Bearer yes",
    "/npm-evil/-/log/": "nothing",
    "/-/log/": "nothing",
  });
});

test("a token of a host counts below it, the nearest one wins, and the environment before the file", async (t) => {
  const { host, sent } = await listening(t);
  const npmrc = `//${host}/:_authToken=host\n//${host}/b/:_authToken=file\n`;
  const context = contextWith(t, npmrc, { [`npm_config_//${host}/b/:_authToken`]: "environment" });
  for (const base of ["/a", "/b"]) {
    const { fetch } = await registryHttp(context, `http://${host}${base}`);
    await fetch(`http://${host}${base}/x`);
  }
  assert.deepEqual(Object.fromEntries(sent), { "/a/x": "Bearer host", "/b/x": "Bearer environment" });
});

test("a user with a password, and _auth, are sent as npm sends them", async (t) => {
  const { host, sent } = await listening(t);
  const password = Buffer.from("s3cret").toString("base64");
  const npmrc = `//${host}/a/:username=ada\n//${host}/a/:_password=${password}\n//${host}/b/:_auth=YWRhOnM=\n`;
  for (const base of ["/a", "/b", "/c"]) {
    const { fetch } = await registryHttp(contextWith(t, npmrc), `http://${host}${base}`);
    await fetch(`http://${host}${base}/x`);
  }
  const basic = `Basic ${Buffer.from("ada:s3cret").toString("base64")}`;
  assert.deepEqual(Object.fromEntries(sent), { "/a/x": basic, "/b/x": "Basic YWRhOnM=", "/c/x": "nothing" });
});
