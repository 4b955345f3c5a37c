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

/** The name of the first bind whose key is `from` or above, by bytes; keys of one name lie side by side. */
export async function firstBoundName(reader: Reader, log: string, from: string): Promise<string | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .select("name")
    .where("log", "=", log)
    .where("key", ">=", from)
    // Above every key of a bind, and below those of other kinds that sort behind.
    .where("key", "<", "bind!")
    .orderBy("key")
    .limit(1)
    .executeTakeFirst();
  return row?.name;
}

/** How many versions and names of a log are bound. */
export async function countBound(
  reader: Reader,
  log: string,
): Promise<{ readonly versions: number; readonly names: number }> {
  const { versions, names } = await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .select(({ fn }) => [fn.countAll<number>().as("versions"), fn.count<number>("name").distinct().as("names")])
    .where("log", "=", log)
    .where("kind", "=", "bind")
    .executeTakeFirstOrThrow();
  return { versions, names };
}
