/** A finished answer says exactly what its route says: a query sends the same request past the finished answers. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer, type Installation, type ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type PublishedRelease, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let release: PublishedRelease;

before(async () => {
  upstream = await createTestUpstream();
  upstream.publish({ name: "@acme/warm", version: "1.0.0" });
  release = upstream.publish({ name: "@acme/warm", version: "1.1.0", files: { "index.js": "x".repeat(5000) } });
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const accepts = ["application/json", "application/vnd.npm.install-v1+json", "text/html", "*/*"];
const encodings = ["gzip", "zstd", "identity"];

async function sameBothWays(target: string, method: string, headers: Record<string, string>): Promise<void> {
  const answers = [];
  for (const url of [`${target}?by=route`, target, `${target}?by=route`, target]) {
    const { status, headers: said, body } = await rawRequest(server.url, url, { method, headers });
    const { date: _date, ...others } = said;
    answers.push({ status, others, body: body.toString("base64") });
  }
  for (const answer of answers) assert.deepEqual(answer, answers[0], `${method} ${target} ${JSON.stringify(headers)}`);
}

test("documents are the same by either way, in every form and encoding", async () => {
  for (const accept of accepts) {
    for (const encoding of encodings) {
      await sameBothWays("/@acme/warm", "GET", { accept, "accept-encoding": encoding });
      await sameBothWays("/@acme%2fwarm", "HEAD", { accept, "accept-encoding": encoding });
    }
  }
});

test("tarballs are the same by either way", async () => {
  await sameBothWays(release.path, "GET", {});
  await sameBothWays(release.path, "HEAD", {});
  await sameBothWays(release.path, "GET", { range: "bytes=1-3" });
  await sameBothWays("/@acme/warm/-/warm-9.9.9.tgz", "GET", {});
});
