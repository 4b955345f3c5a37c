import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { mirroringMigrations } from "./migrations.ts";
import {
  addItems,
  countItems,
  endRun,
  missingItems,
  retryMissing,
  runsBefore,
  settleItem,
  startRun,
  waitingItems,
} from "./store.ts";

const [a, b] = [parsePackageName("a"), parsePackageName("@s/b")];

onEveryDatabase("the work list of a mirror", (databases) => {
  test("holds what is wanted once, and hands out the least tried first", async () => {
    const database = await databases.fresh(mirroringMigrations);
    assert.equal(await database.write((transaction) => startRun(transaction, "r", 5)), "new");
    assert.equal(await database.write((transaction) => startRun(transaction, "r", 6)), "continued");
    await database.write(async (transaction) => {
      await addItems(transaction, "r", [
        { name: a, want: "listing" },
        { name: a, want: "version 1.0.0", integrity: "sha512-x" },
      ]);
      await addItems(transaction, "r", [
        { name: a, want: "version 1.0.0", isOptional: true },
        { name: b, want: "latest", isOptional: true },
      ]);
      await addItems(transaction, "other", [{ name: b, want: "all" }]);
    });
    const [listing, version, latest, ...none] = await waitingItems(database.read, "r", 10);
    assert.ok(listing !== undefined && version !== undefined && latest !== undefined && none.length === 0);
    assert.deepEqual([version.want, version.integrity, version.isOptional], ["version 1.0.0", "sha512-x", false]);
    assert.deepEqual([latest.name, latest.integrity, latest.isOptional], [b, undefined, true]);
    await database.write((transaction) => settleItem(transaction, listing.id, { state: "waiting", attempts: 1 }));
    const again = await waitingItems(database.read, "r", 2);
    assert.deepEqual(
      again.map(({ id }) => id),
      [version.id, latest.id],
    );
  });

  test("counts and names how it stands, and forgets a run that ended", async () => {
    const database = await databases.fresh(mirroringMigrations);
    await database.write(async (transaction) => {
      await startRun(transaction, "r", 5);
      await addItems(transaction, "r", [
        { name: a, want: "listing" },
        { name: a, want: "version 1.0.0" },
        { name: a, want: "version 2.0.0" },
        { name: b, want: "latest" },
      ]);
    });
    const [listing, one, two] = await waitingItems(database.read, "r", 10);
    assert.ok(listing !== undefined && one !== undefined && two !== undefined);
    await database.write(async (transaction) => {
      await settleItem(transaction, listing.id, { state: "done" });
      await settleItem(transaction, one.id, { state: "done", sizeBytes: 2 ** 40 });
      await settleItem(transaction, two.id, { state: "missing", reason: "gone", attempts: 3 });
    });
    const counts = { total: 4, done: 2, missing: 1, releases: 1, sizeBytes: 2 ** 40 };
    assert.deepEqual(await countItems(database.read, "r"), counts);
    assert.deepEqual(await missingItems(database.read, "r"), [
      { name: a, want: "version 2.0.0", reason: "gone", isOptional: false },
    ]);
    assert.deepEqual(await countItems(database.read, "none"), {
      total: 0,
      done: 0,
      missing: 0,
      releases: 0,
      sizeBytes: 0,
    });
    await database.write((transaction) => retryMissing(transaction, "r"));
    assert.equal((await waitingItems(database.read, "r", 10)).length, 2);
    assert.deepEqual(await runsBefore(database.read, 5), []);
    assert.deepEqual(await runsBefore(database.read, 6), ["r"]);
    await database.write((transaction) => endRun(transaction, "r"));
    assert.equal((await countItems(database.read, "r")).total, 0);
    assert.deepEqual(await runsBefore(database.read, 6), []);
  });
});
