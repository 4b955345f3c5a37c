import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { encodeUtf8, leafHash, parseBundle, parseCheckpoint, parseNote, parsePolicy, verifyMany } from "@assay/core";
import { checkEvidence, parseEvidence } from "@assay/verify";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { sha256 } from "./audit-tables.ts";
import type { StoredFinding } from "./monitoring.ts";
import { createWriter, startMonitor } from "./test-monitor.ts";

async function world(t: TestContext) {
  const log = await createTinyLog({});
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  const followed = [{ vkey: log.vkey, url: `${server.url}/-/log/npm-2026a` }];
  return { log, server, followed, writer: createWriter(log), folder: tempFolder(t) };
}

/** Fails unless the evidence is records under the log's signature. */
function assertProven(finding: StoredFinding | undefined, ...indexes: number[]): void {
  const { bundles } = parseBundle(JSON.parse(finding?.evidence ?? "null") as unknown);
  const [part] = bundles;
  assert.ok(part);
  const { size, root } = parseCheckpoint(parseNote(part.checkpoint).text);
  const leaves = part.records.map(({ index, text }) => ({ index, leafHash: leafHash(sha256, encodeUtf8(text)) }));
  assert.ok(verifyMany(sha256, { size, root, leaves, hashes: part.hashes }));
  for (const index of indexes) assert.ok(part.records.some((record) => record.index === index));
}

async function assertConvicts(finding: StoredFinding | undefined, convicts = true): Promise<void> {
  const evidence = parseEvidence(encodeUtf8(finding?.evidence ?? ""));
  const verdict = await checkEvidence({ sha256 }, evidence);
  assert.deepEqual([verdict.holds, verdict.holds && verdict.convicts], [true, convicts]);
}

test("reads every entry once, also over restarts, and finds nothing in a good log", async (t) => {
  const { log, followed, writer, folder } = await world(t);
  for (let i = 0; i < 600; i += 1) writer.bind(`p${i % 40}`, `1.0.${i}`);
  {
    await using monitor = await startMonitor(folder, followed);
    const { logs } = await monitor.look();
    assert.deepEqual(logs, [{ origin: log.origin, outcome: { outcome: "checked", entries: 600, size: 600 } }]);
    writer.gone("p3", "1.0.3");
    assert.equal((await monitor.look()).logs[0]?.outcome.outcome, "checked");
  }
  for (let i = 600; i < 900; i += 1) writer.bind(`p${i % 40}`, `1.0.${i}`);
  await using monitor = await startMonitor(folder, followed);
  const [looked] = (await monitor.look()).logs;
  assert.deepEqual(looked?.outcome, { outcome: "checked", entries: 300, size: 901 });
  assert.deepEqual(await monitor.findings(), []);
});

test("a look that is cut off goes on where it was, and has the findings of one that was not", async (t) => {
  const { log, followed, writer, folder } = await world(t);
  for (let i = 0; i < 9000; i += 1) writer.bind(`p${i}`, "1.0.0");
  const again = writer.bind("p17", "1.0.0");
  assert.equal(again, 9000);
  const stop = new AbortController();
  await using first = await startMonitor(folder, followed);
  let batches = 0;
  const cut = first.app.monitor.round(stop.signal, () => {
    if ((batches += 1) === 1) stop.abort();
  });
  await assert.rejects(cut, { name: "AbortError" });
  await first[Symbol.asyncDispose]();
  await using monitor = await startMonitor(folder, followed);
  const [looked] = (await monitor.look()).logs;
  assert.deepEqual(looked?.outcome, { outcome: "checked", entries: 9001 - 4096, size: 9001 });
  const [finding, ...more] = await monitor.findings();
  assert.deepEqual(more, []);
  assert.equal(finding?.rule, "bound-twice");
  await assertConvicts(finding);
  assert.equal(log.size(), 9001);
});

test("a version that is bound twice convicts the log's key, and is told once", async (t) => {
  const { followed, writer, folder } = await world(t);
  writer.bind("a", "1.0.0");
  await using monitor = await startMonitor(folder, followed);
  await monitor.look();
  const index = writer.bind("a", "1.0.0", { integrity: integrityOf("other") });
  await monitor.look();
  await monitor.look();
  const [finding, ...more] = await monitor.findings();
  assert.deepEqual(more, []);
  assert.deepEqual([finding?.rule, finding?.severity, finding?.index], ["bound-twice", "violation", index]);
  assert.match(finding?.sentence ?? "", /entry 1 binds a@1\.0\.0, which entry 0 of its shard has bound/);
  await assertConvicts(finding);
  assert.equal(monitor.lines.filter((line) => line.includes("binds a@1.0.0")).length, 1);
  const [file] = readdirSync(join(folder, "evidence"));
  assert.equal(readFileSync(join(folder, "evidence", file ?? ""), "utf8"), finding?.evidence);
});

test("broken chains, times that fall and what is no record are found, with the entries proven", async (t) => {
  const { log, followed, writer, folder } = await world(t);
  writer.bind("a", "1.0.0");
  writer.bind("a", "1.0.1", { seq: 3 });
  writer.bind("b", "1.0.0", { time: 5 });
  log.append("assay/v1 bind\nname only\n");
  log.append("assay/v1 later\nns npm\n");
  log.append("\u0000");
  writer.bind("c", "1.0.0", { seq: 2, prev: 0 as never });
  await using monitor = await startMonitor(folder, followed);
  await monitor.look();
  const findings = await monitor.findings();
  assert.deepEqual(
    findings.map(({ index, sentence }) => `${index} ${/entry \d+ (.{12})/.exec(sentence)?.[1]}`),
    ["1 breaks the c", "2 is older tha", "3 is not a val", "5 is not a val", "6 breaks the c"],
  );
  for (const finding of findings) assertProven(finding, finding.index ?? -1);
});

test("a fork ends the reading, with evidence against the key", async (t) => {
  const { log, server, followed, writer, folder } = await world(t);
  for (let i = 0; i < 300; i += 1) writer.bind(`p${i}`, "1.0.0");
  await using monitor = await startMonitor(folder, followed);
  await monitor.look();
  const fork = log.fork(200);
  const forkWriter = createWriter(fork);
  for (let i = 200; i < 400; i += 1) forkWriter.bind(`q${i}`, "1.0.0");
  server.log = fork;
  const [looked] = (await monitor.look()).logs;
  assert.equal(looked?.outcome.outcome, "refused");
  const [finding] = await monitor.findings();
  assert.equal(finding?.rule, "fork");
  await assertConvicts(finding);
  // The right history again changes nothing: the key has signed both.
  server.log = log;
  const before = server.requests.length;
  assert.equal((await monitor.look()).logs[0]?.outcome.outcome, "refused");
  assert.equal(server.requests.length, before);
  assert.equal((await monitor.findings()).length, 1);
});

test("a log that goes back, answers nothing, or lacks its witnesses is refused or told, and read again when it is right", async (t) => {
  const { log, server, followed, writer, folder } = await world(t);
  for (let i = 0; i < 300; i += 1) writer.bind(`p${i}`, "1.0.0");
  const witness = await createTinyWitness("w.example.com", "09".repeat(32));
  const policy = { witnesses: parsePolicy(`witness w ${witness.vkey}\nquorum w\n`), maxAgeSeconds: undefined };
  {
    await using strict = await startMonitor(tempFolder(t), [{ ...followed[0], policy } as never]);
    assert.equal((await strict.look()).logs[0]?.outcome.outcome, "refused");
    const [finding] = await strict.findings();
    assert.equal(finding?.rule, "unwitnessed");
    await assertConvicts(finding, false);
    await strict.look();
    assert.equal((await strict.findings()).length, 1, "the same complaint within the hour");
  }
  await using monitor = await startMonitor(folder, followed);
  await monitor.look();
  server.log = log.fork(250);
  assert.equal((await monitor.look()).logs[0]?.outcome.outcome, "refused");
  assert.equal((await monitor.findings())[0]?.rule, "rolled-back");
  server.log = log;
  assert.equal((await monitor.look()).logs[0]?.outcome.outcome, "checked");
  await server[Symbol.asyncDispose]();
  const [looked] = (await monitor.look()).logs;
  assert.equal(looked?.outcome.outcome, "unreachable");
});

test("a checkpoint that somebody shows is compared with what was read; another history is a finding and ends the reading", async (t) => {
  const { log, followed, writer, folder } = await world(t);
  for (let i = 0; i < 40; i += 1) writer.bind(`p${i}`, "1.0.0");
  await using monitor = await startMonitor(folder, followed);
  await monitor.look();
  const show = async (note: string) => await monitor.app.monitor.gossip.receive(encodeUtf8(note));
  const { origin } = log;
  assert.deepEqual(await show(await log.checkpoint(40)), { status: 200, origin, size: 40, state: "same" });
  assert.deepEqual(await show(await log.checkpoint(7)), { status: 200, origin, size: 40, state: "older" });
  const fork = log.fork(20);
  createWriter(fork).bind("q", "1.0.0");
  const answer = await show(await fork.checkpoint());
  assert.equal(answer.status, 409);
  const [finding, ...more] = await monitor.findings();
  assert.deepEqual(more, []);
  assert.equal(finding?.rule, "fork");
  await assertConvicts(finding);
  assert.equal((await monitor.look()).logs[0]?.outcome.outcome, "refused");
});

test("what the log says of own scopes is held against what CI published", async (t) => {
  const { followed, writer, folder } = await world(t);
  const expectedFile = join(tempFolder(t), "expected.txt");
  const line = (name: string, version: string, of = `${name}@${version}`) => `${name}@${version} ${integrityOf(of)}\n`;
  writeFileSync(expectedFile, `# from CI\n${line("@acme/a", "1.0.0")}${line("@acme/b", "1.0.0", "other bytes")}`);
  writer.bind("@acme/a", "1.0.0");
  writer.bind("@other/a", "1.0.0");
  const other = writer.bind("@acme/b", "1.0.0");
  const unknown = writer.bind("@acme/a", "2.0.0");
  const late = writer.bind("left", "3.0.0");
  const options = { scopes: ["@acme", "left"], expectedFile };
  {
    await using patient = await startMonitor(folder, followed, { ...options, expectedGraceMs: 3_600_000 });
    await patient.look();
    assert.deepEqual(
      (await patient.findings()).map(({ rule, index }) => [rule, index]),
      [["other-bytes", other]],
    );
  }
  writeFileSync(expectedFile, `${readFileSync(expectedFile, "utf8")}${line("left", "3.0.0")}`);
  await using monitor = await startMonitor(folder, followed, options);
  await monitor.look();
  await monitor.look();
  const findings = await monitor.findings();
  assert.deepEqual(
    findings.map(({ rule, index }) => [rule, index]),
    [
      ["other-bytes", other],
      ["unexpected", unknown],
    ],
  );
  for (const finding of findings) assertProven(finding, finding.index ?? -1);
  assert.ok(late > unknown);
  writeFileSync(expectedFile, "left@3.0.0 sha512-short\n");
  await assert.rejects(monitor.look(), { code: "BAD_FORMAT", message: /line 1/ });
});
