/** A registry whose log is cosigned by witnesses, each a process of its own: outages, kill -9, and what downloads wait for. */
import assert from "node:assert/strict";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openWitnessed, parseCheckpoint, parseNote, parsePolicy, toBase64, type WitnessPolicy } from "@assay/core";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, freePort, startAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, RunningCommand, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type PublishedRelease, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let vkey = "";
let shard = "";
let policy: WitnessPolicy;
const witnesses: Witness[] = [];
let published = 0;

interface Witness {
  readonly line: string;
  running: RunningCommand;
  readonly start: () => RunningCommand;
}

/** `assay witness` on a port of its own, until it says that it is ready. */
async function startWitness(name: string): Promise<Witness> {
  const port = await freePort();
  const start = (): RunningCommand =>
    startAssay(installation, [
      "witness",
      `--data=${path.join(installation.home, name)}`,
      `--port=${port}`,
      `--name=${name}.example.com`,
      `--log=${vkey}`,
    ]);
  const running = start();
  let said = "";
  running.child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const line = await waitFor(async () => /^ {2}(witness .*)$/m.exec(said)?.[1]);
  return { line, running, start };
}

/** As a power cut does. */
async function kill(witness: Witness | undefined): Promise<void> {
  witness?.running.child.kill("SIGKILL");
  await witness?.running.result;
}

function startAgain(witness: Witness | undefined): void {
  if (witness !== undefined) witness.running = witness.start();
}

async function waitFor<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(20);
  }
}

async function startRegistry(release: string): Promise<void> {
  server = await startServer(installation, {
    upstream: upstream.url,
    env: {
      ASSAY_LOG_WITNESSES_FILE: "witnesses.policy",
      ASSAY_LOG_RELEASE: release,
      ASSAY_LOG_WITNESS_TIMEOUT_MS: "1000",
    },
  });
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
  const { logs } = JSON.parse((await rawRequest(installation.url, "/-/log/")).text()) as {
    logs: { vkey: string; shard: string }[];
  };
  ({ vkey, shard } = logs[0] ?? { vkey: "", shard: "" });
  await server.stop();
  witnesses.push(await startWitness("one"), await startWitness("two"));
  const lines = witnesses.map(({ line }) => `${line}\n`).join("");
  const names = witnesses.map(({ line }) => line.split(" ")[1]).join(" ");
  const text = `${lines}group both all ${names}\nquorum both\n`;
  policy = parsePolicy(text);
  writeFileSync(path.join(installation.home, "witnesses.policy"), text);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  for (const witness of witnesses) await kill(witness);
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function publish(): PublishedRelease {
  published += 1;
  return upstream.publish({ name: `tool-${published}`, version: "1.0.0" });
}

async function checkpoint(): Promise<{ size: number; root: string } | undefined> {
  const answer = await rawRequest(installation.url, `/-/log/${shard}/checkpoint`);
  if (answer.status !== 200) return undefined;
  const opened = await openWitnessed(answer.text(), { ...policy, logs: [{ vkey, url: undefined }] });
  assert.ok(opened.quorum.met, `public without its quorum: ${opened.quorum.reason}`);
  return { size: opened.size, root: toBase64(opened.root) };
}

const backup = (): string => path.join(installation.home, "backup");

const statusOf = async (release: PublishedRelease): Promise<number> =>
  (await rawRequest(installation.url, release.path)).status;

test("with release quorum a first download waits for the witnesses, and for nobody who asks second either", async () => {
  await startRegistry("quorum");
  const first = publish();
  assert.equal(await statusOf(first), 200);
  const covered = await checkpoint();
  assert.ok((covered?.size ?? 0) >= 1);

  await kill(witnesses[1]);
  const second = publish();
  const held = await rawRequest(installation.url, second.path);
  assert.equal(held.status, 503);
  assert.ok(held.headers["retry-after"] !== undefined);
  assert.equal(await statusOf(second), 503);
  assert.equal(await statusOf(first), 200, "what is proven is served");
  assert.equal((await rawRequest(installation.url, `/${second.name}`)).status, 200);
  assert.equal((await rawRequest(installation.url, "/-/health/ready")).status, 200);
  assert.match(server.output(), /the quorum of witnesses is not met/);
  const metrics = (await rawRequest(installation.url, "/-/metrics")).text();
  assert.match(metrics, new RegExp(`^assay_log_quorum\\{shard="${shard}"\\} 0$`, "m"));

  // Also after a restart: it is bound, and still nobody has cosigned it.
  await server.stop("SIGKILL");
  await startRegistry("quorum");
  assert.equal((await checkpoint())?.size, covered?.size);
  assert.equal(await statusOf(second), 503);
  startAgain(witnesses[1]);
  await waitFor(async () => ((await statusOf(second)) === 200 ? true : undefined));
  assert.ok(((await checkpoint())?.size ?? 0) > (covered?.size ?? 0));
  await server.stop();
  cpSync(installation.data, backup(), { recursive: true });
});

test("with release claim downloads go on while witnesses are away", async () => {
  await kill(witnesses[0]);
  await startRegistry("claim");
  const before = await checkpoint();
  const release = publish();
  assert.equal(await statusOf(release), 200);
  const lookup = await rawRequest(installation.url, `/-/log/lookup/${release.name}@1.0.0`);
  assert.equal(lookup.status, 503, "a lookup waits for what is public");
  assert.deepEqual(await checkpoint(), before);
  startAgain(witnesses[0]);
  await waitFor(async () =>
    (await rawRequest(installation.url, `/-/log/lookup/${release.name}@1.0.0`)).status === 200 ? true : undefined,
  );
  await server.stop();
});

test("the page of the log names the witnesses, when each signed, and the policy", async () => {
  await startRegistry("claim");
  const page = (await rawRequest(server.url, "/-/web/log", { headers: { accept: "text/html" } })).text();
  await server.stop();
  assert.match(page, /Besides the log, 2 witnesses have signed that it only ever grew/);
  for (const { line } of witnesses) {
    const [, , key = ""] = line.split(" ");
    const name = key.split("+", 1)[0] ?? "";
    assert.match(page, new RegExp(`${RegExp.escape(name)}</code>.*?a witness</td><td[^>]*><time datetime="20`));
  }
  assert.match(page, /group both all/);
});

test("registry and witnesses killed at any moment: what was public stays public, and is one history", async () => {
  const seen = new Map<number, string>();
  for (let round = 0; round < 6; round += 1) {
    await startRegistry("claim");
    const releases = Array.from({ length: 6 }, publish);
    const work = releases.map(async (release, i) => {
      await delay(i * 40);
      try {
        await rawRequest(installation.url, release.path);
        const shown = await checkpoint();
        if (shown === undefined) return;
        assert.equal(seen.get(shown.size) ?? shown.root, shown.root);
        seen.set(shown.size, shown.root);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    });
    await delay(60 + round * 50);
    const victim = witnesses[round % 2];
    if (round % 3 !== 0) await kill(victim);
    if (round % 3 !== 1) await server.stop("SIGKILL");
    await Promise.all(work);
    await server.stop("SIGKILL");
    if (round % 3 !== 0) startAgain(victim);
  }
  await startRegistry("claim");
  const last = publish();
  const answer = await waitFor(async () => {
    const lookup = await rawRequest(installation.url, `/-/log/lookup/${last.name}@1.0.0`);
    return lookup.status === 200 ? lookup.text() : undefined;
  });
  const note = answer.slice(answer.indexOf("\n\n") + 2);
  const { size } = parseCheckpoint(parseNote(note).text);
  assert.ok(size >= Math.max(...seen.keys()), "the public checkpoint went back");
  // The witnesses hold every step against the one before: had the log forked, they would not have cosigned the last.
  assert.ok((await openWitnessed(note, { ...policy, logs: [{ vkey, url: undefined }] })).quorum.met);
  await server.stop();
});

test("a registry that was put back behind its witnesses does not start, and says how to go on", async () => {
  // As on a new machine: an old backup of the data folder, and no guard.
  rmSync(path.join(installation.home, ".local"), { recursive: true });
  rmSync(installation.data, { recursive: true });
  cpSync(backup(), installation.data, { recursive: true });
  await assert.rejects(startRegistry("claim"), (error: Error) => {
    assert.match(error.message, /the witness (?:one|two)\.example\.com remembers a signature over \d+/);
    assert.match(error.message, /assay log rotate --restored/);
    return true;
  });
});
