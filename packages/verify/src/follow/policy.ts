import {
  formatPolicy,
  isAssayError,
  judgeQuorum,
  noWitnesses,
  openWitnessed,
  type WitnessPolicy,
  type WitnessedBy,
} from "@assay/core";
import { refused } from "./evidence.ts";
import type { SignedCheckpoint } from "./signed-checkpoint.ts";

/** What a checkpoint must be besides signed by its log. */
export interface FollowPolicy {
  /** Whose cosignatures are asked for; its `logs` are not used. */
  readonly witnesses: WitnessPolicy;
  /**
   * Oldest age of the newest checkpoint, by its witnesses' clocks. Without a quorum there is no clock to believe, and
   * it is not asked for.
   */
  readonly maxAgeSeconds: number | undefined;
}

/** A signed checkpoint is all that is asked for. */
export const anyCheckpoint: FollowPolicy = { witnesses: noWitnesses, maxAgeSeconds: undefined };

/** The policy as it stands in evidence. */
export function policyText(policy: WitnessPolicy): string {
  return formatPolicy({ ...policy, logs: [] });
}

/** Throws LOG_REFUSED (`unwitnessed`) unless the cosignatures satisfy the policy. */
export async function checkWitnessed(
  { witnesses }: Pick<FollowPolicy, "witnesses">,
  signed: SignedCheckpoint,
): Promise<void> {
  const { reason } = await quorumOf(witnesses, signed);
  if (reason === undefined) return;
  const sentence = `its checkpoint of ${signed.checkpoint.size} entries does not satisfy the witness policy: ${reason}`;
  throw refused("unwitnessed", signed.log, sentence, { note: signed.note, policy: policyText(witnesses) });
}

/** Throws LOG_REFUSED (`stalled`) when the newest checkpoint is older than the policy allows. */
export async function checkFresh(policy: FollowPolicy, newest: SignedCheckpoint, nowSeconds: number): Promise<void> {
  const { witnesses, maxAgeSeconds } = policy;
  if (maxAgeSeconds === undefined || witnesses.quorum === "none") return;
  const { cosignatures } = await quorumOf(witnesses, newest);
  const time = quorumTime(witnesses, cosignatures);
  if (time !== undefined && nowSeconds - time <= maxAgeSeconds) return;
  const age = time === undefined ? "no time that its witnesses vouch for" : `an age of ${nowSeconds - time} s`;
  const sentence = `its newest checkpoint (${newest.checkpoint.size} entries) has ${age} by its witnesses' clocks, and at most ${maxAgeSeconds} s are allowed; it has stalled, or somebody withholds what is newer`;
  throw refused("stalled", newest.log, sentence, {
    note: newest.note,
    policy: policyText(witnesses),
    maxAgeSeconds: String(maxAgeSeconds),
    observedAt: String(nowSeconds),
  });
}

/** Whether a quorum cosigned the one later than the other; false when no quorum is asked for. */
export async function isFresher(
  { witnesses }: FollowPolicy,
  one: SignedCheckpoint,
  other: SignedCheckpoint,
): Promise<boolean> {
  const timeOf = async (signed: SignedCheckpoint): Promise<number> =>
    quorumTime(witnesses, (await quorumOf(witnesses, signed)).cosignatures) ?? 0;
  return witnesses.quorum !== "none" && (await timeOf(one)) > (await timeOf(other));
}

/** The latest time at or after which a whole quorum had cosigned; undefined when none has. */
export function quorumTime(policy: WitnessPolicy, cosignatures: readonly WitnessedBy[]): number | undefined {
  const times = cosignatures.map(({ timeSeconds }) => timeSeconds).toSorted((a, b) => b - a);
  return times.find((time) => {
    const since = cosignatures.filter(({ timeSeconds }) => timeSeconds >= time);
    return judgeQuorum(policy, new Set(since.map(({ witness }) => witness))).met;
  });
}

/** The cosignatures that are good, and why they are not enough; `reason` is undefined when they are. */
export async function quorumOf(
  policy: WitnessPolicy,
  { log, note }: SignedCheckpoint,
): Promise<{ readonly cosignatures: readonly WitnessedBy[]; readonly reason: string | undefined }> {
  if (policy.witnesses.length === 0) return { cosignatures: [], reason: undefined };
  try {
    const logs = [{ vkey: log.vkey, url: undefined }];
    const { cosignatures, quorum } = await openWitnessed(note, { ...policy, logs });
    return { cosignatures, reason: quorum.met ? undefined : quorum.reason };
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    return { cosignatures: [], reason: error.details.reason };
  }
}
