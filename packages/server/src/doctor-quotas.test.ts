import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import type { QuotaRule } from "./config/config.ts";
import { checkQuotas } from "./doctor-quotas.ts";
import { publishingMigrations } from "./publishing/publishing.ts";
import { insertUsage } from "./publishing/quotas/store.ts";

onEveryDatabase("what organisations have and may have", (databases) => {
  test("is told of those with a quota, and is a warning when it is nearly used up", async () => {
    const database = await databases.fresh(publishingMigrations);
    await database.write(async (transaction) => {
      await insertUsage(transaction, "acme", { packages: 3, versions: 9, sizeBytes: 2048 });
      await insertUsage(transaction, "free", { packages: 1, versions: 1, sizeBytes: 1 });
    });
    const ask = async (...quotas: readonly QuotaRule[]): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const { outcome, message } of checkQuotas(database, { publish: { quotas } }))
        found.push(`${outcome}: ${message}`);
      return found;
    };
    const packages = { organisation: "acme", measure: "packages", most: 100 } as const;
    assert.deepEqual(await ask(), []);
    assert.deepEqual(await ask(packages), ["ok: The organisation acme has 3 packages of 100 packages."]);
    assert.deepEqual(await ask(packages, { organisation: "acme", measure: "sizeBytes", most: 2200 }), [
      "warning: The organisation acme has 3 packages of 100 packages, 2 KiB of 2.1 KiB.",
    ]);
  });
});
