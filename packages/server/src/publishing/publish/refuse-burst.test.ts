import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parsePackageName, type PackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { runMigrations } from "../../platform/database/migrate.ts";
import type { Transaction } from "../../platform/database/database.ts";
import { publishingMigrations } from "../migrations.ts";
import { addVersion } from "../store.ts";
import { refuseBurst } from "./refuse-burst.ts";

const rule = { packages: 3, minutes: 10 };
const nowMs = 1_000_000_000;
const ada = { id: "person:ada" };
const nameOf = (at: number): PackageName => parsePackageName(`@acme/p${at}`);

async function publish(transaction: Transaction, at: number, agoMinutes: number, by = ada.id): Promise<void> {
  const version = `1.${agoMinutes}.0`;
  const said = { manifest: "{}", integrity: "", content: "", readme: null, deprecated: null, digest: null };
  const when = { published_at_ms: nowMs - agoMinutes * 60_000, unpublished_at_ms: null };
  await addVersion(transaction, { ...said, ...when, name: nameOf(at), version, published_by: by });
}

onEveryDatabase("publishes in a burst", (databases) => {
  test("what is of yet another package is refused, what is of the same ones passes, and so does who waits", async () => {
    const database = await databases.fresh(publishingMigrations);
    await database.write(async (transaction) => {
      for (const at of [1, 2, 3]) await publish(transaction, at, at);
      await publish(transaction, 1, 7);
    });
    const ask = (who: { readonly id: string }, at: number, when = nowMs, of = rule): Promise<void> =>
      refuseBurst(database.read, who, nameOf(at), of, when);
    await assert.rejects(ask(ada, 4), {
      code: "FORBIDDEN",
      message: /3 packages within 10 minutes.*npm stage publish/,
    });
    await ask(ada, 2);
    await ask({ id: "person:tim" }, 4);
    await ask(ada, 4, nowMs, { packages: 0, minutes: 10 });
    await ask(ada, 4, nowMs, { packages: 4, minutes: 10 });
    await ask(ada, 4, nowMs + 7 * 60_000 + 1);
  });

  test("of many at once, through two processes, as many are taken as the rule says", async () => {
    const open = await databases.place();
    const processes = [await open(), await open()] as const;
    await runMigrations({ database: processes[0], clock: createFakeClock() }, [publishingMigrations]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, async (_, at) => {
        await processes[at % 2 === 0 ? 0 : 1].write(async (transaction) => {
          await refuseBurst(transaction, ada, nameOf(at), rule, nowMs);
          await publish(transaction, at, 0);
        });
      }),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    assert.equal(outcomes.length - refused.length, rule.packages);
    assert.ok(
      refused.every((error) => isAssayError(error, "FORBIDDEN")),
      String(refused[0]),
    );
  });
});
