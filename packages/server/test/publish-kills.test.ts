/** kill -9 under concurrent publishes: every 201 is there with its proof, nothing else is. `publish-kills/run.ts` does it a thousand times. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { missingPostgres, startPostgres } from "@assay/testkit/postgres";
import { killBatch } from "./publish-kills/batch.ts";

const options = { kills: 2, withinMs: 400, say: () => {} };

describe("kill -9 under concurrent publishes leaves whole versions and nothing else", { concurrency: true }, () => {
  test("on SQLite", async () => {
    const { kills, attempts } = await killBatch({ ...options, seed: 7, databaseUrl: undefined });
    assert.ok(kills >= options.kills && attempts > 0);
  });

  test("on PostgreSQL", { skip: missingPostgres() ?? false }, async () => {
    await using postgres = await startPostgres();
    const { kills, attempts } = await killBatch({
      ...options,
      seed: 8,
      databaseUrl: await postgres.createDatabase("C"),
    });
    assert.ok(kills >= options.kills && attempts > 0);
  });
});
