import { AssayError, isAssayError, type WitnessedBy } from "@assay/core";
import { checkFresh, quorumTime, type FollowPolicy } from "./follow/policy.ts";
import type { SignedCheckpoint } from "./follow/signed-checkpoint.ts";
import type { TileDeps } from "./follow/tile-chain.ts";
import { createProvenTree } from "./follow/tree.ts";

/**
 * How old a checkpoint is. By `witnesses`: their clocks say when it was the newest that they knew. By `records`: it
 * holds a record that the log dated so; the log's own word, and a quiet log looks old by it.
 */
export interface CheckpointAge {
  /** Whole seconds, never negative. */
  readonly seconds: number;
  readonly by: "witnesses" | "records";
}

/** What is known of a checkpoint's time without fetching anything. */
export interface TimesKnown {
  readonly cosignatures: readonly WitnessedBy[];
  /** Seconds since 1970 of records that are proven to be in its tree. */
  readonly recordTimes: readonly number[];
  /** Its shard is signed to its end: it gets no younger, and no age is too old. */
  readonly hasEnded: boolean;
}

/**
 * The age of a checkpoint; undefined when nothing tells it. Where the policy has a limit, a checkpoint that is older
 * throws LOG_REFUSED (`stalled`) where a quorum vouches for its time, else BAD_FORMAT. Without witnesses the records
 * decide: those at hand first, then the last one of the tree, read through `tiles` (undefined: offline).
 */
export async function checkAge(
  deps: { readonly policy: FollowPolicy; readonly nowSeconds: number; readonly tiles: TileDeps | undefined },
  signed: SignedCheckpoint,
  known: TimesKnown,
): Promise<CheckpointAge | undefined> {
  const { policy, nowSeconds, tiles } = deps;
  const { witnesses } = policy;
  const maxAgeSeconds = known.hasEnded ? undefined : policy.maxAgeSeconds;
  const age = (time: number, by: CheckpointAge["by"]) => ({ seconds: Math.max(0, nowSeconds - time), by });
  const cosigned = known.cosignatures.length === 0 ? undefined : quorumTime(witnesses, known.cosignatures);
  await checkFresh({ witnesses, maxAgeSeconds }, signed, nowSeconds);
  if (cosigned !== undefined) return within(maxAgeSeconds, signed, age(cosigned, "witnesses"));
  const [newest] = known.recordTimes.toSorted((a, b) => b - a);
  const here = newest === undefined ? undefined : age(newest, "records");
  if (maxAgeSeconds === undefined || (here !== undefined && here.seconds <= maxAgeSeconds)) return here;
  const last = tiles === undefined ? undefined : await lastRecordTime(tiles, signed);
  return within(maxAgeSeconds, signed, last === undefined ? here : age(last, "records"));
}

function within(
  maxAgeSeconds: number | undefined,
  { log, checkpoint }: SignedCheckpoint,
  age: CheckpointAge | undefined,
): CheckpointAge | undefined {
  if (maxAgeSeconds === undefined) return age;
  if (age !== undefined && age.seconds <= maxAgeSeconds) return age;
  const known =
    age === undefined
      ? "nothing tells the age of"
      : age.by === "witnesses"
        ? `its witnesses saw ${age.seconds} s ago`
        : `the newest record known is ${age.seconds} s old in`;
  const reason = `${known} its checkpoint of ${checkpoint.size} entries, and at most ${maxAgeSeconds} s are allowed; without cosignatures a quiet log cannot be told from a stalled one`;
  throw new AssayError("BAD_FORMAT", { what: `The checkpoint of ${log.origin}`, reason });
}

/** What the log says of its last entry; undefined where that cannot be read. */
async function lastRecordTime(tiles: TileDeps, signed: SignedCheckpoint): Promise<number | undefined> {
  const { size } = signed.checkpoint;
  if (size === 0) return undefined;
  try {
    const { record } = await createProvenTree(tiles, signed).readRecord(size - 1);
    return record.kind === "unknown" ? undefined : record.time;
  } catch (error) {
    // The entries of a private log may not be for everybody; then nothing more is known.
    if (isAssayError(error, "LOG_UNAVAILABLE") || isAssayError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
