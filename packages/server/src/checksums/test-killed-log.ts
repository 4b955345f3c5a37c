/**
 * A program for `kill.test.ts`: claims binds without end, sequences them, opens a new shard now and then, and writes each bind that was acknowledged
 * (`bound <number>`) and each checkpoint that was published (`note <JSON>`) to standard output. It is ended by SIGKILL.
 */
import { writeSync } from "node:fs";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import { requestRotation } from "./rotation/request.ts";
import { bindFacts, createTestLog, logMigrations } from "./test-log.ts";

const [folder = "", first = "0", seed = "0"] = process.argv.slice(2);
const database = await createSqliteDatabase({ path: `${folder}/db` });
await runMigrations({ database, clock: createFakeClock() }, logMigrations);
const log = await createTestLog({ database, folder, seed: Number(seed) });
const checksums = await log.open();
void checksums.run(new AbortController().signal);

// Synchronous, so that what was said to have happened has happened when the process dies.
const say = (line: string) => writeSync(1, `${line}\n`);
let note: string | undefined;
for (let number = Number(first); ; number += 40) {
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      await database.write((transaction) => checksums.claimBind(transaction, bindFacts(number + i)));
      say(`bound ${number + i}`);
    }),
  );
  if (number % 280 === 0) await requestRotation(database, "npm");
  const newest = checksums.logs.checkpoint(checksums.logs.list()[0]?.shard ?? "");
  if (newest !== undefined && newest !== note) say(`note ${JSON.stringify((note = newest))}`);
  await new Promise((resolve) => setImmediate(resolve));
}
