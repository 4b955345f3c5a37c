import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { upstreamMigrations } from "./migrations.ts";
import {
  countBySource,
  isCurrentDigest,
  readPackument,
  replacePackument,
  searchNames,
  setCited,
  setGone,
  type StoredPackument,
} from "./store.ts";

const row = (name: string, more: Partial<StoredPackument> = {}): StoredPackument => ({
  name: parsePackageName(name),
  source: "npm",
  status: "listed",
  etag: '"e"',
  last_modified: null,
  digest: `digest of ${name}`,
  is_cited: 0,
  modified_at_ms: 1_795_305_600_000,
  checked_at_ms: 1_795_305_600_001,
  ...more,
});

onEveryDatabase("stored packuments", (databases) => {
  test("a row replaces the one before it and answers that", async () => {
    const database = await databases.fresh(upstreamMigrations);
    const first = row("a");
    assert.equal(await database.write((transaction) => replacePackument(transaction, first)), undefined);
    const second = row("a", { digest: "other", etag: null, last_modified: "yesterday" });
    assert.deepEqual(await database.write((transaction) => replacePackument(transaction, second)), first);
    assert.deepEqual(await readPackument(database.read, first.name), second);
    assert.equal(await isCurrentDigest(database.read, first.digest), false);
    assert.equal(await isCurrentDigest(database.read, "other"), true);
  });

  test("marks what is cited and what is gone", async () => {
    const database = await databases.fresh(upstreamMigrations);
    const { name } = row("a");
    await database.write(async (transaction) => {
      await replacePackument(transaction, row("a"));
      await setCited(transaction, name);
      await setGone(transaction, name, 7);
    });
    assert.deepEqual(
      await readPackument(database.read, name),
      row("a", { is_cited: 1, status: "gone", checked_at_ms: 7 }),
    );
  });

  test("finds names by prefix, in byte order, and leaves out what is gone", async () => {
    const database = await databases.fresh(upstreamMigrations);
    await database.write(async (transaction) => {
      for (const name of ["b", "B", "a-b", "a_b", "aB", "ab", "@a/b"]) await replacePackument(transaction, row(name));
      await replacePackument(transaction, row("abc", { status: "gone" }));
    });
    assert.deepEqual(await searchNames(database.read, "a", 0, 10), { total: 4, names: ["a-b", "aB", "a_b", "ab"] });
    assert.deepEqual(await searchNames(database.read, "", 1, 2), { total: 7, names: ["B", "a-b"] });
    assert.deepEqual(await searchNames(database.read, "a%", 0, 10), { total: 0, names: [] });
  });

  test("counts the packages of each source, without those that are gone", async () => {
    const database = await databases.fresh(upstreamMigrations);
    await database.write(async (transaction) => {
      for (const name of ["a", "b"]) await replacePackument(transaction, row(name));
      await replacePackument(transaction, row("c", { source: "acme" }));
      await replacePackument(transaction, row("d", { status: "gone" }));
    });
    assert.deepEqual(Object.fromEntries(await countBySource(database.read)), { npm: 2, acme: 1 });
  });
});
