import type { PackageName, Version } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { JsonObject } from "../publish/json.ts";
import { raiseRevision, readTags, readVersion } from "../store.ts";

/**
 * What every change of a package's document ends with, in its transaction: a new revision, and search finds what
 * `latest` says now.
 */
export async function documentChanged(
  { listings }: Pick<PublishingDeps, "listings">,
  transaction: Transaction,
  name: PackageName,
  nowMs: number,
): Promise<void> {
  await raiseRevision(transaction, name, nowMs);
  // A package with versions always has this tag.
  const latest = (await readTags(transaction, name)).find(({ tag }) => tag === "latest")?.version as
    | Version
    | undefined;
  const row = latest === undefined ? undefined : await readVersion(transaction, name, latest);
  if (row === undefined || latest === undefined || row.unpublished_at_ms !== null) {
    await listings.gone(transaction, name);
    return;
  }
  const manifest = JSON.parse(row.manifest) as JsonObject;
  const { published_at_ms: dateMs } = row;
  await listings.listed(transaction, { name, version: latest, manifest, dateMs, updatedMs: nowMs });
}
