import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import { assertSound, createTestLog } from "./test-log.ts";

const program = join(import.meta.dirname, "test-killed-log.ts");

/** Runs the program until it has said this many lines, and kills it in the middle of whatever it does then. */
async function runAndKill(folder: string, round: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, folder, String(round * 100_000), String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === lines) child.kill("SIGKILL");
  }
  assert.equal(await exited, "SIGKILL");
  return said;
}

test("kill -9 at any moment loses no acknowledged bind and forks nothing that was published", async (t) => {
  const folder = tempFolder(t);
  const random = createSeededRandom(11);
  const bound: number[] = [];
  const notes: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const said = await runAndKill(folder, round, 1 + Math.floor(random.fraction() * 900));
    for (const line of said) {
      if (line.startsWith("bound ")) bound.push(Number(line.slice(6)));
      else notes.push(JSON.parse(line.slice(5)) as string);
    }
  }
  const database = await createSqliteDatabase({ path: join(folder, "db") });
  t.after(() => database[Symbol.asyncDispose]());
  const log = await createTestLog({ database, folder, seed: 99 });
  const checksums = await log.settle();
  await assertSound(log, checksums, bound, notes);
  assert.ok(bound.length > 0);
  assert.ok(checksums.logs.list().length > 1);
});
