import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseNote } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { runMigrations } from "../../platform/database/migrate.ts";
import { createSqliteDatabase } from "../../platform/database/sqlite.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { requestRotation } from "../rotation/request.ts";
import type { CrashPoint } from "../sequence/steps.ts";
import { cosignedOf } from "../store-cosigned.ts";
import { headOf } from "../store-shards.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never, type TestLog } from "../test-log.ts";
import { checkWitnesses, createChecksums, seenByWitnesses, type Checksums, type LogWitnesses } from "../checksums.ts";
import { publicCheckpoint, runUntil, startWatcher, witnessesOf, type Watcher } from "./test-witnesses.ts";

const clock = createSystemClock();
const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** A folder with a log that has its key and nothing more, and how to open it. */
async function deployment(t: TestContext) {
  const folder = tempFolder(t);
  let seed = 0;
  const open = async (witnesses?: LogWitnesses, config: Parameters<typeof createTestLog>[0]["config"] = {}) => {
    const database = await createSqliteDatabase({ path: join(folder, "db") });
    t.after(() => database[Symbol.asyncDispose]());
    await runMigrations({ database, clock }, logMigrations);
    return await createTestLog({ database, folder, seed: (seed += 1), config, ...(witnesses && { witnesses }) });
  };
  const first = await open();
  const vkey = (await first.open()).logs.list()[0]?.vkey ?? "";
  await first.database[Symbol.asyncDispose]();
  return { folder, open, vkey };
}

async function watchers(t: TestContext, vkey: string, ...names: string[]): Promise<Watcher[]> {
  const folder = tempFolder(t);
  const started = await Promise.all(names.map((name) => startWatcher(folder, name, [vkey])));
  for (const watcher of started) t.after(() => watcher.stop());
  return started;
}

const bind = (log: TestLog, checksums: Checksums, number: number) =>
  log.database.write((transaction) => checksums.claimBind(transaction, bindFacts(number)));

const lookup = (checksums: Checksums, number: number) => {
  const { name, version } = bindFacts(number);
  return checksums.lookup(name, version, never);
};

async function eventsOf(log: TestLog): Promise<string[]> {
  const rows = await log.database.read
    .withTables<{ events: { id: number; kind: string } }>()
    .selectFrom("events")
    .select("kind")
    .where("kind", "like", "log.quorum-%")
    .orderBy("id")
    .execute();
  return rows.map(({ kind }) => kind);
}

test("nothing is public before the quorum has cosigned it, and everything is after", async (t) => {
  const place = await deployment(t);
  const three = await watchers(t, place.vkey, "one", "two", "three");
  const witnesses = await witnessesOf(three, 2);
  const log = await place.open(witnesses);
  const checksums = await log.open();
  assert.equal(checksums.problem(), `${checksums.logs.list()[0]?.shard} has no signed checkpoint yet`);
  const seen = new Set<string>();
  await runUntil(checksums, async () => {
    const opened = await publicCheckpoint(checksums, witnesses.policy);
    if (opened === undefined) return false;
    assert.ok(opened.quorum.met, opened.quorum.reason);
    seen.add(checksums.logs.checkpoint(checksums.logs.list()[0]?.shard ?? "") ?? "");
    if (opened.size < 600) await Promise.all(range(opened.size, 30).map((number) => bind(log, checksums, number)));
    return opened.size >= 600;
  });
  assert.ok(seen.size > 5);
  const found = await lookup(checksums, 599);
  assert.ok(parseNote(found?.checkpoint ?? "").signatures.length >= 3);
  await assertSound(log, checksums, range(0, 600), [...seen]);
  assert.equal(checksums.problem(), undefined);
});

test("without the quorum the last good checkpoint stays, claims are made, and an alarm is raised once", async (t) => {
  const place = await deployment(t);
  const [one, two] = await watchers(t, place.vkey, "one", "two");
  assert.ok(one && two);
  const witnesses = await witnessesOf([one, two], 2);
  const log = await place.open(witnesses);
  const checksums = await log.open();
  const shard = checksums.logs.list()[0]?.shard ?? "";
  await bind(log, checksums, 0);
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  await lookup(checksums, 0);
  await two.stop();
  const good = checksums.logs.checkpoint(shard);
  await bind(log, checksums, 1);
  while ((await eventsOf(log)).length === 0) await clock.sleep(20);
  const { name, version } = bindFacts(1);
  await assert.rejects(checksums.lookup(name, version, AbortSignal.timeout(50)), { name: "TimeoutError" });
  assert.equal((await headOf(log.database.read, shard))?.size, 2, "the log itself went on");
  assert.equal(checksums.logs.checkpoint(shard), good);
  assert.ok(await lookup(checksums, 0), "what is proven is served");
  assert.equal(checksums.problem(), undefined);
  assert.deepEqual(await eventsOf(log), ["log.quorum-failed"]);
  const alarm = log.lines.filter((line) => line.includes("the quorum of witnesses is not met"));
  assert.equal(alarm.length, 1);
  assert.match(alarm[0] ?? "", /"witnesses\.quorum":"needs 2 of one, two; cosigned by one".*two: no connection/);
  await two.start([place.vkey]);
  while (checksums.logs.checkpoint(shard) === good) await clock.sleep(20);
  assert.ok(await lookup(checksums, 1));
  while ((await eventsOf(log)).length < 2) await clock.sleep(20);
  assert.deepEqual(await eventsOf(log), ["log.quorum-failed", "log.quorum-met"]);
  stop.abort();
  await running;
});

test("one witness that never answers holds nothing up when the others are enough", async (t) => {
  const place = await deployment(t);
  const [one, two] = await watchers(t, place.vkey, "one", "two");
  assert.ok(one && two);
  const silentServer = createTcpServer(() => {}).listen(0, "127.0.0.1");
  await once(silentServer, "listening");
  t.after(() => silentServer.close());
  const { port } = silentServer.address() as { port: number };
  const [dumb] = await watchers(t, place.vkey, "dumb");
  assert.ok(dumb);
  const witnesses = await witnessesOf([one, two, { ...dumb, url: `http://127.0.0.1:${port}` }], 2, {
    timeoutMs: 1_000_000,
  });
  const log = await place.open(witnesses);
  const checksums = await log.open();
  await runUntil(checksums, async () => {
    for (const number of range(0, 10)) {
      await bind(log, checksums, number);
      await lookup(checksums, number);
    }
    return true;
  });
  assert.equal((await publicCheckpoint(checksums, witnesses.policy))?.size, 10);
});

test("a witness that comes late has its line added to the checkpoint that is public already", async (t) => {
  const place = await deployment(t);
  const [one, two] = await watchers(t, place.vkey, "one", "two");
  assert.ok(one && two);
  const witnesses = await witnessesOf([one, two], 1);
  const log = await place.open(witnesses);
  const checksums = await log.open();
  await runUntil(
    checksums,
    async () => (await publicCheckpoint(checksums, witnesses.policy))?.cosignatures.length === 2,
  );
  const stored = await cosignedOf(log.database.read, checksums.logs.list()[0]?.shard ?? "");
  assert.equal(parseNote(stored?.note ?? "").signatures.length, 3);
});

test("with quorum none the log is public at once, and cosignatures are added when they come", async (t) => {
  const place = await deployment(t);
  const [one] = await watchers(t, place.vkey, "one");
  assert.ok(one);
  const witnesses = await witnessesOf([one], "none");
  const log = await place.open(witnesses);
  const checksums = await log.open();
  await runUntil(
    checksums,
    async () => (await publicCheckpoint(checksums, witnesses.policy))?.cosignatures.length === 1,
  );
  await one.stop();
  await bind(log, checksums, 0);
  await runUntil(checksums, async () => (await lookup(checksums, 0)) !== undefined);
  assert.deepEqual(await eventsOf(log), []);
});

const points: readonly CrashPoint[] = [
  "signed",
  "swapped",
  "published",
  "cosigned",
  "cosignatures-stored",
  "cosignatures-published",
];

for (const point of points)
  test(`a crash at ${point} is followed by the last cosigned checkpoint, never by one that was signed alone`, async (t) => {
    const place = await deployment(t);
    const two = await watchers(t, place.vkey, "one", "two");
    const witnesses = await witnessesOf(two, 2);
    let log = await place.open(witnesses);
    let checksums = await log.open();
    await bind(log, checksums, 0);
    await runUntil(checksums, async () => (await lookup(checksums, 0)) !== undefined);
    const shard = checksums.logs.list()[0]?.shard ?? "";
    const seen = [checksums.logs.checkpoint(shard) ?? ""];

    // The process stops where it is: nothing that it awaits there ever comes.
    const died = Promise.withResolvers<void>();
    const dying = await createChecksums(
      {
        ...log.deps,
        crashPoint: (passed) => {
          if (passed !== point) return;
          died.resolve();
          return new Promise<void>(() => {});
        },
      },
      log.config,
    );
    await bind(log, dying, 1);
    // For the timers of what was left behind; what hangs goes on hanging.
    const afterwards = new AbortController();
    t.after(() => afterwards.abort());
    void dying.run(afterwards.signal).catch(() => {});
    await died.promise;
    const before = await cosignedOf(log.database.read, shard);
    assert.ok(before);
    await log.database[Symbol.asyncDispose]();

    log = await place.open(witnesses);
    checksums = await log.open();
    const note = checksums.logs.checkpoint(shard) ?? "";
    assert.equal(note, before.note);
    assert.ok((await publicCheckpoint(checksums, witnesses.policy))?.quorum.met);
    seen.push(note);
    await bind(log, checksums, 2);
    await runUntil(checksums, async () => (await lookup(checksums, 2)) !== undefined);
    await assertSound(log, checksums, range(0, 3), seen);
  });

test("a log that asks for cosignatures from now on shows nothing that has none", async (t) => {
  const place = await deployment(t);
  let log = await place.open();
  let checksums = await log.open();
  await bind(log, checksums, 0);
  await runUntil(checksums, async () => (await lookup(checksums, 0)) !== undefined);
  await log.database[Symbol.asyncDispose]();
  const [one, two] = await watchers(t, place.vkey, "one", "two");
  assert.ok(one && two);
  log = await place.open(await witnessesOf([one], 1));
  checksums = await log.open();
  const shard = checksums.logs.list()[0]?.shard ?? "";
  assert.equal(checksums.logs.checkpoint(shard), undefined);
  await runUntil(checksums, () => checksums.logs.checkpoint(shard) !== undefined);
  await log.database[Symbol.asyncDispose]();
  // Another witness is asked for: what the first one cosigned is not enough any more.
  log = await place.open(await witnessesOf([one, two], 2));
  checksums = await log.open();
  assert.equal(checksums.logs.checkpoint(shard), undefined);
  assert.ok(log.lines.some((line) => line.includes("does not meet the witness policy any more")));
  await runUntil(checksums, () => checksums.logs.checkpoint(shard) !== undefined);
});

/** A log whose witness has seen 20 entries, put back to 10 with its guard. */
async function restored(t: TestContext) {
  const place = await deployment(t);
  const [one] = await watchers(t, place.vkey, "one");
  assert.ok(one);
  const witnesses = await witnessesOf([one], 1);
  let log = await place.open(witnesses);
  const fill = async (first: number) => {
    const checksums = await log.open();
    await Promise.all(range(first, 10).map((number) => bind(log, checksums, number)));
    await runUntil(checksums, async () => (await publicCheckpoint(checksums, witnesses.policy))?.size === first + 10);
    await log.database[Symbol.asyncDispose]();
  };
  await fill(0);
  const backup = tempFolder(t);
  cpSync(place.folder, backup, { recursive: true });
  log = await place.open(witnesses);
  await fill(10);
  rmSync(place.folder, { recursive: true });
  cpSync(backup, place.folder, { recursive: true });
  return { ...place, witnesses, one };
}

test("a log does not start behind what a witness has seen, and says how to go on", async (t) => {
  const { open, witnesses } = await restored(t);
  const log = await open(witnesses);
  const deps = { ...log.deps, seenElsewhere: seenByWitnesses(log.deps, witnesses) };
  await assert.rejects(createChecksums(deps, log.config), {
    code: "LOG_GUARD",
    message: /10 entries here, but the witness one remembers a signature over 20; .*assay log rotate --restored/,
  });
});

test("the doctor holds what witnesses have seen against the log", async (t) => {
  const { open, witnesses, one, vkey } = await restored(t);
  const log = await open(witnesses);
  const check = async () => {
    const findings = await Array.fromAsync(checkWitnesses({ ...log.deps }, witnesses));
    return findings.map(({ outcome, message }) => `${outcome}: ${message}`).join("\n");
  };
  assert.match(await check(), /^error: .*10 entries here, but The witness one remembers a signature over 20/);
  assert.match(await check(), /\nok: The public checkpoint of npm-\d+a covers all 10 entries\.$/);
  await one.stop();
  assert.match(await check(), /^warning: The witness one cannot be asked: no connection\./);
  await one.start([]);
  assert.ok((await check()).includes(`has cosigned nothing of npm-`) && (await check()).includes(vkey));
});

test("a witness that cannot be reached stops no start, and is named", async (t) => {
  const { open, witnesses, one } = await restored(t);
  await one.stop();
  const log = await open(witnesses);
  const { deps } = log;
  await createChecksums({ ...deps, seenElsewhere: seenByWitnesses(deps, witnesses) }, log.config);
  assert.ok(log.lines.some((line) => line.includes("a witness cannot be asked") && line.includes('"one"')));
});

test("a witness that is found ahead later stops the signing, with its evidence", async (t) => {
  const { open, witnesses } = await restored(t);
  const log = await open(witnesses);
  const checksums = await log.open();
  await bind(log, checksums, 50);
  await assert.rejects(checksums.run(never), {
    code: "LOG_GUARD",
    message: /the witness one remembers a signature over 20/,
  });
  const rows = await log.database.read
    .withTables<{ events: { kind: string } }>()
    .selectFrom("events")
    .select("kind")
    .where("kind", "=", "log.signature-refused")
    .execute();
  assert.equal(rows.length, 1);
});

test("what a witness merely says stops nothing", async (t) => {
  const place = await deployment(t);
  const liar = createServer((request, response) => {
    request.resume();
    if (request.method === "POST") response.writeHead(409, { "content-type": "text/x.tlog.size" }).end("1000\n");
    else response.end(`log\n1000\n${"A".repeat(43)}=\n\n— log AAAAAAAA\n`);
  }).listen(0, "127.0.0.1");
  t.after(() => liar.close());
  await once(liar, "listening");
  const { port } = liar.address() as { port: number };
  const [one] = await watchers(t, place.vkey, "one");
  assert.ok(one);
  const log = await place.open(await witnessesOf([{ ...one, url: `http://127.0.0.1:${port}` }], "none"));
  const checksums = await log.open();
  await runUntil(checksums, async () => {
    for (const number of range(0, 3)) {
      await bind(log, checksums, number);
      await lookup(checksums, number);
    }
    return true;
  });
});

test("after a rotation the final checkpoint is cosigned, and the new shard when its witness knows it", async (t) => {
  const place = await deployment(t);
  const [one] = await watchers(t, place.vkey, "one");
  assert.ok(one);
  const witnesses = await witnessesOf([one], 1);
  const log = await place.open(witnesses);
  const checksums = await log.open();
  await bind(log, checksums, 0);
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  await lookup(checksums, 0);
  await requestRotation(log.database, "npm");
  while (checksums.logs.list().length < 2) await clock.sleep(10);
  while ((await publicCheckpoint(checksums, witnesses.policy, 1))?.size !== 3) await clock.sleep(10);
  await bind(log, checksums, 1);
  while (!(await eventsOf(log)).includes("log.quorum-failed")) await clock.sleep(10);
  const alarm = log.lines.findLast((line) => line.includes("the quorum of witnesses is not met")) ?? "";
  const opened = checksums.logs.list()[0];
  // The operator of the witness needs the key of the new shard.
  assert.ok(alarm.includes(opened?.vkey ?? "-"), alarm);
  assert.match(alarm, /answers 404/);
  assert.equal(await publicCheckpoint(checksums, witnesses.policy), undefined);
  assert.ok(await lookup(checksums, 0));
  await one.stop();
  await one.start([place.vkey, opened?.vkey ?? ""]);
  while ((await publicCheckpoint(checksums, witnesses.policy)) === undefined) await clock.sleep(10);
  assert.ok(await lookup(checksums, 1));
  stop.abort();
  await running;
  await assertSound(log, checksums, [0, 1]);
});

test("an idle log has its checkpoint cosigned again, and an old one that ended does not", async (t) => {
  const place = await deployment(t);
  const [one] = await watchers(t, place.vkey, "one");
  assert.ok(one);
  const witnesses = await witnessesOf([one], 1, { refreshMs: 30 });
  const log = await place.open(witnesses);
  const checksums = await log.open();
  const times = new Set<number>();
  await runUntil(checksums, async () => {
    const opened = await publicCheckpoint(checksums, witnesses.policy);
    const row = await cosignedOf(log.database.read, checksums.logs.list()[0]?.shard ?? "");
    if (opened !== undefined && row !== undefined) times.add(row.atMs);
    return times.size >= 3;
  });
});
