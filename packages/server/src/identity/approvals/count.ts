/** Which votes count: somebody may have lost since what they approved by. */
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalVote } from "./approvals.ts";
import { hindranceOf, type SightDeps } from "./sight.ts";

export interface CountDeps extends SightDeps {
  /** The principal of this id as it is today; undefined: it has no access any more. */
  readonly standing: (id: string) => Promise<Principal | undefined>;
}

/**
 * The approvals of people who may still decide on it, from where and by what they did. Accounts, roles, teams and
 * policies are those of this moment. Of one that has ended all count.
 */
export async function countingVotes(deps: CountDeps, approval: Approval): Promise<readonly ApprovalVote[]> {
  const given = approval.votes.filter(({ verdict }) => verdict === "approve");
  if (approval.state !== "waiting") return given;
  const counting = await Promise.all(given.map(async (vote) => ((await mayStill(deps, vote, approval)) ? [vote] : [])));
  return counting.flat();
}

async function mayStill(deps: CountDeps, { voter, from, atMs }: ApprovalVote, approval: Approval): Promise<boolean> {
  const today = await deps.standing(voter);
  if (today === undefined) return false;
  const asThen = { ...today, via: from?.via ?? "session", address: from?.address ?? "", steppedUpAtMs: atMs } as const;
  return (await hindranceOf(deps, asThen, approval)) === undefined;
}
