import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { toBase64 } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { sql } from "kysely";
import type { Database } from "../platform/database/database.ts";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import { createChecksums } from "./checksums.ts";
import { openShardAfterRestore } from "./rotation/after-restore.ts";
import { requestRotation } from "./rotation/request.ts";
import { entriesBetween } from "./store.ts";
import { headOf, listShards } from "./store-shards.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";
import { createTiles } from "./tiles.ts";

/** A data folder with a log in it, and what a restart of it looks like. */
function deployment(t: TestContext, config = {}) {
  const folder = tempFolder(t);
  const data = join(folder, "data");
  const guardFolder = join(folder, "guard");
  let database: Database | undefined;
  let seed = 0;
  const stop = async () => {
    await database?.[Symbol.asyncDispose]();
    database = undefined;
  };
  t.after(stop);
  return {
    data,
    guardFolder,
    backup: join(folder, "backup"),
    stop,
    async start(): Promise<TestLog> {
      await stop();
      database = await createSqliteDatabase({ path: join(data, "assay.sqlite") });
      await runMigrations({ database, clock: createFakeClock() }, logMigrations);
      seed += 1;
      return createTestLog({ database, folder: data, seed, config: { guardFolder, ...config } });
    },
  };
}

/** Entries 0 to 9, a backup, entries 10 to 19, and then the backup again. */
async function restoredBackup(t: TestContext) {
  const place = deployment(t);
  let log = await place.start();
  await log.claim(0, 10);
  await log.settle();
  await place.stop();
  cpSync(place.data, place.backup, { recursive: true });
  log = await place.start();
  await log.claim(10, 10);
  await log.settle();
  await place.stop();
  rmSync(place.data, { recursive: true });
  cpSync(place.backup, place.data, { recursive: true });
  return place;
}

test("makes a private log with an anonymous origin, fixed for ever", async (t) => {
  const place = deployment(t);
  const [first] = (await (await place.start()).open()).logs.list();
  assert.match(first?.origin ?? "", /^assay\.invalid\/[0-9a-f]{16}\/npm-20[0-9]{2}a$/);
  assert.equal(first?.visibility, "private");
  const [again] = (await (await place.start()).open()).logs.list();
  assert.deepEqual(again, first);
});

test("takes the origin from the public URL where there is one, and keeps its visibility", async (t) => {
  const folder = tempFolder(t);
  const guardFolder = join(folder, "guard");
  const database = await createSqliteDatabase({ path: join(folder, "db") });
  t.after(() => database[Symbol.asyncDispose]());
  await runMigrations({ database, clock: createFakeClock() }, logMigrations);
  const open = async (config: object) =>
    (await createTestLog({ database, folder, clock: createFakeClock(), config: { guardFolder, ...config } })).open();
  const made = await open({ originBase: "example.com/registry", visibility: "public" });
  const [shard] = made.logs.list();
  assert.equal(shard?.origin, "example.com/registry/-/log/npm-2026a");
  const later = await open({ originBase: "other.example.com", visibility: "private" });
  assert.deepEqual(later.logs.list(), [shard]);
});

test("refuses to start from a backup that is older than what was signed, and says how to go on", async (t) => {
  const place = await restoredBackup(t);
  const log = await place.start();
  await assert.rejects(log.open(), {
    code: "LOG_GUARD",
    message:
      /has 10 entries here, but the signing guard in .* remembers a signature over 20; .*put the newest database back, or go on in a new shard with: assay log rotate --restored/,
  });
});

test("refuses to start behind what another party holds a signature over", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 10);
  const checksums = await log.settle();
  const { origin } = checksums.logs.list()[0] ?? {};
  const size = 10;
  const { root } = (await headOf(log.database.read, checksums.logs.list()[0]?.shard ?? "")) ?? {};
  assert.ok(root);
  const open = (seen: { size: number; root: Uint8Array }) =>
    createChecksums(
      {
        ...log.deps,
        seenElsewhere: async (of) => (of.origin === origin ? [{ ...seen, by: "the witness w1.example" }] : []),
      },
      log.config,
    );
  await open({ size, root });
  await assert.rejects(open({ size: 11, root }), {
    code: "LOG_GUARD",
    message: /10 entries here, but the witness w1\.example remembers a signature over 11/,
  });
  await assert.rejects(open({ size, root: new Uint8Array(32) }), {
    code: "LOG_GUARD",
    message: /another root at size 10/,
  });
});

const goOn = (log: TestLog) =>
  openShardAfterRestore(
    {
      ...log.deps,
      guardFile: log.guardFile,
      tiles: createTiles(log.deps, { cacheBytes: 1e6 }),
      seenElsewhere: async () => [],
    },
    { log: "npm", originBase: log.config.originBase },
  );

test("goes on in a new shard after an old backup was restored, which begins with what was signed last", async (t) => {
  const place = await restoredBackup(t);
  let log = await place.start();
  // Bound again to what it is, since nobody here knows that it was.
  const outcome = await goOn(log);
  assert.equal(outcome.lost, 10);
  const [opened, abandoned] = (await log.open()).logs.list();
  assert.deepEqual([opened?.state, abandoned?.state], ["open", "frozen"]);
  assert.equal(opened?.shard, outcome.opened);
  await log.claim(10, 3);
  await log.settle();
  log = await place.start();
  const checksums = await log.open();
  await assertSound(
    log,
    checksums,
    Array.from({ length: 13 }, (_, i) => i),
  );
  const [first] = await entriesBetween(log.database.read, outcome.opened, 0, 1);
  const guard = await log.guardFile.read(abandoned?.origin ?? "");
  assert.ok(guard);
  assert.match(
    first?.record ?? "",
    new RegExp(`^assay/v1 shard\nns npm\nside predecessor\norigin ${abandoned?.origin}\nsize 20\nroot `),
  );
  assert.ok(first?.record.includes(`\nroot ${toBase64(guard.root)}\n`));
  // The old shard stays at what the backup had, and is never signed again.
  assert.equal(checksums.logs.checkpoint(abandoned?.shard ?? "")?.split("\n")[1], "10");
  assert.equal((await log.guardFile.read(abandoned?.origin ?? ""))?.size, 20);
});

test("claims of a restored backup that were not signed go to the new shard", async (t) => {
  const place = deployment(t);
  let log = await place.start();
  await log.claim(0, 10);
  await log.settle();
  // Assigned and not signed; and a rotation under way.
  await log.claim(10, 5);
  const dying = await log.sequencer((point) => {
    if (point === "assigned") throw new Error("died");
  });
  await dying.takeOver();
  await assert.rejects(dying.commit());
  await requestRotation(log.database, "npm");
  await place.stop();
  cpSync(place.data, place.backup, { recursive: true });
  log = await place.start();
  await log.claim(20, 10);
  await log.settle();
  await place.stop();
  rmSync(place.data, { recursive: true });
  cpSync(place.backup, place.data, { recursive: true });
  log = await place.start();
  const outcome = await goOn(log);
  assert.equal(outcome.lost, 7);
  const checksums = await log.settle();
  await assertSound(
    log,
    checksums,
    Array.from({ length: 15 }, (_, i) => i),
  );
  const { name, version } = bindFacts(12);
  assert.equal((await checksums.lookup(name, version, never))?.shard, outcome.opened);
  const { records } = await checksums.browser.history(name, undefined, 100);
  assert.deepEqual(
    records.map(({ text }) => /\nversion (.*)\n/.exec(text)?.[1]),
    ["1.0.12", "1.0.5"],
  );
});

test("a new shard after a restore is refused while nothing is wrong, and while the tables contradict each other", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 10);
  await log.settle();
  await assert.rejects(goOn(log), { code: "CONFIG", message: /Nothing is wrong with npm-/ });
  await log.database.write((transaction) => sql`update log_heads set assigned_size = 11`.execute(transaction));
  await assert.rejects(goOn(log), { code: "DATABASE" });
  assert.equal((await listShards(log.database.read)).length, 1);
});

test("refuses to sign from a backup that was put in place while it ran", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 3);
  await log.settle();
  const sequencer = await log.sequencer();
  await sequencer.takeOver();
  const { origin } = sequencer.shard;
  // The copy outside the data folder has seen what the database has not.
  const ahead = await log.guardFile.read(origin);
  await log.guardFile.raise(origin, { size: 9, root: ahead?.root ?? new Uint8Array(32) });
  await log.claimDirectly(3, 1);
  await assert.rejects(sequencer.commit(), { code: "LOG_GUARD" });
  assert.equal(sequencer.signed.get(sequencer.shard.id), undefined);
});

test("refuses to sign another root at a size that was signed, whichever copy remembers it", async (t) => {
  for (const copy of ["file", "database"] as const) {
    const place = deployment(t);
    const log = await place.start();
    await log.claim(0, 3);
    await log.settle();
    const sequencer = await log.sequencer();
    await sequencer.takeOver();
    const { origin, id } = sequencer.shard;
    const root = new Uint8Array(32).fill(7);
    if (copy === "file") await log.guardFile.raise(origin, { size: 3, root });
    else
      await log.database.write((transaction) =>
        sql`update log_guards set root = ${root} where shard = ${id}`.execute(transaction),
      );
    await log.claimDirectly(3, 1);
    await assert.rejects(sequencer.commit(), { code: "LOG_GUARD", message: /another root at size 3/ });
    await assert.rejects(log.open(), { code: "LOG_GUARD", message: /another root at size 3/ });
  }
});

test("the run ends, with an event and an alarm, when the guard refuses", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 3);
  const checksums = await log.settle();
  const origin = checksums.logs.list()[0]?.origin ?? "";
  await log.guardFile.raise(origin, { size: 50, root: new Uint8Array(32) });
  await log.claimDirectly(3, 1);
  await assert.rejects(checksums.run(new AbortController().signal), { code: "LOG_GUARD" });
  const { rows } = await sql<{ kind: string }>`select kind from events order by id desc limit 1`.execute(
    log.database.read,
  );
  assert.deepEqual(rows, [{ kind: "log.signature-refused" }]);
  assert.ok(log.lines.some((line) => line.includes('"level":"error"')));
});

test("makes the second copy of the guard again when it is gone, and says so loudly", async (t) => {
  const place = deployment(t);
  let log = await place.start();
  await log.claim(0, 3);
  await log.settle();
  rmSync(place.guardFolder, { recursive: true });
  log = await place.start();
  await log.open();
  assert.equal(log.lines.filter((line) => /second copy of the signing guard is gone/.test(line)).length, 1);
  assert.equal(readdirSync(place.guardFolder).length, 1);
});

test("refuses a guard file that is damaged or of another log", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 3);
  await log.settle();
  const path = join(place.guardFolder, readdirSync(place.guardFolder)[0] ?? "");
  const good = readFileSync(path, "utf8");
  for (const text of ["", good.slice(0, -1), good.replace("size 3", "size 03"), good.replace("origin a", "origin b")]) {
    writeFileSync(path, text);
    await assert.rejects(log.open(), { code: "LOG_GUARD", message: /is damaged/ });
  }
});

test("refuses to start without the key of a log that exists", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 3);
  const checksums = await log.settle();
  rmSync(join(place.data, "keys"), { recursive: true });
  await assert.rejects(log.open(), { code: "CONFIG" });
  await assert.rejects(checksums.run(new AbortController().signal), { code: "CONFIG" });
  assert.ok(!existsSync(join(place.data, "keys")));
});

test("after the loss of the data folder a public origin starts with another shard", async (t) => {
  const place = deployment(t, { originBase: "log.example.com" });
  let log = await place.start();
  await log.claim(0, 3);
  const [before] = (await log.settle()).logs.list();
  await place.stop();
  rmSync(place.data, { recursive: true });
  log = await place.start();
  await log.claim(0, 3);
  const checksums = await log.settle();
  const [now] = checksums.logs.list();
  assert.match(before?.origin ?? "", /a$/);
  assert.match(now?.origin ?? "", /b$/);
  await assertSound(log, checksums, [0, 1, 2]);
});

test("makes missing tiles again from the entries", async (t) => {
  const place = deployment(t);
  let log = await place.start();
  const numbers = Array.from({ length: 600 }, (_, i) => i);
  await log.claim(0, 600);
  await log.settle();
  await place.stop();
  rmSync(join(place.data, "blobs"), { recursive: true });
  log = await place.start();
  await assertSound(log, await log.open(), numbers);
  assert.ok(log.lines.some((line) => line.includes('"log.tiles.count":4')));
});

test("refuses to start when the tables contradict each other", async (t) => {
  const place = deployment(t);
  const log = await place.start();
  await log.claim(0, 5);
  await log.settle();
  const damages: [string, RegExp][] = [
    ["update log_heads set assigned_size = 6", /5 entries, 6 assigned and 5 signed/],
    ["update log_heads set root = zeroblob(32)", /another root than its head/],
    ["update log_heads set size = 4", /another size than its head/],
    [
      "update log_heads set note = replace(note, char(10) || '5' || char(10), char(10) || '4' || char(10))",
      /signature/,
    ],
    ["update log_heads set note = null", /not signed/],
    ["update log_guards set size = 4, root = (select root from log_heads)", /another root at size 4/],
    ["delete from log_guards", /behind its head/],
    ["delete from log_entries where idx = 4", /4 entries/],
    ["delete from log_heads", /no head/],
  ];
  for (const [damage, reason] of damages) {
    await log.database.write(async (transaction) => {
      for (const table of ["log_heads", "log_guards", "log_entries"])
        await sql.raw(`create table kept_${table} as select * from ${table}`).execute(transaction);
      await sql.raw(damage).execute(transaction);
    });
    await assert.rejects(log.open(), (error: Error) => {
      assert.match(error.message, reason, damage);
      return true;
    });
    await log.database.write(async (transaction) => {
      for (const table of ["log_heads", "log_guards", "log_entries"]) {
        await sql.raw(`delete from ${table}`).execute(transaction);
        await sql.raw(`insert into ${table} select * from kept_${table}`).execute(transaction);
        await sql.raw(`drop table kept_${table}`).execute(transaction);
      }
    });
    await log.open();
  }
});
