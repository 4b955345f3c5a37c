import { packumentDigest, type EpochMs, type PackageName } from "@assay/core";
import type { Checksums } from "../../checksums/checksums.ts";
import type { Transaction } from "../../platform/database/database.ts";
import { readTags, readVersion, setDigest, versionDigests } from "../store.ts";
import { digestOfListed, sha256 } from "./version-digest.ts";

/** Claims what the package as a whole is now (docs/formats/packument-digest.md), where that is not what it was. */
export async function claimHead(
  { checksums }: { readonly checksums: Pick<Checksums, "claimHead"> },
  transaction: Transaction,
  name: PackageName,
  atMs: EpochMs,
): Promise<void> {
  const versions: Record<string, string> = {};
  const time: Record<string, string> = {};
  for (const { version, digest, published_at_ms } of await versionDigests(transaction, name)) {
    versions[version] = digest ?? (await makeDigest(transaction, name, version));
    time[version] = new Date(published_at_ms).toISOString();
  }
  const tags = (await readTags(transaction, name)).filter(({ version }) => Object.hasOwn(versions, version));
  const distTags = Object.fromEntries(tags.map(({ tag, version }) => [tag, version]));
  const packument = packumentDigest(sha256, { name, distTags, versions, time });
  await checksums.claimHead(transaction, { name, packument, atMs });
}

async function makeDigest(transaction: Transaction, name: PackageName, version: string): Promise<string> {
  const row = await readVersion(transaction, name, version);
  if (row === undefined) throw new Error(`${name}@${version} was there a moment ago`);
  const digest = digestOfListed(row.manifest, row.deprecated);
  await setDigest(transaction, name, version, digest);
  return digest;
}
