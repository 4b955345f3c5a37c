import type { Reader } from "../platform/database/database.ts";
import { untilNext } from "./claim-once.ts";
import type { Tables } from "./tables.ts";

/** Keys read in one query. */
const pageSize = 5000;

/** How many conflicts a log has of each source: the last word of their keys (`claim-events.ts`). A range scan. */
export async function conflictsBySource(reader: Reader, log: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  let last = "conflict ";
  for (;;) {
    const rows = await reader
      .withTables<Tables>()
      .selectFrom("log_claims")
      .select("key")
      .where("log", "=", log)
      .where("key", ">", last)
      .where("key", "<", untilNext("conflict "))
      .orderBy("key")
      .limit(pageSize)
      .execute();
    for (const { key } of rows) {
      const source = key.slice(key.lastIndexOf(" ") + 1);
      counts.set(source, (counts.get(source) ?? 0) + 1);
      last = key;
    }
    if (rows.length < pageSize) return counts;
  }
}
