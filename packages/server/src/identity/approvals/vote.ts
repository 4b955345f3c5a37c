/** One vote and what follows from it: one transaction, so nothing is carried out twice or half. */
import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalHandler, ApprovalVote, Approved, CountedApproval, Decision } from "./approvals.ts";
import { noteApproval } from "./note.ts";
import { countingVotes, type CountDeps } from "./count.ts";
import { hindranceOf, isRequester } from "./sight.ts";
import { addVote, endApproval, readApproval } from "./store.ts";

export interface VoteDeps extends CountDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly events: Events;
  readonly telemetry: Pick<Telemetry, "log">;
  readonly handlerOf: (approval: Approval) => ApprovalHandler;
}

interface Cast {
  readonly principal: Principal;
  readonly verdict: ApprovalVote["verdict"];
  readonly reason: string;
}

const longestReason = 1000;

/** Another vote came in between, so that this one is enough by now: it begins again, and prepares. */
class NotPrepared extends Error {}

/** `seen` is what the principal was shown, and may see. Answers the approval after the vote. */
export async function castVote(
  deps: VoteDeps,
  seen: Approval,
  { digest, reason, confirm }: Decision,
  { principal, verdict }: Pick<Cast, "principal" | "verdict">,
): Promise<CountedApproval> {
  const takesBack = verdict === "reject" && isRequester(principal, seen);
  const hindered = takesBack ? undefined : await hindranceOf(deps, principal, seen);
  if (hindered !== undefined) throw new AssayError("FORBIDDEN", { reason: hindered });
  if (digest !== seen.digest)
    throw new AssayError("CONFLICT", { reason: "the approval is for something else than what was shown" });
  if (reason.length > longestReason || (verdict === "reject" && reason.trim() === "" && !takesBack))
    throw new AssayError("BAD_REQUEST", { reason: `a reason of 1 to ${longestReason} characters is needed` });
  requireWaiting(deps, seen);
  await confirm({
    what: `${verdict} ${seen.kind} of ${seen.subject}`,
    exactly: `${verdict} approval ${seen.id} ${seen.digest}`,
  });
  const cast = { principal, verdict, reason: reason.trim() };
  for (;;) {
    try {
      return await voteOnce(deps, seen.id, cast);
    } catch (error) {
      if (!(error instanceof NotPrepared)) throw error;
    }
  }
}

async function voteOnce(deps: VoteDeps, id: string, cast: Cast): Promise<CountedApproval> {
  const found = await readApproval(deps.database.read, id);
  if (found === undefined) throw new AssayError("NOT_FOUND", { what: "The approval" });
  const { votes, needed } = found.approval;
  const counting = new Set((await countingVotes(deps, found.approval)).map(({ voter }) => voter));
  const lapsed = new Set(votes.map(({ voter }) => voter).filter((voter) => !counting.has(voter)));
  const isEnough = cast.verdict === "approve" && counting.size + 1 >= needed;
  const handler = deps.handlerOf(found.approval);
  if (isEnough && (await deps.standing(found.approval.requester)) === undefined)
    throw new AssayError("CONFLICT", {
      reason: `${found.approval.requesterName}, who asked for it, has no access any more; reject it`,
    });
  const ready = isEnough ? await prepare(deps, handler, found, cast) : undefined;
  const approved = await deps.database.write((transaction) => write(deps, transaction, id, { ...cast, lapsed }, ready));
  if (approved.isDone) await after(deps, handler, { ...approved, principal: cast.principal });
  const written = (await readApproval(deps.database.read, id))?.approval ?? approved.approval;
  return { ...written, counting: await countingVotes(deps, written) };
}

/** Inside, because another vote may have ended it. */
async function write(
  deps: VoteDeps,
  transaction: Transaction,
  id: string,
  { principal, verdict, reason, lapsed }: Cast & { readonly lapsed: ReadonlySet<string> },
  ready: { readonly prepared: unknown } | undefined,
): Promise<{ readonly approval: Approval; readonly payload: unknown; readonly isDone: boolean }> {
  const found = await readApproval(transaction, id);
  if (found === undefined) throw new AssayError("CONFLICT", { reason: "the approval is gone already" });
  const now = requireWaiting(deps, found.approval);
  const own = voteOf({ principal, verdict, reason }, now);
  if (!(await addVote(transaction, id, own)))
    throw new AssayError("FORBIDDEN", { reason: "you have decided on this before" });
  const approval = { ...found.approval, votes: [...found.approval.votes, own] };
  const { payload } = found;
  if (verdict === "reject") {
    await end(transaction, id, "rejected", now);
    await deps.handlerOf(approval).drop(transaction, { approval, payload, rejecter: principal });
    await noteApproval(deps, transaction, "rejected", approval, principal);
    return { approval, payload, isDone: false };
  }
  await noteApproval(deps, transaction, "given", approval, principal);
  const counted = approval.votes.filter(({ voter }) => !lapsed.has(voter)).length;
  if (counted < approval.needed) return { approval, payload, isDone: false };
  if (ready === undefined) throw new NotPrepared();
  await end(transaction, id, "done", now);
  const approved = { approval, payload, approver: principal, prepared: ready.prepared };
  await deps.handlerOf(approval).execute(transaction, approved);
  await noteApproval(deps, transaction, "done", approval, principal);
  return { approval, payload, isDone: true };
}

async function prepare(
  { clock }: VoteDeps,
  handler: ApprovalHandler,
  { approval, payload }: { readonly approval: Approval; readonly payload: unknown },
  cast: Cast,
): Promise<{ readonly prepared: unknown }> {
  const votes = [...approval.votes, voteOf(cast, clock.now())];
  const approved: Approved = { approval: { ...approval, votes }, payload, approver: cast.principal };
  return { prepared: await handler.prepare?.(approved) };
}

function voteOf({ principal, verdict, reason }: Cast, atMs: ApprovalVote["atMs"]): ApprovalVote {
  const { id: voter, name: voterName, via, address } = principal;
  return { voter, voterName, verdict, reason, atMs, from: { via, address } };
}

async function after(
  { telemetry }: VoteDeps,
  handler: ApprovalHandler,
  { approval, payload, principal }: Pick<Approved, "approval" | "payload"> & { readonly principal: Principal },
): Promise<void> {
  try {
    await handler.after?.({ approval, payload, approver: principal });
  } catch (error) {
    telemetry.log.error("what follows from an approval failed; the operation itself is done", {
      "approval.id": approval.id,
      error,
    });
  }
}

/** Answers the time. */
function requireWaiting(
  { clock }: Pick<VoteDeps, "clock">,
  { state, expiresAtMs }: Approval,
): ReturnType<Clock["now"]> {
  const now = clock.now();
  const ended = state === "waiting" && expiresAtMs <= now ? "expired" : state;
  if (ended !== "waiting") throw new AssayError("CONFLICT", { reason: `the approval is ${ended} already` });
  return now;
}

async function end(transaction: Transaction, id: string, state: "done" | "rejected", nowMs: number): Promise<void> {
  if (!(await endApproval(transaction, id, state, nowMs)))
    throw new AssayError("CONFLICT", { reason: "the approval has ended already" });
}
