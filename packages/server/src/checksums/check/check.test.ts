import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { encodeUtf8, leafHash } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { sql } from "kysely";
import { runMigrations } from "../../platform/database/migrate.ts";
import { createSqliteDatabase } from "../../platform/database/sqlite.ts";
import { checkLog } from "../checksums.ts";
import { entriesBetween } from "../store.ts";
import { createTestLog, logMigrations } from "../test-log.ts";
import { sha256 } from "../tile-rows.ts";

async function open(t: TestContext) {
  const folder = tempFolder(t);
  const database = await createSqliteDatabase({ path: join(folder, "db") });
  t.after(() => database[Symbol.asyncDispose]());
  await runMigrations({ database, clock: createFakeClock() }, logMigrations);
  const log = await createTestLog({ database, folder });
  return { log, folder, database };
}

test("the doctor finds every kind of damage, and nothing in a sound log", async (t) => {
  const { log, folder, database } = await open(t);
  await log.claim(0, 600);
  const shard = (await log.settle()).logs.list()[0]?.shard ?? "";
  const check = async (entries: "all" | number = "all") =>
    (await checkLog(log.deps, { guardFolder: log.config.guardFolder, entries })).map((finding) => finding.message);
  assert.deepEqual(await check(), []);
  assert.deepEqual(await check(300), []);
  assert.deepEqual(await check(10_000), []);

  const run = (statement: string, ...values: (string | Uint8Array)[]) =>
    database.write((transaction) => {
      const parts = statement.split("?");
      const filled = parts.map((part, i) => sql`${sql.raw(part)}${i < values.length ? sql.val(values[i]) : sql``}`);
      return sql.join(filled, sql``).execute(transaction);
    });
  const finds = async (reason: RegExp, entries: "all" | number = "all") => {
    const findings = await check(entries);
    assert.ok(
      findings.some((message) => reason.test(message)),
      `${reason}: ${findings.join("; ")}`,
    );
  };

  const [row] = await entriesBetween(database.read, shard, 300, 301);
  assert.ok(row);
  const restore = () =>
    run("update log_entries set record = ?, leaf_hash = ? where idx = 300", row.record, row.leafHash);
  const changed = row.record.replace(/^size .*$/m, "size 1");
  await run("update log_entries set record = ? where idx = 300", changed);
  await finds(/entry 300 does not have the leaf hash/);
  await finds(/tile\/entries\/001 is damaged/);
  await finds(/is not the record 300/);
  await finds(/entry 300 does not have the leaf hash/, 300);
  // A forger who makes the leaf hash fit still has the signed root against him.
  const forged = leafHash(sha256, encodeUtf8(changed));
  await run("update log_entries set record = ?, leaf_hash = ? where idx = 300", changed, forged);
  await finds(/do not have the root that was signed at size 600/);
  await finds(/tile\/0\/001 is damaged/);
  await restore();

  await run("update log_entries set record = replace(record, ?, ?) where idx = 300", "seq ", "seq 9");
  await finds(/entry 300 breaks the chain of/);
  await restore();
  await run("update log_entries set record = ? where idx = 300", row.record.replace(/nonce .*/, "nonce -"));
  await finds(/entry 300 of a private log has no nonce/);
  await run("update log_entries set record = ? where idx = 300", row.record.replace(/^time .*$/m, "time 5"));
  await finds(/entry 300 is older than the one before it/);
  await run("update log_entries set record = ? where idx = 300", "assay/v1 bind\n");
  await finds(/entry 300 is not a valid record/);
  await restore();
  assert.deepEqual(await check(), []);

  await run("update log_packages set last_idx = 3 where name = 'ab'");
  await finds(/the table of packages differs/);
  await run("update log_packages set last_idx = (select max(idx) from log_claims where name = 'ab') where name = 'ab'");
  await run("update log_claims set idx = 4 where idx = 5");
  await finds(/is not the record 4 of/);
  await run("update log_claims set idx = 5 where idx = 4 and version like '%.5'");
  assert.deepEqual(await check(), []);

  const blob = join(folder, "blobs", "log", shard, "tile", "1", "000");
  assert.throws(() => readFileSync(blob));
  const tile = join(folder, "blobs", "log", shard, "tile", "0", "000");
  const bytes = readFileSync(tile);
  writeFileSync(tile, bytes.subarray(1));
  await finds(/tile\/0\/000 is damaged/);
  rmSync(tile);
  await finds(/tile\/0\/000 is missing/);
  await log.open();
  assert.deepEqual(await check(), []);

  rmSync(log.config.guardFolder, { recursive: true });
  await finds(/second copy of the signing guard is missing/);
  await log.open();
  await run("update log_heads set root = zeroblob(32)");
  await finds(/contradicts itself/);
});

test("the doctor finds nothing wrong in a log that grows under its eyes", async (t) => {
  const { log } = await open(t);
  const checksums = await log.open();
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  const enough = new AbortController();
  const claiming = (async () => {
    for (let number = 0; !enough.signal.aborted; number += 5) await log.claimDirectly(number, 5).then(checksums.wake);
  })();
  for (let round = 0; round < 10; round += 1)
    assert.deepEqual(await checkLog(log.deps, { guardFolder: log.config.guardFolder, entries: "all" }), []);
  enough.abort();
  await claiming;
  stop.abort();
  await running;
});

test("what is missing beside the entries is found over several shards, also when memory holds few of them", async (t) => {
  const { log, database } = await open(t);
  await log.claim(0, 600);
  await log.settle();
  await log.rotate();
  await log.claim(600, 300);
  const checksums = await log.settle();
  const [newest, oldest] = checksums.logs.list();
  assert.ok(newest && oldest);
  const steps: number[] = [];
  const check = async () => {
    steps.length = 0;
    const findings = await checkLog(log.deps, {
      guardFolder: log.config.guardFolder,
      entries: "all",
      entriesInMemory: 100,
      onProgress: (done, total) => steps.push(done / total),
    });
    return findings.map(({ shard, message }) => `${shard}: ${message}`);
  };
  assert.deepEqual(await check(), []);
  assert.equal(steps.at(-1), 1);
  assert.ok(steps.length > 10, "it was read in parts");
  const run = (statement: string) => database.write((transaction) => sql.raw(statement).execute(transaction));
  const finds = async (damage: string, reason: RegExp) => {
    await run("create table kept_claims as select * from log_claims");
    await run("create table kept_packages as select * from log_packages");
    await run("create table kept_entries as select * from log_entries");
    await run(damage);
    const findings = await check();
    assert.ok(
      findings.some((finding) => reason.test(finding)),
      `${damage}: ${findings.join("\n")}`,
    );
    for (const table of ["claims", "packages", "entries"]) {
      await run(`delete from log_${table}`);
      await run(`insert into log_${table} select * from kept_${table}`);
      await run(`drop table kept_${table}`);
    }
    assert.deepEqual(await check(), []);
  };
  const { shard: old } = oldest;
  const { shard: young } = newest;
  await finds(
    `delete from log_claims where shard = '${old}' and idx = 7`,
    /602 entries are signed, and 601 of them have a claim/,
  );
  await finds(
    `update log_claims set key = 'bind a@9.9.9' where shard = '${old}' and idx = 3`,
    /the claim bind a@9\.9\.9 binds/,
  );
  await finds(`delete from log_packages where shard = '${young}' and name = 'ab'`, /1 packages are not in the table/);
  await finds(
    `update log_packages set seq = seq + 1 where shard = '${young}' and name = ''`,
    /the last record of the log is 0/,
  );
  await finds(
    `update log_entries set record = replace(record, 'size 602', 'size 601') where shard = '${young}' and idx = 0`,
    /entry 0 is not the record that names .* as predecessor/,
  );
  await finds(
    `update log_entries set record = (select record from log_entries where shard = '${old}' and idx = 1) where shard = '${young}' and idx = 1`,
    /entry 1 binds .*, which entry 1 of its shard has bound/,
  );
  await finds(`delete from log_entries where shard = '${old}' and idx = 9`, /entry 9 is missing/);
});
