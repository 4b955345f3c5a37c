import assert from "node:assert/strict";
import { test } from "node:test";
import type { PackageName, Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createLogger } from "../../platform/telemetry/logger.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import type { PackageState } from "../../releases/releases.ts";
import { describe } from "./entry.ts";
import { searchMigrations } from "./migrations.ts";
import { openSearchIndex } from "./open-search-index.ts";
import { createSearch } from "./search.ts";

const noState: PackageState = {
  generation: 0,
  changedAtMs: 0,
  binds: new Map(),
  refused: new Map(),
  firstSeenMs: new Map(),
  examined: undefined,
};

onEveryDatabase("a search", ({ fresh }) => {
  test("hosted packages are found and counted only by who may read them, on every page", async () => {
    const database = await fresh(searchMigrations);
    const index = openSearchIndex(database);
    const put = (name: string, isHosted: boolean) =>
      database.write((transaction) => {
        const of = { name: name as PackageName, isHosted, version: "1.0.0" as Version, dateMs: 1, updatedMs: 1 };
        return index.put(transaction, describe({ description: "a secret" }, of));
      });
    for (let at = 0; at < 5; at += 1) await put(`secret-${at}`, false);
    for (let at = 0; at < 3; at += 1) await put(`@acme/secret-${at}`, true);
    // Listed by an upstream before the scope became an organisation's.
    await put("@later/secret", false);
    const log = createLogger({ clock: createFakeClock(), write: () => {} }, { level: "error", format: "json" });
    const search = createSearch({
      index,
      database,
      telemetry: { log, metrics: createMetrics({ processMetrics: false }) },
      releases: { packageState: () => noState },
      upstreams: {
        isOwn: (name) => name.startsWith("@acme/") || name.startsWith("@later/"),
        stored: () => undefined,
        known: async () => [],
        reload: async (packument) => packument,
      },
      names: { packages: () => [] },
      view: () => Promise.reject(new Error("nothing is refused here")),
    });
    const find = async (readable: readonly string[], from = 0) => {
      const ask = async (names: readonly PackageName[]) => names.filter((name) => readable.includes(name));
      const { total, entries } = await search.find({ text: "secret", from, size: 4, readable: ask });
      return { total, names: entries.map(({ name }) => name as string) };
    };
    const pages = async (readable: readonly string[]) => [
      ...(await find(readable)).names,
      ...(await find(readable, 4)).names,
    ];
    assert.ok(!(await pages([])).some((name) => name.startsWith("@")));
    assert.equal((await find([])).total, (await find([], 4)).total);
    assert.equal((await find(["@acme/secret-1"])).total, (await find([])).total + 1);
    assert.deepEqual(
      (await pages(["@acme/secret-1"])).filter((name) => name.startsWith("@")),
      ["@acme/secret-1"],
    );
  });
});
