import assert from "node:assert/strict";
import { test } from "node:test";
import type { PackageName, Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createLogger } from "../../platform/telemetry/logger.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import { describe } from "./entry.ts";
import { searchMigrations } from "./migrations.ts";
import { openSearchIndex } from "./open-search-index.ts";
import { rebuildSearch, searchVersion, type SearchSource } from "./rebuild.ts";
import type { SearchEntry } from "./search-index.ts";
import { readState, writeState } from "./store.ts";
import { parseQuestion } from "./terms.ts";

const entryOf = (name: string, description: string): SearchEntry =>
  describe(
    { description },
    { name: name as PackageName, isHosted: false, version: "1.0.0" as Version, dateMs: 1, updatedMs: 1 },
  );

const names = Array.from({ length: 450 }, (_, at) => `pack-${String(at).padStart(3, "0")}` as PackageName);

onEveryDatabase("making the search index anew", ({ fresh }) => {
  async function prepare() {
    const database = await fresh(searchMigrations);
    const index = openSearchIndex(database);
    const log = createLogger({ clock: createFakeClock(), write: () => {} }, { level: "error", format: "json" });
    const telemetry = { log, metrics: createMetrics({ processMetrics: false }) };
    const find = async (text: string) =>
      (await index.page(parseQuestion(text), { from: 0, size: 1, hidden: [] })).total;
    const source: SearchSource = {
      names: async (after, size) => names.filter((name) => name > after).slice(0, size),
      entry: async (name) => (name === "pack-007" ? undefined : entryOf(name, "as known")),
    };
    const run = (from: SearchSource = source) =>
      rebuildSearch({ database, index, telemetry }, from, new AbortController().signal);
    return { database, index, source, find, run };
  }

  test("fills it once, with all that is known, and leaves out what was made by other rules", async () => {
    const { database, index, source, find, run } = await prepare();
    await database.write((transaction) => index.put(transaction, entryOf("of-old", "as known")));
    await run();
    assert.equal(await find("known"), names.length - 1);
    assert.equal(await readState(database.read), searchVersion);
    let asked = 0;
    await run({ ...source, names: async () => ((asked += 1), []) });
    assert.equal(asked, 0);
  });

  test("goes on after it was cut off, and keeps what others put in meanwhile", async () => {
    const { database, index, source, find, run } = await prepare();
    await database.write((transaction) => writeState(transaction, searchVersion + 7));
    const cut: SearchSource = {
      ...source,
      names: (after, size) => (after === "" ? source.names(after, size) : Promise.reject(new Error("cut off"))),
    };
    await assert.rejects(run(cut), /cut off/);
    assert.ok((await find("known")) > 0);
    await database.write((transaction) => index.put(transaction, entryOf("pack-001", "newer")));
    await database.write((transaction) => index.put(transaction, entryOf("pack-400", "newer")));
    await run();
    assert.equal(await find("newer"), 2);
    assert.equal(await find("known"), names.length - 3);
  });
});
