import assert from "node:assert/strict";
import { test } from "node:test";
import { epochMs } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { claimConflictIn } from "./claim-events.ts";
import { conflictsBySource } from "./store-conflicts.ts";
import { bindFacts, logMigrations } from "./test-log.ts";

onEveryDatabase("conflicts by source", (databases) => {
  test("are counted over more than one page, each source and log for itself, and nothing else with them", async () => {
    const database = await databases.fresh(...logMigrations);
    await database.write(async (transaction) => {
      for (let number = 0; number < 5100; number += 1) {
        const facts = { ...bindFacts(number), tree: "-", manifest: "-", evidence: "-", from: "bytes" as const };
        const source = number % 3 === 0 ? "near" : "far";
        await claimConflictIn(transaction, number < 5070 ? "npm" : "other", { ...facts, source }, epochMs(number));
      }
    });
    assert.deepEqual(Object.fromEntries(await conflictsBySource(database.read, "npm")), { near: 1690, far: 3380 });
    assert.deepEqual(Object.fromEntries(await conflictsBySource(database.read, "other")), { near: 10, far: 20 });
    assert.deepEqual(Object.fromEntries(await conflictsBySource(database.read, "third")), {});
  });
});
