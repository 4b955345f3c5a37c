import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createEvents, eventMigrations } from "./outbox.ts";

type Rows = { events: { kind: string; subject: string; data: string; recorded_at_ms: number } };

onEveryDatabase("the outbox", (databases) => {
  test("an event is there with the transaction that made it true, and not without it", async () => {
    const database = await databases.fresh(eventMigrations);
    const clock = createFakeClock();
    const events = createEvents({ clock });
    const event = {
      kind: "release.bound",
      subject: "npm vite@8.0.1",
      data: { sizeBytes: 12, source: "npm", again: false, none: null },
    } as const;
    const undone = database.write(async (transaction) => {
      await events.record(transaction, event);
      throw new Error("undone");
    });
    await assert.rejects(undone, /undone/);
    await database.write((transaction) => events.record(transaction, event));
    const rows = await database.read
      .withTables<Rows>()
      .selectFrom("events")
      .select(["kind", "subject", "data", "recorded_at_ms"])
      .execute();
    assert.deepEqual(rows, [
      { kind: event.kind, subject: event.subject, data: JSON.stringify(event.data), recorded_at_ms: clock.now() },
    ]);
  });
});
