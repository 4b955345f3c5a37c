import type { Clock } from "../clock.ts";
import { columns } from "../database/columns.ts";
import type { Migrations } from "../database/database.ts";
import type { Events } from "./events.ts";

type EventTables = {
  events: { kind: string; subject: string; data: string; recorded_at_ms: number };
};

export const eventMigrations: Migrations = {
  "0003-platform-events": {
    async up(transaction) {
      const { table, text, integer, identity } = columns(transaction);
      await table("events")
        .addColumn("id", integer, identity)
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("data", text, (column) => column.notNull())
        .addColumn("recorded_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },
};

/** Events as rows of the transaction that makes them true: undone with it, durable with it. */
export function createEvents({ clock }: { readonly clock: Clock }): Events {
  return {
    async record(transaction, { kind, subject, data }) {
      await transaction
        .withTables<EventTables>()
        .insertInto("events")
        .values({ kind, subject, data: JSON.stringify(data), recorded_at_ms: clock.now() })
        .execute();
    },
  };
}
