import { proveInclusion, type Sha256 } from "@assay/core";
import { evidenceOf, hashLines, type Evidence } from "./evidence.ts";
import type { LookedUp } from "./lookup.ts";

/** What a source served, as records say it. */
export interface ServedRelease {
  readonly source: string;
  readonly integrity: string;
  readonly tree: string;
  readonly manifest: string;
  /** Bytes of the tarball. */
  readonly size: number;
}

/** Where a record and what was served part, for a sentence. */
export interface Difference {
  readonly field: "integrity" | "tree" | "manifest" | "size";
  readonly bound: string;
  readonly served: string;
}

/** What of a release its record fixes; the weightiest first. */
const fields = ["integrity", "manifest", "tree", "size"] as const;

/** Where what was served is not what the record says; undefined when it is. */
export function differenceOf(
  record: Pick<LookedUp["record"], (typeof fields)[number]>,
  served: Pick<ServedRelease, (typeof fields)[number]>,
): Difference | undefined {
  const field = fields.find((each) => record[each] !== served[each]);
  return field && { field, bound: String(record[field]), served: String(served[field]) };
}

/** Evidence of kind `differs` for what `differenceOf` found: the log's half is proven, the other is the finder's word. */
export async function proveDifference(
  deps: { readonly sha256: Sha256 },
  { record, index, text, tree }: LookedUp,
  served: ServedRelease,
  difference: Difference,
): Promise<Evidence> {
  const { log, note, checkpoint } = tree.signed;
  const { name, version } = record;
  const sentence = `The log ${log.origin} binds ${name}@${version} to ${difference.field} ${difference.bound} (record ${index}); ${served.source} served ${difference.served}.`;
  const { source, integrity, manifest } = served;
  return evidenceOf("differs", log, sentence, {
    record: text,
    index: String(index),
    checkpoint: note,
    proof: hashLines(await proveInclusion(deps.sha256, checkpoint.size, index, tree.hashes)),
    source,
    integrity,
    tree: served.tree,
    manifest,
    size: String(served.size),
  });
}
