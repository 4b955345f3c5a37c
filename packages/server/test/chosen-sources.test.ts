/** A person, machine or organisation chooses whom to be served from: that changes who serves, never what. */
import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { test } from "node:test";
import { dssePreAuthentication, type DsseEnvelope } from "@assay/core";
import { rawRequest } from "@assay/testkit/raw-http";
import { configFile, createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import { createUpstreamFamily } from "@assay/testkit/upstream-family";

const path = "/-/assay/v1/sources/choice";

test("the bearer of a token chooses, restarts do not forget, and nobody else is concerned", async () => {
  await using family = await createUpstreamFamily(["near", "far"]);
  await using installation = await createInstallation();
  const config = family.config();
  const where = ["--config", configFile(installation), "--data", installation.data];
  await using server = await startServer(installation, { config });
  const made = await runAssay(installation, ["upstream", "token", "add", "ci", "--json", ...where]);
  assert.equal(made.exitCode, 0, made.stderr);
  const { token } = JSON.parse(made.stdout) as { token: string };
  const authorization = `Bearer ${token}`;
  const call = (method: string, body?: object, headers: Record<string, string> = { authorization }) =>
    fetch(`${server.url}${path}`, {
      method,
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });

  assert.deepEqual(await (await call("GET")).json(), { choice: null, sources: ["near", "far", "npm"] });
  assert.equal((await call("PUT", { order: ["nobody"] })).status, 400);
  const set = await call("PUT", { order: ["far"], only: false });
  assert.equal(set.status, 200);
  assert.equal(set.headers.get("cache-control"), "no-store");
  for (const method of ["GET", "PUT", "DELETE"]) {
    const refused = await call(method, method === "PUT" ? { order: ["far"] } : undefined, {});
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("www-authenticate"), "Bearer");
  }

  const mine = family.publish({ name: "a", version: "1.0.0" });
  const theirs = family.publish({ name: "b", version: "1.0.0" });
  const one = await rawRequest(server.url, mine.path, { headers: { authorization } });
  const other = await rawRequest(server.url, theirs.path);
  assert.ok(one.body.equals(Buffer.from(mine.tarball)) && other.body.equals(Buffer.from(theirs.tarball)));
  assert.equal(family.mirrors["far"]?.count(mine.path), 1);
  assert.equal(family.mirrors["far"]?.count(theirs.path), 0);

  await server.stop();
  await using again = await startServer(installation, { config });
  const answer = await fetch(`${again.url}${path}`, { headers: { authorization } });
  assert.deepEqual(((await answer.json()) as { choice: unknown }).choice, { order: ["far"], only: false });
  const revoked = await runAssay(installation, ["upstream", "token", "revoke", "ci", ...where]);
  assert.equal(revoked.exitCode, 0, revoked.stderr);
  assert.equal((await fetch(`${again.url}${path}`, { headers: { authorization } })).status, 401);
});

test("the list of sources is signed with a key that the keys endpoint shows", async () => {
  await using family = await createUpstreamFamily(["near"]);
  await using installation = await createInstallation();
  await using server = await startServer(installation, { config: family.config() });
  const envelope = (await (await fetch(`${server.url}/-/assay/v1/sources`)).json()) as DsseEnvelope;
  const { keys } = (await (await fetch(`${server.url}/-/npm/v1/keys`)).json()) as {
    keys: readonly { keyid: string; key: string }[];
  };
  const [signature] = envelope.signatures;
  const key = keys.find(({ keyid }) => keyid === signature?.keyid);
  assert.ok(key && signature);
  const payload = Buffer.from(envelope.payload, "base64");
  const spki = { key: Buffer.from(key.key, "base64"), format: "der", type: "spki" } as const;
  const isGood = (bytes: Uint8Array): boolean =>
    verify("sha256", dssePreAuthentication(envelope.payloadType, bytes), spki, Buffer.from(signature.sig, "base64"));
  assert.ok(isGood(payload));
  assert.ok(!isGood(Buffer.from(payload.toString().replace('"near"', '"far"'))));
  const list = JSON.parse(payload.toString()) as {
    format: string;
    registries: readonly { registry: { alias: string }; mirrors: readonly { alias: string; url: string }[] }[];
  };
  assert.equal(list.format, "assay-sources/v1");
  assert.deepEqual(
    list.registries.map(({ registry, mirrors }) => [registry.alias, mirrors.map(({ alias, url }) => [alias, url])]),
    [["npm", [["near", family.mirrors["near"]?.url]]]],
  );
});
