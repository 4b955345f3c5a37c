import type { PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";

/** Where tags pointed when they were last shown. */
type Tables = { packument_tags: { readonly name: string; readonly tags: string } };

/** A package with more text of tags than this keeps `latest` only. */
const mostText = 64 * 1024;

/** Undefined when this package's tags were never shown. */
export async function readSeenTags(
  reader: Reader,
  name: PackageName,
): Promise<Readonly<Record<string, Version>> | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("packument_tags")
    .select("tags")
    .where("name", "=", name)
    .executeTakeFirst();
  return row && (JSON.parse(row.tags) as Record<string, Version>);
}

/** As much of the tags as is remembered. */
export function rememberedTags(tags: Readonly<Record<string, Version>>): Readonly<Record<string, Version>> {
  if (JSON.stringify(tags).length <= mostText) return tags;
  const { latest } = tags;
  return latest === undefined ? {} : { latest };
}

export async function writeSeenTags(
  transaction: Transaction,
  name: PackageName,
  tags: Readonly<Record<string, Version>>,
): Promise<void> {
  const text = JSON.stringify(rememberedTags(tags));
  await transaction
    .withTables<Tables>()
    .insertInto("packument_tags")
    .values({ name, tags: text })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ tags: text }))
    .execute();
}
