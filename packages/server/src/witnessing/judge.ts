import { equalBytes, isPossibleRoot, provenRoots } from "@assay/core";
import type { Checkpoint, Fork, Sha256 } from "@assay/core";

/** A signed checkpoint. */
export interface SignedTree extends Checkpoint {
  readonly note: string;
}

/** What a log asked, its signature verified. */
export interface Asked {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  readonly tree: SignedTree;
}

/** What this witness knows of the log. */
export interface Known {
  /** What it cosigned last. */
  readonly last: SignedTree | undefined;
  /** What it once cosigned at the size that is asked for now. */
  readonly atSize: SignedTree | undefined;
}

/** What follows, in the words of c2sp.org/tlog-witness. `fork` is proof against the log, whatever the answer is. */
export type Judgement =
  | { readonly outcome: "cosign" }
  /** 400 */
  | { readonly outcome: "malformed"; readonly reason: string }
  /** 409 with this size. */
  | { readonly outcome: "conflict"; readonly size: number; readonly fork: Fork | undefined }
  /** 422 */
  | { readonly outcome: "unproven"; readonly reason: string; readonly fork: Fork | undefined };

/**
 * Whether a checkpoint follows what was cosigned before. Pure.
 *
 * A proof that fails is no evidence: anybody may send one with a checkpoint that the log signed for somebody else. It
 * is, when it leads to the signed root from another root than was signed at the old size.
 */
export function judge(sha256: Sha256, known: Known, asked: Asked): Judgement {
  const { oldSize, proof, tree } = asked;
  const { last, atSize } = known;
  if (oldSize > tree.size)
    return { outcome: "malformed", reason: `the old size ${oldSize} is above the checkpoint's ${tree.size}` };
  const sameSize = [last, atSize].find((seen) => seen?.size === tree.size && !equalBytes(seen.root, tree.root));
  const fork: Fork | undefined = sameSize && {
    smaller: sameSize.note,
    larger: tree.note,
    root: tree.root,
    proof: [],
  };
  const lastSize = last?.size ?? 0;
  if (oldSize !== lastSize) return { outcome: "conflict", size: lastSize, fork };
  if (!isPossibleRoot(tree))
    return { outcome: "unproven", reason: "the root of an empty log is the SHA-256 of nothing", fork };
  if (fork !== undefined)
    return { outcome: "unproven", reason: `another root was signed at size ${tree.size} before`, fork };
  if (last === undefined || oldSize === 0)
    return proof.length === 0
      ? { outcome: "cosign" }
      : { outcome: "unproven", reason: "a proof from size 0 is empty", fork: undefined };

  const roots = provenRoots(sha256, { oldSize, oldRoot: last.root, newSize: tree.size, newRoot: tree.root, proof });
  if (roots === undefined || !equalBytes(roots.newRoot, tree.root))
    return { outcome: "unproven", reason: "the consistency proof is wrong", fork: undefined };
  if (equalBytes(roots.oldRoot, last.root)) return { outcome: "cosign" };
  return {
    outcome: "unproven",
    reason: `the first ${oldSize} entries are not those that were cosigned before`,
    fork: { smaller: last.note, larger: tree.note, root: roots.oldRoot, proof },
  };
}
