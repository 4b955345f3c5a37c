import type { PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";

/** Where tags pointed when they were last shown. */
type Tables = { packument_tags: { readonly name: string; readonly tags: string } };

/** A package with more text of tags than this keeps `latest` only. */
const mostText = 64 * 1024;

export async function readSeenTags(reader: Reader, name: PackageName): Promise<Readonly<Record<string, Version>>> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("packument_tags")
    .select("tags")
    .where("name", "=", name)
    .executeTakeFirst();
  return row === undefined ? {} : (JSON.parse(row.tags) as Record<string, Version>);
}

export async function writeSeenTags(
  transaction: Transaction,
  name: PackageName,
  tags: Readonly<Record<string, Version>>,
): Promise<void> {
  const whole = JSON.stringify(tags);
  const { latest } = tags;
  const text = whole.length <= mostText ? whole : JSON.stringify(latest === undefined ? {} : { latest });
  await transaction
    .withTables<Tables>()
    .insertInto("packument_tags")
    .values({ name, tags: text })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ tags: text }))
    .execute();
}
