import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isAssayError } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSystemRandom } from "../system-random.ts";
import { createSpool, type Spool } from "./spool.ts";

const random = createSystemRandom();
const budgetSpent = (error: unknown): boolean => isAssayError(error, "NOT_READY");

async function prepare(t: TestContext, maxBytes = 1000): Promise<{ spool: Spool; folder: string }> {
  const folder = join(tempFolder(t), "spool");
  return { folder, spool: await createSpool({ random }, { folder, maxBytes }) };
}

test("chunks are appended in the order given, also when nobody waits between them", async (t) => {
  const { spool } = await prepare(t);
  await using file = await spool.create();
  await Promise.all(["a", "b", "", "cd"].map((text) => file.write(Buffer.from(text))));
  await file.finish();
  assert.equal(readFileSync(file.path, "utf8"), "abcd");
  assert.equal(file.sizeBytes, 4);
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
  await assert.rejects(file.write(Buffer.from("late")), /finished/);
});

test("a file is gone after its block, finished or not, and may be discarded twice", async (t) => {
  const { spool, folder } = await prepare(t);
  {
    await using file = await spool.create();
    await file.write(Buffer.from("x"));
    await using finished = await spool.create();
    await finished.finish();
    await finished.discard();
    assert.equal(existsSync(finished.path), false);
  }
  assert.deepEqual(readdirSync(folder), []);
  assert.equal(spool.usedBytes, 0);
});

test("a folder that another process removed is made again", async (t) => {
  const { spool, folder } = await prepare(t);
  rmSync(folder, { recursive: true });
  await using file = await spool.create();
  await file.write(Buffer.from("x"));
  assert.equal(readFileSync(file.path, "utf8"), "x");
});

test("all files together stay within the budget; discarding gives bytes back", async (t) => {
  const { spool } = await prepare(t, 10);
  const one = await spool.create();
  const other = await spool.create();
  await one.write(new Uint8Array(6));
  await assert.rejects(other.write(new Uint8Array(5)), budgetSpent);
  await other.write(new Uint8Array(4));
  assert.equal(spool.usedBytes, 10);
  await assert.rejects(one.write(new Uint8Array(1)), budgetSpent);
  await one.finish();
  assert.equal(spool.usedBytes, 10);
  await one.discard();
  await one.discard();
  assert.equal(spool.usedBytes, 4);
  await other.write(new Uint8Array(6));
  await other.discard();
  assert.equal(spool.usedBytes, 0);
});

test("what a crash left is removed at the next start", async (t) => {
  const { folder } = await prepare(t);
  writeFileSync(join(folder, "left"), "half");
  await createSpool({ random }, { folder, maxBytes: 10 });
  assert.deepEqual(readdirSync(folder), []);
});
