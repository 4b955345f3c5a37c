/** Registry signatures as clients see them: the upstreams', ours, and the keys that go with them. */
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  parseIntegrity,
  parsePackageName,
  parseRegistryKeyList,
  parseVersion,
  verifyRegistrySignature,
  type RegistrySignature,
} from "@assay/core";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer, RawRequest } from "@assay/testkit/raw-http";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { configFile, createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { PublishedRelease, TestUpstream } from "@assay/testkit/upstream";

const abbreviated = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
const keysAt = "/-/npm/v1/keys";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dist: { readonly integrity: string; readonly signatures?: readonly RegistrySignature[] };
}

interface Listed {
  readonly versions: Readonly<Record<string, Manifest>>;
  readonly time: Readonly<Record<string, string>>;
  readonly modified?: string;
  readonly policyRestrictions?: { readonly message: string };
}

const open = createRegistrySigner();
const acme = createRegistrySigner();
let openUpstream: TestUpstream;
let acmeUpstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let config: string;

const get = (at: string, options?: RawRequest): Promise<RawAnswer> => rawRequest(server.url, at, options);

before(async () => {
  openUpstream = await createTestUpstream();
  acmeUpstream = await createTestUpstream();
  publishKeys(openUpstream, open);
  publishKeys(acmeUpstream, acme);
  installation = await createInstallation();
  config = `
packuments: {maxAgeSeconds: 0}
upstreams:
  open: {url: "${openUpstream.url}", names: ["*"]}
  acme: {url: "${acmeUpstream.url}", names: ["@acme/*"], signatures: require}
`;
  server = await startServer(installation, { config });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await openUpstream[Symbol.asyncDispose]();
  await acmeUpstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

const publish = (name: string, ...versions: readonly string[]): PublishedRelease[] =>
  versions.map((version) => {
    const published = openUpstream.publish({ name, version });
    setSignatures(openUpstream, name, version, [open.sign(published)]);
    return published;
  });

/** Flags that name this installation. */
const installed = (): string[] => ["--config", configFile(installation), "--data", installation.data];

async function listed(name: string, accept = "application/json"): Promise<{ document: Listed; etag: string }> {
  const answer = await get(`/${encodeURIComponent(name)}`, { headers: { accept } });
  assert.equal(answer.status, 200);
  return { document: answer.json() as unknown as Listed, etag: String(answer.headers.etag) };
}

const tarball = (name: string, version: string): Promise<RawAnswer> => get(`/${name}/-/${name}-${version}.tgz`);

/** Every listed signature, with the owner of its key; one that does not verify fails the test. */
async function signers({ name, version, dist }: Manifest, time: Listed["time"]): Promise<string[]> {
  const keys = parseRegistryKeyList((await get(keysAt)).text());
  const release = {
    name: parsePackageName(name),
    version: parseVersion(version),
    integrity: parseIntegrity(dist.integrity),
  };
  const names: string[] = [];
  for (const signature of dist.signatures ?? []) {
    const key = keys.find(({ keyid }) => keyid === signature.keyid);
    const verdict = await verifyRegistrySignature(release, signature, key, Date.parse(time[version] ?? ""));
    assert.equal(verdict, "good", `${name}@${version} by ${signature.keyid}`);
    const { keyid } = signature;
    names.push(keyid === open.key.keyid ? "open" : keyid === acme.key.keyid ? "acme" : "ours");
  }
  return names;
}

describe("our signature", () => {
  test("comes with the bind, behind the upstream's, in every document, under another ETag", async () => {
    publish("plain", "1.0.0", "1.1.0");
    const full = await listed("plain");
    const short = await listed("plain", abbreviated);
    const version = full.document.versions["1.0.0"];
    assert.ok(version);
    assert.deepEqual(await signers(version, full.document.time), ["open"], "what is not bound is not signed by us");
    assert.equal((await tarball("plain", "1.0.0")).status, 200);
    for (const [accept, before] of [
      ["application/json", full],
      [abbreviated, short],
    ] as const) {
      const { document, etag } = await listed("plain", accept);
      assert.notEqual(etag, before.etag);
      const bound = document.versions["1.0.0"];
      assert.ok(bound);
      assert.deepEqual(await signers(bound, document.time), ["open", "ours"]);
      assert.deepEqual(bound.dist.signatures?.[0], before.document.versions["1.0.0"]?.dist.signatures?.[0]);
      assert.deepEqual(document.versions["1.1.0"], before.document.versions["1.1.0"]);
      assert.equal(document.modified, before.document.modified, "how young a version is stays the same");
      assert.equal((await listed("plain", accept)).etag, etag);
    }
    const single = (await get("/plain/1.0.0")).json() as unknown as Manifest;
    assert.deepEqual(single, (await listed("plain")).document.versions["1.0.0"]);
    assert.deepEqual(await signers(single, full.document.time), ["open", "ours"]);
  });

  test("stands alone where the upstream signs nothing", async () => {
    openUpstream.publish({ name: "unsigned", version: "1.0.0" });
    assert.equal((await tarball("unsigned", "1.0.0")).status, 200);
    const { document } = await listed("unsigned");
    const version = document.versions["1.0.0"];
    assert.ok(version);
    assert.deepEqual(await signers(version, document.time), ["ours"]);
  });

  test("is over the bound integrity, also where the upstream lists none or another", async () => {
    const published = openUpstream.publish({ name: "sha1", version: "1.0.0", digests: "sha1" });
    assert.equal((await tarball("sha1", "1.0.0")).status, 200);
    const [moved] = publish("moved", "1.0.0");
    assert.ok(moved);
    assert.equal((await tarball("moved", "1.0.0")).status, 200);
    const integrity = `sha512-${"A".repeat(86)}==`;
    openUpstream.edit("moved", (document) => {
      const dist = document.versions["1.0.0"]?.dist ?? {};
      dist["integrity"] = integrity;
      dist["signatures"] = [open.sign({ name: "moved", version: "1.0.0", integrity })];
    });
    for (const [name, bound] of [
      ["sha1", published],
      ["moved", moved],
    ] as const) {
      const { document } = await listed(name);
      const version = document.versions["1.0.0"];
      assert.equal(version?.dist.integrity, bound.integrity);
      assert.deepEqual(await signers(version, document.time), ["ours"], "what signs other bytes is not handed on");
    }
  });

  test("is the same after kill -9, and on another start of the same data", async () => {
    publish("kept", "1.0.0", "2.0.0");
    for (const version of ["1.0.0", "2.0.0"]) assert.equal((await tarball("kept", version)).status, 200);
    const before = await get("/kept", { headers: { accept: "application/json" } });
    await server.stop("SIGKILL");
    server = await startServer(installation, { config });
    const again = await get("/kept", { headers: { accept: "application/json" } });
    assert.deepEqual(again.body, before.body);
    assert.equal(again.headers.etag, before.headers.etag);
  });

  test("is there at the next look for everything of 60 packages that were installed at once", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `many-${i}`);
    for (const name of names) publish(name, "1.0.0", "1.0.1");
    await Promise.all(
      names.map(async (name) => {
        await listed(name, abbreviated);
        assert.equal((await tarball(name, "1.0.1")).status, 200);
      }),
    );
    await Promise.all(
      names.map(async (name) => {
        const { document } = await listed(name);
        assert.equal(document.versions["1.0.1"]?.dist.signatures?.length, 2, name);
        assert.equal(document.versions["1.0.0"]?.dist.signatures?.length, 1, name);
      }),
    );
  });
});

describe("the keys", () => {
  test("are ours and every upstream's, with an ETag, for all encodings", async () => {
    const answer = await get(keysAt);
    const { keys } = answer.json() as { keys: { keyid: string; expires: string | null }[] };
    assert.equal(keys.length, 3);
    assert.deepEqual(
      new Set(keys.slice(1).map(({ keyid }) => keyid)),
      new Set([open.key.keyid, acme.key.keyid]),
      "ours comes first",
    );
    assert.deepEqual(new Set(keys.map(({ expires }) => expires)), new Set([null]));
    assert.match(String(answer.headers.vary), /authorization/i);
    const { etag } = answer.headers;
    assert.equal((await get(keysAt, { headers: { "if-none-match": String(etag) } })).status, 304);
    const gzipped = await get(keysAt, { headers: { "accept-encoding": "gzip" } });
    assert.equal(gzipped.headers["content-encoding"], "gzip");
    assert.notEqual(gzipped.headers.etag, etag);
  });
});

describe("the keys of a caller", () => {
  test("who wants some sources only are theirs and ours", async () => {
    const made = await runAssay(installation, ["upstream", "token", "add", "ci", "--json", ...installed()]);
    assert.equal(made.exitCode, 0, made.stderr);
    const { token } = JSON.parse(made.stdout) as { readonly token: string };
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const choose = (body: object) =>
      get("/-/assay/v1/sources/choice", { method: "PUT", headers, body: JSON.stringify(body) });
    const shown = async () => {
      const { keys } = (await get(keysAt, { headers })).json() as { keys: { keyid: string }[] };
      return keys.map(({ keyid }) => keyid);
    };
    const [ours = ""] = await shown();
    assert.equal((await choose({ order: ["acme"], only: false })).status, 200);
    assert.equal((await shown()).length, 3, "an order alone hides nobody");
    assert.equal((await choose({ order: ["acme"], only: true })).status, 200);
    assert.deepEqual(await shown(), [ours, acme.key.keyid]);
    assert.equal(((await get(keysAt)).json() as { keys: unknown[] }).keys.length, 3);
  });
});

describe("assay keys rotate beside the server", () => {
  test("signs what is bound from then on with a new key; what was signed stays good", async () => {
    publish("rotated", "1.0.0", "2.0.0");
    assert.equal((await tarball("rotated", "1.0.0")).status, 200);
    const before = parseRegistryKeyList((await get(keysAt)).text());
    const rotated = await runAssay(installation, ["keys", "rotate", "--json", ...installed()]);
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    const { added, retired } = JSON.parse(rotated.stdout) as { readonly added: string; readonly retired: string[] };
    for (;;) {
      const { keys } = (await get(keysAt)).json() as { keys: { keyid: string; expires: string | null }[] };
      if (keys.length === before.length) continue;
      const old = keys.find(({ keyid }) => keyid === retired[0]);
      assert.ok(old?.expires, "the key before it has an end");
      break;
    }
    assert.equal((await tarball("rotated", "2.0.0")).status, 200);
    const { document } = await listed("rotated");
    const [one, two] = ["1.0.0", "2.0.0"].map((version) => document.versions[version]);
    assert.ok(one && two);
    for (const version of [one, two]) assert.deepEqual(await signers(version, document.time), ["open", "ours"]);
    assert.equal(one.dist.signatures?.[1]?.keyid, retired[0]);
    assert.equal(two.dist.signatures?.[1]?.keyid, added);
  });

  test("refuses to start without the key, and starts again with a new one", async () => {
    await server.stop();
    const folder = path.join(installation.data, "keys");
    for (const file of readdirSync(folder)) if (file.startsWith("registry-")) rmSync(path.join(folder, file));
    await assert.rejects(startServer(installation, { config }), /registry signing key .* is missing/s);
    assert.equal((await runAssay(installation, ["keys", "rotate", ...installed()])).exitCode, 0);
    server = await startServer(installation, { config });
  });
});

describe("an upstream's signature", () => {
  test("that does not verify keeps the version out", async () => {
    publish("forged", "1.0.0");
    setSignatures(openUpstream, "forged", "1.0.0", [open.sign({ name: "forged", version: "9.9.9", integrity: "x" })]);
    const answer = await tarball("forged", "1.0.0");
    assert.equal(answer.status, 403);
    assert.match(String(answer.json()["error"]), /^Blocked forged@1\.0\.0 by rule signature\/invalid: /);
  });

  test("by another upstream's key keeps the version out, and hides it", async () => {
    const [, published] = publish("borrowed", "1.0.0", "2.0.0");
    assert.ok(published);
    setSignatures(openUpstream, "borrowed", "2.0.0", [acme.sign(published)]);
    const answer = await tarball("borrowed", "2.0.0");
    assert.equal(answer.status, 403);
    assert.match(String(answer.json()["error"]), /signature\/foreign/);
    const { document } = await listed("borrowed");
    assert.deepEqual(Object.keys(document.versions), ["1.0.0"]);
    assert.match(document.policyRestrictions?.message ?? "", /signature\/foreign/);
  });

  test("by another upstream's key is not handed on with a version that is bound", async () => {
    const [published] = publish("later", "1.0.0");
    assert.ok(published);
    assert.equal((await tarball("later", "1.0.0")).status, 200);
    setSignatures(openUpstream, "later", "1.0.0", [acme.sign(published), open.sign(published)]);
    const { document } = await listed("later");
    const version = document.versions["1.0.0"];
    assert.ok(version);
    assert.deepEqual(await signers(version, document.time), ["open", "ours"]);
    assert.equal((await tarball("later", "1.0.0")).status, 200);
  });

  test("is required of some: what has none is hidden and refused", async () => {
    const signed = acmeUpstream.publish({ name: "@acme/ui", version: "1.0.0" });
    setSignatures(acmeUpstream, "@acme/ui", "1.0.0", [acme.sign(signed)]);
    acmeUpstream.publish({ name: "@acme/ui", version: "2.0.0" });
    const { document } = await listed("@acme/ui");
    assert.deepEqual(Object.keys(document.versions), ["1.0.0"]);
    assert.equal((await get("/@acme%2fui/-/ui-1.0.0.tgz")).status, 200);
    const answer = await get("/@acme%2fui/-/ui-2.0.0.tgz");
    assert.equal(answer.status, 403);
    assert.match(String(answer.json()["error"]), /signature\/missing/);
  });

  test("stands in the log as the signer of the bind", async () => {
    publish("logged", "1.0.0");
    const { text } = { text: (await get("/-/log/lookup/logged@1.0.0")).text() };
    assert.match(text, new RegExp(`^signer ${RegExp.escape(open.key.keyid)}$`, "m"));
  });
});

describe("attestations", () => {
  const at = "/-/npm/v1/attestations/plain@1.0.0";
  const predicateType = "https://slsa.dev/provenance/v1";
  const put = (subject: unknown): void => {
    const payload = Buffer.from(JSON.stringify({ subject: [subject], predicateType })).toString("base64");
    openUpstream.put(at, JSON.stringify({ attestations: [{ predicateType, bundle: { dsseEnvelope: { payload } } }] }));
  };

  test("are the owner's, when they are about the release and its bytes", async () => {
    assert.equal((await get(at)).status, 404);
    const integrity = (await listed("plain")).document.versions["1.0.0"]?.dist.integrity ?? "";
    const sha512 = Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex");
    put({ name: "pkg:npm/plain@1.0.0", digest: { sha512 } });
    const answer = await get(at);
    assert.equal(answer.status, 200);
    assert.ok("attestations" in answer.json());
    put({ name: "pkg:npm/plain@1.0.1", digest: { sha512 } });
    assert.equal((await get(at)).status, 502);
    put({ name: "pkg:npm/plain@1.0.0", digest: { sha512: "00" } });
    const wrong = await get(at);
    assert.equal(wrong.status, 502);
    assert.match(String(wrong.json()["error"]), /not about the bound bytes/);
  });
});
