/** What an upstream does with a package that is used here becomes records: versions listed, tags moved, gone and back. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { encodeUtf8, leafHash, openNote, parseBundle, parseCheckpoint, verifier, verifyMany } from "@assay/core";
import {
  createInstallation,
  runAssay,
  startServer,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  const config = path.join(installation.home, "assay.yaml");
  writeFileSync(config, "packuments:\n  maxAgeSeconds: 0\nlog:\n  seen: all\nremoved:\n  refuseWithinHours: 0\n");
  server = await startServer(installation, { upstream: upstream.url, flags: [`--config=${config}`] });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const look = async () => {
  const response = await fetch(`${server.url}/tool`);
  await response.arrayBuffer();
  assert.equal(response.status, 200);
};

/** The kinds of the records of a version, or of the package, once there are this many. */
async function records(count: number): Promise<string[]> {
  for (;;) {
    const { stdout, stderr, exitCode } = await runAssay(
      installation,
      ["log", "tail", "--no-follow", "--lines=1000", "--json", `--data=${installation.data}`],
      installation.home,
      { ASSAY_UPSTREAM: upstream.url },
    );
    assert.equal(exitCode, 0, stderr);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "");
    const shown = lines
      .map((line) => JSON.parse(line) as { record: Record<string, string> })
      .filter(({ record }) => record["name"] === "tool")
      .map(({ record }) =>
        record["kind"] === "tag"
          ? `tag ${record["tag"]} ${record["from"]} ${record["to"]}`
          : `${record["kind"]} ${record["version"]}`,
      );
    if (shown.length >= count) return shown;
    await delay(200);
  }
}

test("versions that are only listed, a tag that goes back, a version that goes and returns", async () => {
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) upstream.publish({ name: "tool", version });
  await look();
  const bound = await fetch(`${server.url}/tool/-/tool-1.2.0.tgz`);
  assert.equal(bound.status, 200);
  assert.deepEqual((await records(3)).toSorted(), ["bind 1.2.0", "seen 1.0.0", "seen 1.1.0"]);

  upstream.tag("tool", "latest", "1.0.0");
  await look();
  assert.deepEqual((await records(4)).slice(3), ["tag latest 1.2.0 1.0.0"]);

  const before = structuredClone(upstream.document("tool"));
  upstream.remove("tool", "1.2.0");
  await look();
  assert.deepEqual((await records(5)).slice(4), ["gone 1.2.0"]);
  upstream.edit("tool", (document) => Object.assign(document, before));
  await look();
  assert.deepEqual((await records(6)).slice(5), ["back 1.2.0"]);
});

test("what a source lists instead is shown, with a bundle that anybody checks", async () => {
  upstream.publish({ name: "tool", version: "1.2.0", files: { "index.js": "patched" } });
  await look();
  assert.ok((await records(7)).includes("conflict 1.2.0"));
  const conflict = async (...args: string[]) =>
    await runAssay(installation, ["log", "conflict", ...args, `--data=${installation.data}`], installation.home, {
      ASSAY_UPSTREAM: upstream.url,
    });
  const shown = await conflict("tool@1.2.0", `--out=${path.join(installation.home, "bundle.json")}`);
  assert.equal(shown.exitCode, 0, shown.stderr);
  assert.match(shown.stdout, / bind {7}tool@1\.2\.0 [\s\S]* conflict {3}tool@1\.2\.0 npm has sha512-/);
  const { bundles } = parseBundle(JSON.parse(readFileSync(path.join(installation.home, "bundle.json"), "utf8")));
  const listed = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { origin: string; vkey: string }[] };
  const [part, ...others] = bundles;
  assert.ok(part && others.length === 0);
  const vkey = listed.logs.find(({ origin }) => origin === part.origin)?.vkey ?? "";
  const { size, root } = parseCheckpoint((await openNote(part.checkpoint, [await verifier(vkey)])).text);
  const leaves = part.records.map(({ index, text }) => ({ index, leafHash: leafHash(sha256, encodeUtf8(text)) }));
  assert.ok(verifyMany(sha256, { size, root, leaves, hashes: part.hashes }));
  const none = await conflict("tool@1.0.0");
  assert.match(none.stdout, /No source is on record with anything else/);
});
