import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { releaseMigrations } from "./migrations.ts";
import {
  addReleases,
  changedSince,
  generationOf,
  newestGeneration,
  raiseGeneration,
  releasesOf,
  setConflictSource,
  setFreed,
  setGone,
} from "./store.ts";

const name = parsePackageName("left");
const other = parsePackageName("@s/right");
const versions = Array.from({ length: 5000 }, (_, index) => parseVersion(`1.0.${index}`));

onEveryDatabase("the tables of releases", (databases) => {
  test("take thousands of versions at once, and leave those that stand alone", async () => {
    const database = await databases.fresh(releaseMigrations);
    const rows = versions.map((version) => ({ version, firstSeenMs: 5, firstContact: true, publishedMs: undefined }));
    await database.write((transaction) => addReleases(transaction, name, rows));
    await database.write((transaction) =>
      addReleases(
        transaction,
        name,
        rows.map((row) => ({ ...row, firstSeenMs: 9 })),
      ),
    );
    const stored = await releasesOf(database.read, name);
    assert.equal(stored.length, 5000);
    assert.ok(stored.every((row) => row.firstSeenMs === 5 && row.goneAtMs === undefined));
    assert.deepEqual(await releasesOf(database.read, other), []);
  });

  test("hold since when versions are gone, who freed them, and what is on record", async () => {
    const database = await databases.fresh(releaseMigrations);
    const [one, two] = [parseVersion("1.0.0"), parseVersion("2.0.0-b")];
    await database.write(async (transaction) => {
      await addReleases(
        transaction,
        name,
        [one, two].map((version) => ({ version, firstSeenMs: 1, firstContact: false, publishedMs: 0 })),
      );
      await setGone(transaction, name, [one, two], 2 ** 52);
      await setGone(transaction, name, [two], null);
      await setFreed(transaction, name, one, 7);
      await setConflictSource(transaction, name, [two], "npm");
      await setGone(transaction, name, [], 1);
    });
    const rows = (await releasesOf(database.read, name)).toSorted((a, b) => (a.version < b.version ? -1 : 1));
    assert.deepEqual(rows, [
      { version: one, firstSeenMs: 1, goneAtMs: 2 ** 52, freedAtMs: 7, conflictSource: undefined },
      { version: two, firstSeenMs: 1, goneAtMs: undefined, freedAtMs: undefined, conflictSource: "npm" },
    ]);
  });

  test("number changes upwards over all packages, also from many transactions at once", async () => {
    const database = await databases.fresh(releaseMigrations);
    assert.equal(await newestGeneration(database.read), 0);
    const names = Array.from({ length: 8 }, (_, index) => parsePackageName(`p${index}`));
    await Promise.all(names.map((one) => database.write((transaction) => raiseGeneration(transaction, one))));
    const changes = await changedSince(database.read, 0);
    assert.deepEqual(
      changes.map((change) => change.generation),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    await database.write((transaction) => raiseGeneration(transaction, name, 77));
    await database.write((transaction) => raiseGeneration(transaction, name));
    assert.deepEqual(await generationOf(database.read, name), { generation: 10, changedAtMs: 77 });
    assert.deepEqual(await changedSince(database.read, 8), [{ name, generation: 10 }]);
    assert.equal(await newestGeneration(database.read), 10);
  });
});
