import { bundleDocument, logIndex, proveMany } from "@assay/core";
import type { BundleDocument } from "@assay/core";
import { evidenceFormat } from "@assay/verify";
import type { ProvenTree } from "@assay/verify";
import { sha256 } from "./audit-tables.ts";

/** The records at these indexes with one proof against the signed root: what a reader checks without asking anybody. */
export async function recordsInProof(tree: ProvenTree, indexes: readonly number[]): Promise<BundleDocument> {
  const { checkpoint, note } = tree.signed;
  const wanted = [...new Set(indexes)].toSorted((a, b) => a - b);
  const hashes = await proveMany(sha256, checkpoint.size, wanted, tree.hashes);
  const records = await Promise.all(
    wanted.map(async (index) => ({ index: logIndex(index), text: await entryText(tree, index) })),
  );
  return bundleDocument({ bundles: [{ origin: checkpoint.origin, checkpoint: note, records, hashes }], missing: [] });
}

/** An `assay-evidence/v1` of a version that one shard bound twice (docs/formats/evidence.md). */
export async function boundTwice(
  tree: ProvenTree,
  sentence: string,
  indexes: readonly [number, number],
): Promise<Readonly<Record<string, string>>> {
  const bundle = JSON.stringify(await recordsInProof(tree, indexes));
  return { format: evidenceFormat, kind: "bound-twice", vkey: tree.signed.log.vkey, sentence, bundle };
}

async function entryText(tree: ProvenTree, index: number): Promise<string> {
  const entries = await tree.readEntries(Math.floor(index / 256));
  return new TextDecoder().decode(entries[index % 256]);
}
