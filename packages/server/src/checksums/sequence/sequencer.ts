import { decodeEdge, isAssayError } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { CheckpointSigner } from "../../signing/signing.ts";
import { headOf, raiseFence } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { allowSignature } from "./allow-signature.ts";
import { assign } from "./assign.ts";
import { signCheckpoint } from "./sign.ts";
import { fenced } from "./steps.ts";
import type { SequenceDependencies, SequencerHead } from "./steps.ts";
import { storeTiles } from "./store-tiles.ts";
import { swap } from "./swap.ts";

/** Turns the claims of one shard into signed log entries, one commit after the other. */
export interface Sequencer {
  /** The fence of the last `takeOver`. */
  readonly fence: number;
  /**
   * Becomes the shard's only sequencer: whoever was it before fails at its next step. `allow` runs in the same
   * transaction, and may throw.
   */
  takeOver(allow?: (transaction: Transaction) => Promise<void>): Promise<void>;
  /**
   * One commit: assign → tiles → guard → sign → swap → publish (to the witnesses, where there are any). Answers how many entries it made public (none when it
   * signed the empty log), or "idle" when nothing waited. What a crashed or replaced sequencer left assigned is
   * finished first, by the same steps.
   *
   * Throws LOG_FENCED when another one took over, LOG_GUARD when signing would fork the log; any other error may
   * pass, and the next call starts from the stored state. Never run two at once.
   */
  commit(): Promise<number | "idle">;
}

export function createSequencer(deps: SequenceDependencies, shard: Shard, signer: CheckpointSigner): Sequencer {
  const { instruments } = deps;
  let fence = 0;
  // Undefined after an error: what was done and what was not is read again from the rows.
  let known: SequencerHead | undefined;

  async function load(): Promise<SequencerHead> {
    const row = await headOf(deps.database.read, shard.id);
    if (row === undefined || row.fence !== fence) throw fenced(shard.id);
    return { ...row, edge: decodeEdge(row.edge) };
  }

  return {
    get fence() {
      return fence;
    },

    async takeOver(allow = async () => {}) {
      known = undefined;
      fence = await deps.database.write(async (transaction) => {
        await allow(transaction);
        return await raiseFence(transaction, shard.id);
      });
    },

    async commit() {
      const startedMs = deps.clock.monotonicMs();
      const head = known ?? (await load());
      known = undefined;
      await deps.crashPoint("before-assign");
      const isFinished = head.assignedSize === head.size && head.note !== undefined;
      const assigned = isFinished ? await assign(deps, shard, head) : head;
      if (isFinished && assigned.assignedSize === head.size) {
        known = head;
        return "idle";
      }
      await deps.crashPoint("assigned");
      const tree = await storeTiles(deps, shard, assigned);
      await deps.crashPoint("tiles-stored");
      await allowSignature(deps, shard, assigned, tree);
      await deps.crashPoint("guarded-in-file");
      const note = await signCheckpoint(signer, tree);
      await deps.crashPoint("signed");
      const swapped = await swap(deps, shard, assigned, { ...tree, note });
      await deps.crashPoint("swapped");
      deps.signed.publish(shard.id, { ...tree, note });
      await deps.crashPoint("published");
      known = swapped;
      instruments.size.set(swapped.size, { shard: shard.id });
      instruments.commitSeconds.observe((deps.clock.monotonicMs() - startedMs) / 1000);
      return swapped.size - head.size;
    },
  };
}

/** Whether a sequencer that failed with this error must stop, rather than try again. */
export function isFinal(error: unknown): boolean {
  return isAssayError(error, "LOG_FENCED") || isAssayError(error, "LOG_GUARD");
}
