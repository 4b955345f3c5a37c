import type { EpochMs, PackageName, Version } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { JsonObject } from "../publish/json.ts";
import { raiseRevision, readTags, readVersion } from "../store.ts";
import { claimHead } from "./claim-head.ts";

export interface DocumentDeps extends Pick<PublishingDeps, "listings"> {
  readonly checksums: Pick<PublishingDeps["checksums"], "claimHead">;
}

/**
 * What every change of a package's document ends with, in its transaction and behind its other claims: a new revision,
 * a head record, and search finds what `latest` says now.
 */
export async function documentChanged(
  deps: DocumentDeps,
  transaction: Transaction,
  name: PackageName,
  nowMs: EpochMs,
): Promise<void> {
  await raiseRevision(transaction, name, nowMs);
  await claimHead(deps, transaction, name, nowMs);
  await updateListing(deps, transaction, name, nowMs);
}

async function updateListing(
  { listings }: DocumentDeps,
  transaction: Transaction,
  name: PackageName,
  nowMs: number,
): Promise<void> {
  // A package with versions always has this tag.
  const latest = (await readTags(transaction, name)).find(({ tag }) => tag === "latest")?.version;
  const row = latest === undefined ? undefined : await readVersion(transaction, name, latest);
  if (row === undefined || row.unpublished_at_ms !== null) {
    await listings.gone(transaction, name);
    return;
  }
  const manifest = JSON.parse(row.manifest) as JsonObject;
  const { published_at_ms: dateMs } = row;
  await listings.listed(transaction, { name, version: row.version as Version, manifest, dateMs, updatedMs: nowMs });
}
