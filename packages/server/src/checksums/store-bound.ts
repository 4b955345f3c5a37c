import type { Reader } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/** Bound versions of a log whose bind has an id above `afterId`, in the order of their ids: one page of a scan. */
export async function boundPage(
  reader: Reader,
  log: string,
  afterId: number,
  limit: number,
): Promise<readonly { readonly id: number; readonly name: string; readonly version: string }[]> {
  return await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .select(["id", "name", "version"])
    .where("log", "=", log)
    .where("kind", "=", "bind")
    .where("id", ">", afterId)
    .orderBy("id")
    .limit(limit)
    .execute();
}
