import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import { columns } from "../database/columns.ts";
import type { Migrations } from "../database/database.ts";
import type { Events } from "./events.ts";
import { routineKinds } from "./kinds.ts";

type EventTables = {
  events: {
    kind: string;
    subject: string;
    data: string;
    recorded_at_ms: number;
    /** JSON of the act; null: the registry itself. */
    act: string | null;
    /** 1: belongs in the audit trail. */
    audited: number;
  };
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
  "0190-platform-audited-events": {
    async up(transaction) {
      const { text, integer } = columns(transaction);
      await transaction.schema.alterTable("events").addColumn("act", text).execute();
      await transaction.schema
        .alterTable("events")
        .addColumn("audited", integer, (column) => column.notNull().defaultTo(0))
        .execute();
      await sql`create index events_audited on events (id) where audited = 1`.execute(transaction);
    },
  },
};

const routine = new Set<string>(routineKinds);

/** Events as rows of the transaction that makes them true: undone with it, durable with it. */
export function createEvents({ clock }: { readonly clock: Clock }): Events {
  return {
    async record(transaction, { kind, subject, data, act }) {
      await transaction
        .withTables<EventTables>()
        .insertInto("events")
        .values({
          kind,
          subject,
          data: JSON.stringify(data),
          recorded_at_ms: clock.now(),
          act: act === undefined ? null : JSON.stringify(act),
          audited: act !== undefined || !routine.has(kind) ? 1 : 0,
        })
        .execute();
    },
  };
}
