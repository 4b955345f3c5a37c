import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { parseFork, toBase64, verifier, verifyFork } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { startWitness, type TestWitness } from "./test-witness.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

function grow(log: TinyLog, to: number, mark = ""): TinyLog {
  for (let i = log.size(); i < to; i += 1) log.bind(`p${i}${mark}`, "1.0.0", integrityOf(`${i}${mark}`));
  return log;
}

async function show(witness: TestWitness, note: string | Uint8Array) {
  const body = typeof note === "string" ? note : Uint8Array.from(note);
  const response = await fetch(`${witness.url}/-/log/gossip`, { method: "POST", body });
  const text = await response.text();
  return {
    status: response.status,
    text,
    json: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

async function world(t: TestContext, withUrl = true) {
  const log = grow(await createTinyLog({}), 300);
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  const folder = tempFolder(t);
  const url = withUrl ? `${server.url}/-/log/npm-2026a` : undefined;
  const start = async (): Promise<TestWitness> => {
    const witness = await startWitness(folder, [], { logs: [{ vkey: log.vkey, url }] });
    t.after(() => witness[Symbol.asyncDispose]());
    return witness;
  };
  return { log, server, start, witness: await start() };
}

async function assertFork(log: TinyLog, text: string): Promise<void> {
  assert.ok(await verifyFork(sha256, parseFork(text), await verifier(log.vkey)));
}

test("checkpoints of one history are older, the same, or the newest now, and the largest is remembered over a restart", async (t) => {
  const { log, witness, start } = await world(t);
  await witness.ask(log, 0, 100);
  const said = async (at: TestWitness, size: number) => {
    const { status, json } = await show(at, await log.checkpoint(size));
    return [status, json["state"], json["size"], json["origin"]];
  };
  assert.deepEqual(await said(witness, 100), [200, "same", 100, log.origin]);
  assert.deepEqual(await said(witness, 40), [200, "older", 100, log.origin]);
  assert.deepEqual(await said(witness, 0), [200, "older", 100, log.origin]);
  assert.deepEqual(await said(witness, 250), [200, "newer", 250, log.origin]);
  assert.deepEqual(await said(witness, 100), [200, "older", 250, log.origin]);
  await witness[Symbol.asyncDispose]();
  const again = await start();
  assert.deepEqual(await said(again, 250), [200, "same", 250, log.origin]);
  assert.deepEqual(await said(again, 200), [200, "older", 250, log.origin]);
});

test("a checkpoint of another history is answered with evidence that anybody can check, which is kept and told", async (t) => {
  const { log, witness } = await world(t);
  await witness.ask(log, 0, 300);
  for (const [from, to] of [
    [300 - 50, 300],
    [90, 120],
    [299, 300],
    [1, 200],
  ] as const) {
    const fork = grow(log.fork(from), to, "x");
    const { status, text } = await show(witness, await fork.checkpoint());
    assert.equal(status, 409, `${from} ${to}: ${text}`);
    await assertFork(log, text);
    // The same again is the same evidence.
    assert.equal((await show(witness, await fork.checkpoint())).text, text);
  }
  assert.equal(witness.lines.filter((line) => line.includes("signed two histories")).length, 4);
  const metrics = await witness.get("/-/metrics");
  assert.match(metrics.body, new RegExp(`assay_witness_forks\\{origin="${log.origin}"\\} 4`));
});

test("a fork that is larger than what is known is found when the log shows its own tiles again", async (t) => {
  const { log, server, witness } = await world(t);
  await witness.ask(log, 0, 200);
  const fork = grow(log.fork(100), 400, "x");
  const shown = await show(witness, await fork.checkpoint());
  assert.deepEqual([shown.status, shown.json["state"], shown.json["size"]], [202, "kept", 200]);
  assert.match((await witness.get("/-/metrics")).body, /assay_gossip_waiting\{[^}]*\} 1/);
  grow(log, 500);
  await witness.ask(log, 200, 500);
  await witness.app.gossip.compareKept();
  assert.match((await witness.get("/-/metrics")).body, /assay_gossip_waiting\{[^}]*\} 0/);
  assert.match((await witness.get("/-/metrics")).body, /assay_witness_forks\{[^}]*\} 1/);
  // Where the tiles of the other history are served, it is found at once.
  const other = grow(log.fork(450), 600, "y");
  server.log = other;
  const found = await show(witness, await other.checkpoint());
  assert.equal(found.status, 409);
  await assertFork(log, found.text);
});

test("without a place of the tiles trees of one size are compared, the others wait until that size is cosigned", async (t) => {
  const { log, witness } = await world(t, false);
  await witness.ask(log, 0, 100);
  assert.equal((await show(witness, await log.checkpoint(100))).json["state"], "same");
  const fork = grow(log.fork(50), 150, "x");
  const now = await show(witness, await fork.checkpoint(100));
  assert.equal(now.status, 409);
  await assertFork(log, now.text);
  assert.equal((await show(witness, await fork.checkpoint(150))).status, 202);
  assert.equal((await show(witness, await log.checkpoint(70))).status, 202);
  await witness.ask(log, 100, 150);
  assert.equal((await show(witness, await log.checkpoint(100))).json["state"], "older");
  await witness.app.gossip.compareKept();
  const metrics = (await witness.get("/-/metrics")).body;
  assert.match(metrics, /assay_witness_forks\{[^}]*\} 2/);
  assert.match(metrics, /assay_gossip_waiting\{[^}]*\} 1/);
});

test("tiles that do not fit, or do not come, accuse nobody", async (t) => {
  const { log, server, witness } = await world(t);
  await witness.ask(log, 0, 100);
  // What is served now leads to another root than the one that was shown.
  server.log = grow(log.fork(10), 300, "z");
  assert.equal((await show(witness, await log.checkpoint(200))).status, 202);
  await server[Symbol.asyncDispose]();
  assert.equal((await show(witness, await log.checkpoint(201))).status, 202);
  assert.doesNotMatch((await witness.get("/-/metrics")).body, /assay_witness_forks\{[^}]*\} [1-9]/);
});

test("what is no signed checkpoint of a log that is known is refused by name", async (t) => {
  const { log, witness } = await world(t);
  const stranger = await createTinyLog({ origin: "other.example.com/log" });
  const imposter = await createTinyLog({ seed: "07".repeat(32) });
  const root = toBase64(new Uint8Array(32));
  const cases = [
    ["", 400],
    ["not a note", 400],
    [Uint8Array.of(0xff, 0xfe), 400],
    [await stranger.checkpoint(), 404],
    [await grow(imposter, 5).checkpoint(), 403],
    [(await log.checkpoint()).split("\n\n")[0] ?? "", 400],
    [await log.sign(`${log.origin}\n5\n${root}\nextension\n`), 400],
    [await log.sign(`${log.origin}\n0\n${root}\n`), 400],
    [await log.sign(`${log.origin}\n05\n${root}\n`), 400],
    ["x".repeat(64 * 1024 + 1), 413],
  ] as const;
  for (const [note, status] of cases) {
    const answer = await show(witness, note);
    assert.equal(answer.status, status, `${String(note).slice(0, 80)}: ${answer.text}`);
  }
});

test("many at once remember one largest, and above the pace they are told when to come again", async (t) => {
  const { log, witness } = await world(t);
  await witness.ask(log, 0, 100);
  const sizes = Array.from({ length: 60 }, (_, i) => 241 + i);
  const answers = await Promise.all(sizes.map(async (size) => await show(witness, await log.checkpoint(size))));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal((await show(witness, await log.checkpoint(300))).json["size"], 300);
  const note = await log.checkpoint(10);
  let refused = false;
  for (let i = 0; i < 100 && !refused; i += 1) {
    const response = await fetch(`${witness.url}/-/log/gossip`, { method: "POST", body: note });
    refused = response.status === 429;
    if (refused) assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
    await response.text();
  }
  assert.ok(refused);
});
