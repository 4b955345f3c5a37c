import { AssayError, epochMs } from "@assay/core";
import type { ApprovalRule } from "../../config/config.ts";
import type { Random } from "../../platform/random.ts";
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalHandler, Approvals } from "./approvals.ts";
import { countingVotes } from "./count.ts";
import { listApprovals } from "./list.ts";
import { noteApproval, noteExpired } from "./note.ts";
import { ruleFor } from "./rules.ts";
import { hindranceOf, maySee } from "./sight.ts";
import {
  addApproval,
  countWaiting,
  endApproval,
  readApproval,
  readApprovals,
  readOverdue,
  type ApprovalPlace,
} from "./store.ts";
import { castVote, type VoteDeps } from "./vote.ts";

export interface ApprovalsDeps extends Omit<VoteDeps, "handlerOf"> {
  readonly random: Random;
  /** By kind; asked for late, because those who carry things out stand above this room. */
  readonly handlers: () => Readonly<Record<string, ApprovalHandler>>;
}

export interface ApprovalsOptions {
  /** What nobody decides on ends after this. */
  readonly expiresAfterMs: number;
  readonly rules: readonly ApprovalRule[];
}

const overdueEveryMs = 60_000;
/** How many of those that wait are looked after in one round. */
const mostLookedAfter = 200;
/** Of one requester: nobody buries what others ask for. */
const mostWaiting = 100;

/** Approvals as rows. */
export function createApprovals(deps: ApprovalsDeps, { expiresAfterMs, rules }: ApprovalsOptions): Approvals {
  const { database, clock, random, telemetry } = deps;

  async function look(
    principal: Principal,
    id: string,
  ): Promise<{ readonly approval: Approval; readonly payload: unknown }> {
    const found = await readApproval(database.read, id);
    if (found === undefined || !(await maySee(deps, principal, found.approval)))
      throw new AssayError("NOT_FOUND", { what: "The approval" });
    return found;
  }

  function handlerOf({ kind }: Pick<Approval, "kind">): ApprovalHandler {
    const handler = deps.handlers()[kind];
    if (handler === undefined) throw new Error(`nothing here carries out an approval of kind ${kind}`);
    return handler;
  }
  const voting: VoteDeps = { ...deps, handlerOf };

  async function endUndecided(id: string): Promise<void> {
    await database.write(async (transaction) => {
      const found = await readApproval(transaction, id);
      if (found === undefined || !(await endApproval(transaction, id, "expired", clock.now()))) return;
      await handlerOf(found.approval).drop(transaction, { ...found, rejecter: undefined });
      await noteExpired(deps, transaction, found.approval);
    });
  }

  /** One that cannot be ended must not keep the others. */
  async function endAll(ids: readonly string[], isOver: (id: string) => Promise<boolean>): Promise<void> {
    for (const id of ids) {
      try {
        if (await isOver(id)) await endUndecided(id);
      } catch (error) {
        telemetry.log.error("an approval that is over cannot be ended", { "approval.id": id, error });
      }
    }
  }

  async function isPointless(id: string): Promise<boolean> {
    const found = await readApproval(database.read, id);
    return found !== undefined && ((await handlerOf(found.approval).isPointless?.(found.payload)) ?? false);
  }

  /** Goes through all that wait, some at a time; answers where it goes on. */
  async function endPointless(before: ApprovalPlace | undefined): Promise<ApprovalPlace | undefined> {
    const waiting = await readApprovals(database.read, { state: "waiting", before, limit: mostLookedAfter });
    await endAll(
      waiting.map(({ id }) => id),
      isPointless,
    );
    return waiting.length < mostLookedAfter ? undefined : waiting.at(-1);
  }

  return {
    ruleFor: (operation, organisation) => ruleFor(rules, operation, organisation),
    async request(transaction, { payload, requester, needed, approvers, ...wanted }) {
      if (!Number.isSafeInteger(needed) || needed < 1) throw new Error("an approval needs at least one person");
      const now = clock.now();
      const approval: Approval = {
        ...wanted,
        id: Buffer.from(random.bytes(16)).toString("hex"),
        requester: requester.id,
        requesterName: requester.name,
        needed,
        approvers,
        state: "waiting",
        requestedAtMs: now,
        expiresAtMs: epochMs(now + expiresAfterMs),
        decidedAtMs: undefined,
        votes: [],
      };
      handlerOf(approval);
      const id = await addApproval(transaction, approval, payload);
      if (id === approval.id && (await countWaiting(transaction, requester.id)) > mostWaiting)
        throw new AssayError("CONFLICT", {
          reason: `${mostWaiting} of your operations wait for approval already; take some back at /-/approvals`,
        });
      if (id === approval.id) await noteApproval(deps, transaction, "requested", approval, requester);
      return id;
    },
    async find(principal, id) {
      const { approval, payload } = await look(principal, id);
      const counting = await countingVotes(deps, approval);
      return { ...approval, counting, detail: deps.handlers()[approval.kind]?.detail?.(payload) };
    },
    hindrance: (principal, approval) => hindranceOf(deps, principal, approval),
    list: (principal, options) => listApprovals(deps, principal, options),
    approve: async (principal, id, decision) =>
      castVote(voting, (await look(principal, id)).approval, decision, { principal, verdict: "approve" }),
    reject: async (principal, id, decision) =>
      castVote(voting, (await look(principal, id)).approval, decision, { principal, verdict: "reject" }),
    async withdraw(transaction, id) {
      const found = await readApproval(transaction, id);
      if (found === undefined || !(await endApproval(transaction, id, "expired", clock.now()))) return;
      await noteExpired(deps, transaction, found.approval);
    },
    async run(signal) {
      let place: ApprovalPlace | undefined;
      while (!signal.aborted) {
        try {
          await endAll(await readOverdue(database.read, clock.now()), async () => true);
          place = await endPointless(place);
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("approvals whose time is over cannot be looked for", { "error.message": String(error) });
        }
        await clock.sleep(overdueEveryMs, signal).catch(() => undefined);
      }
    },
  };
}
