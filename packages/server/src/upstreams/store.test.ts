import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, parseVersion, type Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { upstreamMigrations } from "./migrations.ts";
import { readAside, removeAside, replaceAside, type AsideRow } from "./store-sources.ts";
import { readSeenTags, writeSeenTags } from "./store-tags.ts";
import {
  countBySource,
  countKnown,
  isCurrentDigest,
  knownNames,
  readPackument,
  replacePackument,
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

  test("walks through the names in byte order, and leaves out what is gone", async () => {
    const database = await databases.fresh(upstreamMigrations);
    await database.write(async (transaction) => {
      for (const name of ["b", "B", "a-b", "a_b", "aB", "ab", "@a/b"]) await replacePackument(transaction, row(name));
      await replacePackument(transaction, row("abc", { status: "gone" }));
    });
    assert.deepEqual(await knownNames(database.read, "", 3), ["@a/b", "B", "a-b"]);
    assert.deepEqual(await knownNames(database.read, "a-b", 10), ["aB", "a_b", "ab", "b"]);
    assert.equal(await countKnown(database.read), 7);
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

onEveryDatabase("sources that are put aside, and tags as they were seen", (databases) => {
  test("an alias has one row, the newest; taking it away twice says so", async () => {
    const database = await databases.fresh(upstreamMigrations);
    const first: AsideRow = {
      alias: "near",
      url: "https://near.example",
      strikes: 1,
      since_ms: 1,
      until_ms: 2,
      reason: "the listing says ü, the bytes are 'x'",
      name: "@s/a",
      version: "1.0.0",
    };
    const second = { ...first, strikes: 2, until_ms: 1_795_305_600_000 };
    const far = { ...first, alias: "far" };
    for (const one of [first, far, second]) await database.write((transaction) => replaceAside(transaction, one));
    assert.deepEqual(await readAside(database.read), [far, second]);
    assert.equal(await database.write((transaction) => removeAside(transaction, "near")), true);
    assert.equal(await database.write((transaction) => removeAside(transaction, "near")), false);
    assert.deepEqual(await readAside(database.read), [far]);
  });

  test("of very many tags latest stays", async () => {
    const database = await databases.fresh(upstreamMigrations);
    const name = parsePackageName("a");
    const [one, two] = ["1.0.0", "2.0.0"].map(parseVersion);
    assert.ok(one !== undefined && two !== undefined);
    const write = (tags: Record<string, Version>) =>
      database.write((transaction) => writeSeenTags(transaction, name, tags));
    assert.equal(await readSeenTags(database.read, name), undefined);
    await write({ latest: one, constructor: one });
    await write({ latest: two, next: one });
    assert.deepEqual(await readSeenTags(database.read, name), { latest: two, next: one });
    await write({ ...Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`tag-${at}`, one])), latest: one });
    assert.deepEqual(await readSeenTags(database.read, name), { latest: one });
  });
});
