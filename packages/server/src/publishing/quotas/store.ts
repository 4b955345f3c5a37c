import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Described } from "../publish/publish-request.ts";
import type { Tables } from "../tables.ts";

/** What an organisation has here. A package counts while a version of it is published. */
export interface Usage {
  readonly packages: number;
  /** Published ones, and those that wait for approval. */
  readonly versions: number;
  /** Of their tarballs. */
  readonly sizeBytes: number;
}

export async function readUsage(reader: Reader, organisation: string): Promise<Usage | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("hosted_usage")
    .selectAll()
    .where("organisation", "=", organisation)
    .executeTakeFirst();
  return row && usageOf(row);
}

/** Of every organisation that is counted, by name. */
export async function readUsages(reader: Reader): Promise<ReadonlyMap<string, Usage>> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("hosted_usage")
    .selectAll()
    .orderBy("organisation")
    .execute();
  return new Map(rows.map((row) => [row.organisation, usageOf(row)]));
}

/** Answers what there is now; undefined, and nothing is changed, for an organisation that is not counted. */
export async function addUsage(
  transaction: Transaction,
  organisation: string,
  more: Usage,
): Promise<Usage | undefined> {
  const row = await transaction
    .withTables<Tables>()
    .updateTable("hosted_usage")
    .set((each) => ({
      packages: each("packages", "+", more.packages),
      versions: each("versions", "+", more.versions),
      size_bytes: each("size_bytes", "+", more.sizeBytes),
    }))
    .where("organisation", "=", organisation)
    .returningAll()
    .executeTakeFirst();
  return row && usageOf(row);
}

export async function insertUsage(transaction: Transaction, organisation: string, usage: Usage): Promise<void> {
  const { packages, versions, sizeBytes: size_bytes } = usage;
  await transaction
    .withTables<Tables>()
    .insertInto("hosted_usage")
    .values({ organisation, packages, versions, size_bytes })
    .onConflict((conflict) => conflict.column("organisation").doNothing())
    .execute();
}

/** Of everything that waits, whatever its time: name, and size of its tarball in bytes. */
export async function stagedSizes(
  reader: Reader,
): Promise<readonly { readonly name: PackageName; readonly sizeBytes: number }[]> {
  const rows = await reader.withTables<Tables>().selectFrom("hosted_stages").select(["name", "request"]).execute();
  return rows.map(({ name, request }) => {
    const { tarball } = JSON.parse(request) as Described;
    return { name: name as PackageName, sizeBytes: tarball.sizeBytes };
  });
}

function usageOf({ packages, versions, size_bytes: sizeBytes }: Tables["hosted_usage"]): Usage {
  return { packages, versions, sizeBytes };
}
