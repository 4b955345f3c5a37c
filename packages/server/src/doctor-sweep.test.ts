import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { checkSweep } from "./doctor-sweep.ts";
import type { Database } from "./platform/database/database.ts";
import { readWalk, writeWalk, type WalkState } from "./sweep/store.ts";
import { sweepMigrations } from "./sweep/sweep.ts";

const minuteMs = 60_000;
const clock = createFakeClock();
const now = clock.now();
const budgets = { bytesPerSecond: 1, requestsPerSecond: 1, sampleBytesPerSecond: 1 };
const walking: WalkState = { cursor: "7", startedAtMs: now - minuteMs, done: 3, total: 10, last: undefined };

async function findings(database: Database, everyMinutes = 8): Promise<string[]> {
  const found: string[] = [];
  const sweep = { everyMinutes, ...budgets };
  for await (const { outcome, message } of checkSweep({ clock, read: database.read }, { sweep }))
    found.push(`${outcome}: ${message}`);
  return found;
}

onEveryDatabase("how far the sweep has come", (databases) => {
  test("is written and read back, and replaced", async () => {
    const database = await databases.fresh(sweepMigrations);
    assert.equal(await readWalk(database.read, "blobs"), undefined);
    await database.write((transaction) => writeWalk(transaction, "blobs", walking));
    assert.deepEqual(await readWalk(database.read, "blobs"), walking);
    const next = { ...walking, cursor: "@s/n", last: { startedAtMs: 1, endedAtMs: 2 ** 50, done: 0 } };
    await database.write((transaction) => writeWalk(transaction, "blobs", next));
    assert.deepEqual(await readWalk(database.read, "blobs"), next);
    assert.equal(await readWalk(database.read, "listings"), undefined);
  });

  test("is fine while it comes round in time, a warning when a pass takes too long, an error when it stands", async () => {
    const database = await databases.fresh(sweepMigrations);
    const [blobs, listings] = await findings(database);
    assert.match(blobs ?? "", /^ok: The sweep of blobs begins/);
    assert.match(listings ?? "", /^ok/);
    const pass = (startedAgo: number, endedAgo: number) => {
      return { startedAtMs: now - startedAgo * minuteMs, endedAtMs: now - endedAgo * minuteMs, done: 10 };
    };
    await database.write(async (transaction) => {
      await writeWalk(transaction, "blobs", { ...walking, last: pass(10, 2) });
      await writeWalk(transaction, "listings", { ...walking, last: pass(60, 5) });
      await writeWalk(transaction, "samples", { ...walking, startedAtMs: now - 40 * minuteMs, last: pass(48, 40) });
    });
    assert.deepEqual(await findings(database), [
      "ok: The sweep of blobs: everything was looked at 2 min ago, 3 of 10 in this pass.",
      "warning: The sweep of listings: everything was looked at 5 min ago, 3 of 10 in this pass. A pass took 55 min, wanted are 8 min.",
      "error: The sweep of samples: everything was looked at 40 min ago, 3 of 10 in this pass.",
    ]);
    assert.match((await findings(database, 0))[0] ?? "", /^warning: Nothing is looked after/);
  });
});
