import { refused } from "./evidence.ts";
import type { SignedCheckpoint } from "./signed-checkpoint.ts";

/** Judges the cosignatures of a checkpoint by a witness policy (c2sp.org/tlog-policy). */
export interface WitnessJudge {
  /** The policy's text, for evidence. */
  readonly text: string;

  /**
   * Whether the cosignatures satisfy the policy, and since when: the time (whole seconds since 1970) by which
   * enough witnesses had signed. `reason` completes "…, which its checkpoint does not satisfy: …".
   */
  judge(
    note: string,
  ): Promise<
    { readonly satisfied: true; readonly timeSeconds: number } | { readonly satisfied: false; readonly reason: string }
  >;
}

/** What a checkpoint must be besides signed. */
export interface FollowPolicy {
  /** Undefined: no cosignature is asked for. */
  readonly witnesses: WitnessJudge | undefined;
  /** Oldest age of the newest checkpoint, by its witnesses' clocks; needs `witnesses`, for a log's own clock proves nothing. */
  readonly maxAgeSeconds: number | undefined;
}

/** A signed checkpoint is all that is asked for. */
export const anyCheckpoint: FollowPolicy = { witnesses: undefined, maxAgeSeconds: undefined };

/** Throws LOG_REFUSED (`unwitnessed`) unless the cosignatures satisfy the policy. */
export async function checkWitnessed(policy: FollowPolicy, signed: SignedCheckpoint): Promise<void> {
  const { witnesses } = policy;
  if (witnesses === undefined) return;
  const verdict = await witnesses.judge(signed.note);
  if (verdict.satisfied) return;
  const reason = `its checkpoint of ${signed.checkpoint.size} entries does not satisfy the witness policy: ${verdict.reason}`;
  throw refused("unwitnessed", signed.log, reason, { note: signed.note, policy: witnesses.text });
}

/** Throws LOG_REFUSED (`stalled`) when the newest checkpoint is older than the policy allows. */
export async function checkFresh(policy: FollowPolicy, newest: SignedCheckpoint, nowSeconds: number): Promise<void> {
  const { witnesses, maxAgeSeconds } = policy;
  if (witnesses === undefined || maxAgeSeconds === undefined) return;
  const verdict = await witnesses.judge(newest.note);
  const time = verdict.satisfied ? verdict.timeSeconds : undefined;
  if (time !== undefined && nowSeconds - time <= maxAgeSeconds) return;
  const age = time === undefined ? "no time at all" : `an age of ${nowSeconds - time} s`;
  const reason = `its newest checkpoint (${newest.checkpoint.size} entries) has ${age} by its witnesses' clocks, and at most ${maxAgeSeconds} s are allowed; it has stalled, or somebody withholds what is newer`;
  throw refused("stalled", newest.log, reason, {
    note: newest.note,
    policy: witnesses.text,
    maxAgeSeconds: String(maxAgeSeconds),
    observedAt: String(nowSeconds),
  });
}
