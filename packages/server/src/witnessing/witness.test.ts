import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  addSignatures,
  formatAddCheckpoint,
  formatNote,
  hasMldsa,
  parseAddCheckpoint,
  parseFork,
  parseNote,
  verifier,
  verifyFork,
  type Sha256,
} from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog, type TinyLog } from "@assay/testkit/tiny-log";
import { askBody, grow, startWitness, type TestWitness } from "./test-witness.ts";

const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");
const hashOf = (log: TinyLog): string => hash("sha256", log.origin);

async function witnessOf(folder: string, ...logs: TinyLog[]): Promise<TestWitness> {
  return await startWitness(folder, logs);
}

async function isProof(log: TinyLog, document: string): Promise<boolean> {
  return await verifyFork(sha256, parseFork(document), await verifier(log.vkey));
}

const evidenceIn = (folder: string): string[] => {
  const evidence = join(folder, "evidence");
  return readdirSync(evidence).map((name) => readFileSync(join(evidence, name), "utf8"));
};

test("cosigns a log that only grows, from the empty one on, and says so to everybody", async (t) => {
  const log = await createTinyLog({});
  await using witness = await witnessOf(tempFolder(t), log);
  assert.equal((await witness.get(`/${hashOf(log)}/checkpoint`)).status, 404);
  let cosigned = 0;
  for (const size of [0, 1, 2, 3, 255, 256, 257, 769]) {
    grow(log, size - log.size());
    const answer = await witness.ask(log, cosigned, size);
    assert.equal(answer.status, 200, `${size}: ${answer.body}`);
    const note = addSignatures(await log.checkpoint(size), [answer.body]);
    const opened = await witness.open(log, note);
    assert.equal(opened.quorum.met, true);
    assert.equal(opened.size, size);
    const read = await witness.get(`/${hashOf(log)}/checkpoint`);
    assert.equal(read.body, note);
    assert.equal(read.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(read.headers.get("access-control-allow-origin"), "*");
    cosigned = size;
  }
  const { logs } = JSON.parse((await witness.get("/logs")).body) as { logs: Record<string, unknown>[] };
  assert.equal(logs.length, 1);
  assert.deepEqual(
    { ...logs[0], cosignedAt: null },
    { origin: log.origin, vkey: log.vkey, url: null, size: 769, cosignedAt: null },
  );
  assert.match((await witness.get("/")).body, new RegExp(`${log.origin}, 769 entries cosigned`));
  assert.equal((await witness.get("/-/health/ready")).status, 200);
  const metrics = (await witness.get("/-/metrics")).body;
  assert.match(metrics, /^assay_witness_requests_total\{answer="cosigned"\} 8$/m);
  assert.match(metrics, new RegExp(`^assay_witness_size_entries\\{origin="${log.origin}"\\} 769$`, "m"));
  assert.match(metrics, new RegExp(`^assay_witness_forks\\{origin="${log.origin}"\\} 0$`, "m"));
});

test("gives every answer of the protocol, and changes nothing by a refusal", async (t) => {
  const log = grow(await createTinyLog({}), 20);
  const stranger = grow(await createTinyLog({ origin: "log.example.com/other" }), 20);
  const otherKey = grow(await createTinyLog({ seed: "02".repeat(32) }), 20);
  const fork = grow(log.fork(5), 15, "b");
  await using witness = await witnessOf(tempFolder(t), log);
  assert.equal((await witness.ask(log, 0, 10)).status, 200);
  const body = await askBody(log, 10, 20);
  const request = parseAddCheckpoint(body);
  const other = parseAddCheckpoint(await askBody(otherKey, 10, 20));
  const [line = ""] = other.checkpoint.split("\n\n").slice(1);
  const emptyLie = formatNote(`${log.origin}\n0\n${"A".repeat(43)}=\n`, [line]);
  const cases: [string, string, number, RegExp][] = [
    ["nothing", "", 400, /malformed/],
    ["no request", "hello\n", 400, /malformed/],
    ["an unknown origin", await askBody(stranger, 0, 20), 404, /log\.example\.com\/other/],
    ["another key under the origin", await askBody(otherKey, 10, 20), 403, /did not sign/],
    ["a signature of another text", body.replace("\n20\n", "\n21\n"), 403, /did not sign/],
    ["a root that an empty log cannot have, unsigned", `old 0\n\n${emptyLie}`, 403, /did not sign/],
    ["old above the size", await askBody(log, 11, 10), 400, /above/],
    ["old behind", await askBody(log, 9, 20), 409, /^10\n$/],
    ["old ahead", await askBody(log, 15, 20), 409, /^10\n$/],
    ["old 0 though something was cosigned", await askBody(log, 0, 20), 409, /^10\n$/],
    ["a smaller tree", await askBody(log, 3, 5), 409, /^10\n$/],
    ["no proof", formatAddCheckpoint({ ...request, proof: [] }), 422, /proof is wrong/],
    ["half a proof", formatAddCheckpoint({ ...request, proof: request.proof.slice(1) }), 422, /proof is wrong/],
    [
      "a proof too long",
      formatAddCheckpoint({ ...request, proof: [...request.proof, sha256(new Uint8Array())] }),
      422,
      /proof/,
    ],
    ["a fork", await askBody(fork, 10, 20), 422, /not those that were cosigned/],
    ["a fork of the same size", await askBody(fork, 10, 10), 422, /another root/],
    [
      "a proof at the same size",
      formatAddCheckpoint({ oldSize: 10, proof: [sha256(new Uint8Array())], checkpoint: await log.checkpoint(10) }),
      422,
      /proof/,
    ],
  ];
  for (const [what, sent, status, sentence] of cases) {
    const answer = await witness.post(sent);
    assert.equal(answer.status, status, `${what}: ${answer.body}`);
    assert.match(answer.body, sentence, what);
    if (status === 409) assert.equal(answer.headers.get("content-type"), "text/x.tlog.size");
  }
  assert.equal((await witness.post("x".repeat(131_073))).status, 413);
  assert.equal((await witness.post(body, { "content-encoding": "gzip" })).status, 415);
  assert.equal((await witness.get("/add-checkpoint")).status, 405);
  // The other key may sign as well: it is not known, so it does no harm.
  const both = addSignatures(await log.checkpoint(20), [line]);
  assert.equal((await witness.post(formatAddCheckpoint({ ...request, checkpoint: both }))).status, 200);
  const kept = (await witness.get(`/${hashOf(log)}/checkpoint`)).body;
  assert.equal(parseNote(kept).signatures.length, 2, "the line of a stranger was kept");
});

test("of an empty log one root is possible, and a proof from nothing is empty", async (t) => {
  const log = grow(await createTinyLog({}), 3);
  const lying = await createTinyLog({});
  await using witness = await witnessOf(tempFolder(t), log);
  const withProof = formatAddCheckpoint({
    oldSize: 0,
    proof: [sha256(new Uint8Array())],
    checkpoint: await log.checkpoint(3),
  });
  assert.equal((await witness.post(withProof)).status, 422);
  assert.equal((await witness.ask(log, 0, 0)).status, 200);
  assert.equal((await witness.post(withProof)).status, 422);
  assert.equal((await witness.ask(log, 0, 3)).status, 200);
  assert.equal((await witness.ask(lying, 0, 0)).status, 409);
});

test("of two trees of one size that come at once one is cosigned, and the other is proof against the log", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 100);
  const fork = grow(log.fork(60), 40, "b");
  await using witness = await witnessOf(folder, log);
  assert.equal((await witness.ask(log, 0, 50)).status, 200);
  const answers = await Promise.all([witness.ask(log, 50, 100), witness.ask(fork, 50, 100)]);
  const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
  // Whoever lost is told the size, or that the root is another, as it was judged before or after the winner.
  assert.ok([409, 422].includes(statuses[1] ?? 0) && statuses[0] === 200, statuses.join(" "));
  const winner = answers[0]?.status === 200 ? log : fork;
  const kept = (await witness.get(`/${hashOf(log)}/checkpoint`)).body;
  assert.ok(kept.startsWith(parseNote(await winner.checkpoint(100)).text));
  const [document = "", ...more] = evidenceIn(folder);
  assert.deepEqual(more, []);
  assert.ok(await isProof(log, document));
  const { smaller, larger } = parseFork(document);
  assert.deepEqual(
    new Set([smaller, larger].map((note) => parseNote(note).text)),
    new Set([parseNote(await log.checkpoint(100)).text, parseNote(await fork.checkpoint(100)).text]),
  );
  assert.match((await witness.get("/-/metrics")).body, /^assay_witness_forks\{[^}]*\} 1$/m);
  assert.equal(witness.lines.filter((line) => line.includes("two histories")).length, 1);
  // The same evidence once more alarms nobody again.
  const loser = winner === log ? fork : log;
  assert.equal((await witness.ask(loser, 50, 100)).status, 409);
  assert.equal((await witness.ask(loser, 100, 100)).status, 422);
  assert.equal(witness.lines.filter((line) => line.includes("two histories")).length, 1);
});

test("a fork is proven by the very proof that the log sends, and by an old size that comes again", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 100);
  const fork = grow(log.fork(30), 90, "b");
  await using witness = await witnessOf(folder, log);
  assert.equal((await witness.ask(log, 0, 50)).status, 200);
  assert.equal((await witness.ask(fork, 50, 120)).status, 422);
  assert.equal(evidenceIn(folder).length, 1);
  assert.equal((await witness.ask(log, 50, 100)).status, 200);
  // 50 was cosigned once: the other tree of that size is recognised though the answer is about the size.
  assert.equal((await witness.ask(fork, 40, 50)).status, 409);
  const documents = evidenceIn(folder);
  assert.equal(documents.length, 2);
  for (const document of documents) assert.ok(await isProof(log, document));
  const { forks } = JSON.parse((await witness.get(`/${hashOf(log)}/forks`)).body) as { forks: unknown[] };
  assert.equal(forks.length, 2);
  for (const each of forks) assert.ok(await isProof(log, JSON.stringify(each)));
  assert.equal((await witness.get(`/${"0".repeat(64)}/forks`)).status, 404);
});

test("a wrong proof by somebody else is no evidence against the log", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 100);
  await using witness = await witnessOf(folder, log);
  assert.equal((await witness.ask(log, 0, 50)).status, 200);
  const request = parseAddCheckpoint(await askBody(log, 50, 100));
  for (const proof of [[], request.proof.toReversed(), request.proof.map(() => new Uint8Array(32))])
    assert.equal((await witness.post(formatAddCheckpoint({ ...request, proof }))).status, 422);
  assert.equal((await witness.get("/-/metrics")).body.match(/^assay_witness_forks.*$/m)?.[0]?.endsWith(" 0"), true);
  assert.equal((await witness.ask(log, 50, 100)).status, 200);
});

test("fifty that ask at once for trees of one history get there, each judged after the other", async (t) => {
  const log = grow(await createTinyLog({}), 500);
  await using witness = await witnessOf(tempFolder(t), log);
  const reach = async (size: number): Promise<number> => {
    for (let old = 0; ;) {
      const answer = await witness.ask(log, Math.min(old, size), size);
      if (answer.status === 200) return size;
      assert.equal(answer.status, 409, answer.body);
      old = Number(answer.body);
      if (old > size) return old;
    }
  };
  await Promise.all(Array.from({ length: 50 }, (_, i) => reach((i + 1) * 10)));
  const note = (await witness.get(`/${hashOf(log)}/checkpoint`)).body;
  assert.equal((await witness.open(log, note)).size, 500);
});

test("goes on after a restart where it was, evidence included, and a key or log that changed is refused", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 100);
  const fork = grow(log.fork(30), 70, "b");
  let note = "";
  {
    await using witness = await witnessOf(folder, log);
    assert.equal((await witness.ask(log, 0, 80)).status, 200);
    assert.equal((await witness.ask(fork, 80, 80)).status, 422);
    note = (await witness.get(`/${hashOf(log)}/checkpoint`)).body;
  }
  rmSync(join(folder, "evidence"), { recursive: true });
  {
    await using witness = await witnessOf(folder, log);
    assert.equal((await witness.get(`/${hashOf(log)}/checkpoint`)).body, note);
    assert.equal(evidenceIn(folder).length, 1, "the file of the evidence was not made again");
    assert.match((await witness.get("/-/metrics")).body, /^assay_witness_forks\{[^}]*\} 1$/m);
    assert.equal((await witness.ask(log, 0, 100)).body, "80\n");
    assert.equal((await witness.ask(log, 80, 100)).status, 200);
  }
  const otherKey = await createTinyLog({ seed: "02".repeat(32) });
  await assert.rejects(witnessOf(folder, otherKey), { code: "CONFIG", message: /keeps its key for life/ });
  await assert.rejects(startWitness(folder, [log], { name: "another" }), { code: "CONFIG", message: /made as/ });
  await assert.rejects(startWitness(folder, [log, otherKey]), { code: "CONFIG", message: /Two keys/ });
});

test("one witness at a time works in a folder", async (t) => {
  const folder = tempFolder(t);
  await using first = await witnessOf(folder);
  await assert.rejects(witnessOf(folder), { code: "CONFIG" });
  assert.equal((await first.get("/-/health/live")).status, 200);
});

test("more new checkpoints than agreed are put off, and repeats by others use nothing up", async (t) => {
  const log = grow(await createTinyLog({}), 100);
  await using witness = await startWitness(tempFolder(t), [log], { perMinute: 1 });
  for (let size = 1; size <= 10; size += 1) assert.equal((await witness.ask(log, size - 1, size)).status, 200);
  const refused = await witness.ask(log, 10, 11);
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) > 50);
  // Asked again and again, by whoever has seen the checkpoint: answered from what is stored.
  const again = await Promise.all(Array.from({ length: 20 }, () => witness.ask(log, 10, 10)));
  assert.deepEqual([...new Set(again.map(({ status }) => status))], [200]);
  assert.equal(new Set(again.map(({ body }) => body)).size, 1);
  assert.equal((await witness.ask(log, 9, 11)).status, 409);
});

test("cosigns with both kinds of key where the runtime has them", async (t) => {
  const log = grow(await createTinyLog({}), 5);
  const folder = tempFolder(t);
  if (!(await hasMldsa())) {
    await assert.rejects(startWitness(folder, [log], { keys: "both" }), { code: "CONFIG" });
    return;
  }
  await using witness = await startWitness(folder, [log], { keys: "both" });
  const answer = await witness.ask(log, 0, 5);
  const opened = await witness.open(log, addSignatures(await log.checkpoint(5), [answer.body]));
  assert.deepEqual(
    opened.cosignatures.map(({ witness }) => witness),
    ["w0", "w1"],
  );
  assert.equal(opened.quorum.met, true);
  // A key that came later is on the stored note from the next cosignature on.
  assert.match(witness.app.welcome(), /witness .*-ml-dsa-44 witness\.example\.com\/w1\+/);
});

test("refuses a checkpoint with extension lines, which not every kind of key covers", async (t) => {
  const log = grow(await createTinyLog({}), 1);
  await using witness = await witnessOf(tempFolder(t), log);
  const { text } = parseNote(await log.checkpoint(1));
  const note = await log.sign(`${text}extension\n`);
  const answer = await witness.post(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: note }));
  assert.equal(answer.status, 400);
  assert.match(answer.body, /extension/);
  const emptyLie = await log.sign(`${log.origin}\n0\n${"A".repeat(43)}=\n`);
  assert.equal((await witness.post(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: emptyLie }))).status, 422);
});
