import type { PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

export type HostedVersion = Tables["hosted_versions"];

/** Raises the revision of a package's document, making its row when it is the first. Answers the new one. */
export async function raiseRevision(transaction: Transaction, name: PackageName, nowMs: number): Promise<number> {
  const row = await transaction
    .withTables<Tables>()
    .insertInto("hosted_documents")
    .values({ name, revision: 1, created_at_ms: nowMs, changed_at_ms: nowMs })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((builder) => ({
        revision: builder("hosted_documents.revision", "+", 1),
        changed_at_ms: nowMs,
      })),
    )
    .returning("revision")
    .executeTakeFirstOrThrow();
  return row.revision;
}

/** Raises the revision where there is a document. */
export async function touchDocument(transaction: Transaction, name: PackageName, nowMs: number): Promise<void> {
  if ((await readDocumentRow(transaction, name)) !== undefined) await raiseRevision(transaction, name, nowMs);
}

export function readDocumentRow(reader: Reader, name: PackageName): Promise<Tables["hosted_documents"] | undefined> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_documents")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
}

export function readVersion(
  reader: Reader,
  name: PackageName,
  version: string,
): Promise<Omit<HostedVersion, "readme"> | undefined> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select(listed)
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
}

/** Names of packages that one published versions of since then, at most so many. */
export async function packagesPublishedSince(
  reader: Reader,
  by: string,
  sinceMs: number,
  most: number,
): Promise<readonly string[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select("name")
    .distinct()
    .where("published_by", "=", by)
    .where("published_at_ms", ">", sinceMs)
    .limit(most)
    .execute();
  return rows.map(({ name }) => name);
}

const listed = [
  "name",
  "version",
  "manifest",
  "integrity",
  "content",
  "published_at_ms",
  "published_by",
  "deprecated",
  "unpublished_at_ms",
  "digest",
] as const;

/** Versions that are not unpublished, in the order of their publishing. */
export function liveVersions(reader: Reader, name: PackageName): Promise<readonly Omit<HostedVersion, "readme">[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select(listed)
    .where("name", "=", name)
    .where("unpublished_at_ms", "is", null)
    .orderBy("published_at_ms")
    .orderBy("version")
    .execute();
}

/** What a head record is made of, of each version that is not unpublished. */
export function versionDigests(
  reader: Reader,
  name: PackageName,
): Promise<readonly Pick<HostedVersion, "version" | "digest" | "published_at_ms">[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select(["version", "digest", "published_at_ms"])
    .where("name", "=", name)
    .where("unpublished_at_ms", "is", null)
    .execute();
}

export async function setDigest(
  transaction: Transaction,
  name: PackageName,
  version: string,
  digest: string,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("hosted_versions")
    .set({ digest })
    .where("name", "=", name)
    .where("version", "=", version)
    .execute();
}

export async function readReadme(reader: Reader, name: PackageName, version: string): Promise<string | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select("readme")
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
  return row?.readme ?? undefined;
}

/** Live versions, of any package, whose manifest has this name as a member or text somewhere. */
export function manifestsNaming(reader: Reader, name: PackageName): Promise<readonly Omit<HostedVersion, "readme">[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_versions")
    .select(listed)
    .where("unpublished_at_ms", "is", null)
    .where("manifest", "like", `%${JSON.stringify(name).replaceAll(/[\\%_]/g, "_")}%`)
    .execute();
}

/** False when there is such a version by now. */
export async function addVersion(transaction: Transaction, row: HostedVersion): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await transaction
    .withTables<Tables>()
    .insertInto("hosted_versions")
    .values(row)
    .onConflict((conflict) => conflict.columns(["name", "version"]).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

export async function setUnpublished(
  transaction: Transaction,
  name: PackageName,
  version: Version,
  atMs: number,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("hosted_versions")
    .set({ unpublished_at_ms: atMs })
    .where("name", "=", name)
    .where("version", "=", version)
    .execute();
}

export async function setDeprecated(
  transaction: Transaction,
  name: PackageName,
  version: Version,
  deprecated: string | null,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("hosted_versions")
    .set({ deprecated, digest: null })
    .where("name", "=", name)
    .where("version", "=", version)
    .execute();
}

export function readTags(
  reader: Reader,
  name: PackageName,
): Promise<readonly { readonly tag: string; readonly version: string }[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_tags")
    .select(["tag", "version"])
    .where("name", "=", name)
    .orderBy("tag")
    .execute();
}

export async function putTag(
  transaction: Transaction,
  name: PackageName,
  tag: string,
  version: Version,
  nowMs: number,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("hosted_tags")
    .values({ name, tag, version, set_at_ms: nowMs })
    .onConflict((conflict) => conflict.columns(["name", "tag"]).doUpdateSet({ version, set_at_ms: nowMs }))
    .execute();
}

export async function removeTag(transaction: Transaction, name: PackageName, tag: string): Promise<void> {
  await transaction
    .withTables<Tables>()
    .deleteFrom("hosted_tags")
    .where("name", "=", name)
    .where("tag", "=", tag)
    .execute();
}

export async function addAttestation(transaction: Transaction, row: Tables["hosted_attestations"]): Promise<void> {
  await transaction.withTables<Tables>().insertInto("hosted_attestations").values(row).execute();
}

/** Of a version that is not unpublished. */
export function attestationsOf(
  reader: Reader,
  name: PackageName,
  version: Version,
): Promise<readonly { readonly predicate_type: string; readonly digest: string }[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_attestations")
    .innerJoin("hosted_versions", (join) =>
      join
        .onRef("hosted_versions.name", "=", "hosted_attestations.name")
        .onRef("hosted_versions.version", "=", "hosted_attestations.version"),
    )
    .select(["hosted_attestations.predicate_type", "hosted_attestations.digest"])
    .where("hosted_attestations.name", "=", name)
    .where("hosted_attestations.version", "=", version)
    .where("unpublished_at_ms", "is", null)
    .orderBy("hosted_attestations.digest")
    .execute();
}

export async function addFetch(transaction: Transaction, row: Tables["hosted_fetches"]): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("hosted_fetches")
    .values(row)
    .onConflict((conflict) => conflict.columns(["name", "version"]).doNothing())
    .execute();
}

/** Versions that somebody else than their publisher got. */
export async function fetchedVersions(reader: Reader, name: PackageName): Promise<ReadonlySet<string>> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("hosted_fetches")
    .select("version")
    .where("name", "=", name)
    .execute();
  return new Set(rows.map(({ version }) => version));
}
