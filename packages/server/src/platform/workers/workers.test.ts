import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkers, type WorkerTask } from "./workers.ts";

const file = new URL("./test-tasks.ts", import.meta.url);
const double: WorkerTask<number, number> = { file, name: "double" };
const refuse: WorkerTask<string, never> = { file, name: "refuse" };
const reverse: WorkerTask<Uint8Array, Uint8Array> = { file, name: "reverse" };
const hoard: WorkerTask<null, number> = { file, name: "hoard" };
const limits = { maxThreads: 1, idleMs: 50, maxHeapMiB: 64 };

test("runs more tasks than it has threads", async () => {
  await using workers = createWorkers(limits);
  const results = await Promise.all([1, 2, 3, 4, 5].map((input) => workers.run(double, input)));
  assert.deepEqual(results, [2, 4, 6, 8, 10]);
});

test("rejects with what a task throws, and runs the next one", async () => {
  await using workers = createWorkers(limits);
  await assert.rejects(workers.run(refuse, "this"), /refused this/);
  assert.equal(await workers.run(double, 4), 8);
});

test("moves buffers in and out", async () => {
  await using workers = createWorkers(limits);
  const bytes = new Uint8Array([1, 2, 3]);
  const result = await workers.run(reverse, bytes, [bytes.buffer]);
  assert.deepEqual([...result], [3, 2, 1]);
  assert.equal(bytes.byteLength, 0);
});

test("a task that uses too much memory ends alone, and those that wait still run", async () => {
  await using workers = createWorkers(limits);
  const hoarding = workers.run(hoard, null);
  const next = workers.run(double, 21);
  await assert.rejects(hoarding, /memory/);
  assert.equal(await next, 42);
});
