/** A maintainer moves a package to another registry, with a whole server, a command beside it, and kills. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { rawRequest } from "@assay/testkit/raw-http";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

let owner: TestUpstream;
let domain: TestUpstream;
let installation: Installation;
let server: ServerProcess;
const signer = createRegistrySigner();

const get = (at: string) => rawRequest(server.url, at);
const latest = async (): Promise<unknown> => {
  const { "dist-tags": tags } = (await get("/left")).json();
  return (tags as Record<string, string>)["latest"];
};

async function start(delegations: "ask" | "follow"): Promise<void> {
  server = await startServer(installation, {
    config: `
upstreams:
  npm: {url: "${owner.url}", names: ["*"], delegations: ${delegations}}
  domain: {kind: registry, url: "${domain.url}", names: []}
packuments: {maxAgeSeconds: 0}
sweep: {everyMinutes: 0}
`,
  });
}

const assay = (...parameters: readonly string[]) =>
  runAssay(installation, [...parameters, "--data", installation.data]);

async function delegations(): Promise<readonly { readonly state: string; readonly problem?: string }[]> {
  const { stdout } = await assay("delegation", "list", "--json");
  return (JSON.parse(stdout) as { delegations: { state: string; problem?: string }[] }).delegations;
}

before(async () => {
  owner = await createTestUpstream();
  domain = await createTestUpstream();
  publishKeys(owner, signer);
  const manifest = { assay: { movedTo: `${domain.url}/` } };
  for (const release of [
    { name: "left", version: "1.0.0" },
    { name: "left", version: "2.0.0", manifest },
  ]) {
    const { integrity } = owner.publish(release);
    setSignatures(owner, "left", release.version, [signer.sign({ ...release, integrity })]);
    domain.publish(release);
  }
  installation = await createInstallation();
  await start("ask");
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
  await domain[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

test("what its owner signed is found when it comes in, survives a kill, and waits for a person", async () => {
  for (const version of ["1.0.0", "2.0.0"]) assert.equal((await get(`/left/-/left-${version}.tgz`)).status, 200);
  await server.stop("SIGKILL");
  await start("ask");
  let state = "";
  for (let i = 0; i < 60 && state !== "asking"; i += 1) {
    await delay(250);
    state = (await delegations())[0]?.state ?? "";
  }
  assert.equal(state, "asking");
  domain.publish({ name: "left", version: "3.0.0" });
  assert.equal(await latest(), "2.0.0", "the owner decides until a person does");
});

test("accepted beside the running server it is in force there, with names and binds as they were", async () => {
  const asked = owner.requests.length;
  const { exitCode, stdout, stderr } = await assay("delegation", "accept", "left");
  assert.equal(exitCode, 0, stdout + stderr);
  for (let i = 0; i < 60 && (await latest()) !== "3.0.0"; i += 1) await delay(250);
  assert.equal(await latest(), "3.0.0");
  assert.equal((await get("/left/-/left-3.0.0.tgz")).status, 200);
  assert.equal((await get("/left/-/left-1.0.0.tgz")).status, 200);
  const later = owner.requests.slice(asked).filter(({ path }) => path.includes("left-3"));
  assert.deepEqual(later, [], "the former owner is not asked for what the new one has");
});

test("after a kill the name still lives there, and its record is in the log", async () => {
  await server.stop("SIGKILL");
  await start("ask");
  assert.equal(await latest(), "3.0.0");
  assert.equal((await delegations())[0]?.state, "active");
  const { stdout, stderr } = await assay("log", "tail", "--no-follow", "--json", "--lines", "50");
  assert.match(stdout, /delegate/, stderr);
});
