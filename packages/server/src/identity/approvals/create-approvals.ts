import { AssayError, epochMs } from "@assay/core";
import type { ApprovalRule } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { PermissionFacts, Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalHandler, Approvals, ApprovalVote, Decision } from "./approvals.ts";
import { ruleFor } from "./rules.ts";
import { addApproval, addVote, endApproval, readApproval, readApprovals, readOverdue } from "./store.ts";

export interface ApprovalsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly telemetry: Pick<Telemetry, "log">;
  readonly permissions: Permissions;
  readonly facts: Pick<PermissionFacts, "holder">;
  /** Throws unless the principal gave a second factor lately. */
  readonly requireStepUp: (principal: Principal) => void | Promise<void>;
  /** By kind; asked for late, because those who carry things out stand above this room. */
  readonly handlers: () => Readonly<Record<string, ApprovalHandler>>;
}

export interface ApprovalsOptions {
  /** What nobody decides on ends after this. */
  readonly expiresAfterMs: number;
  readonly rules: readonly ApprovalRule[];
}

const overdueEveryMs = 60_000;
const mostListed = 200;
const longestReason = 1000;

/** Approvals as rows: a vote, and what follows from it, is one transaction, so nothing is carried out twice or half. */
export function createApprovals(deps: ApprovalsDeps, { expiresAfterMs, rules }: ApprovalsOptions): Approvals {
  const { database, clock, random, events, telemetry, permissions } = deps;

  /** Why the principal may not decide; undefined: it may. Who asked never may. */
  async function hindrance(principal: Principal, approval: Approval): Promise<string | undefined> {
    if (principal.kind !== "person") return "only people approve";
    if (principal.id === approval.requester) return "somebody else than who asked must approve";
    const decision = await permissions.decide(principal, "approve", approval.resource);
    if (!decision.allowed)
      return `${decision.reason} (${decision.policy === undefined ? "no policy allows it" : `policy ${decision.policy}`})`;
    if (approval.approvers === undefined) return undefined;
    if (approval.approvers.includes(principal.name)) return undefined;
    const { teams } = await deps.facts.holder("person", principal.name);
    return teams.some(({ organisation, team }) => approval.approvers?.includes(`${organisation}:${team}`) === true)
      ? undefined
      : `approvers here are ${approval.approvers.join(", ")}`;
  }

  const isRequester = (principal: Principal, { requester }: Approval): boolean =>
    principal.kind !== "anonymous" && principal.id === requester;

  async function maySee(principal: Principal, approval: Approval): Promise<boolean> {
    return (
      isRequester(principal, approval) || (await permissions.decide(principal, "approve", approval.resource)).allowed
    );
  }

  async function look(principal: Principal, id: string): Promise<Approval> {
    const found = await readApproval(database.read, id);
    if (found === undefined || !(await maySee(principal, found.approval)))
      throw new AssayError("NOT_FOUND", { what: "The approval" });
    return found.approval;
  }

  function handlerOf({ kind }: Approval): ApprovalHandler {
    const handler = deps.handlers()[kind];
    if (handler === undefined) throw new Error(`nothing here carries out an approval of kind ${kind}`);
    return handler;
  }

  async function note(
    transaction: Transaction,
    what: string,
    approval: Approval,
    principal?: Principal,
  ): Promise<void> {
    await events.record(transaction, {
      kind: `approval.${what}`,
      subject: approval.subject,
      data: {
        approval: approval.id,
        operation: approval.kind,
        digest: approval.digest,
        by: principal?.id ?? null,
        organisation: approval.organisation ?? null,
      },
      act: principal && {
        who: principal.id,
        address: principal.address,
        action: "approve",
        policy: "",
        result: "done",
        organisation: approval.organisation,
      },
    });
  }

  async function vote(
    principal: Principal,
    id: string,
    { digest, reason }: Decision,
    verdict: ApprovalVote["verdict"],
  ): Promise<Approval> {
    const seen = await look(principal, id);
    const takesBack = verdict === "reject" && isRequester(principal, seen);
    const hindered = takesBack ? undefined : await hindrance(principal, seen);
    if (hindered !== undefined) throw new AssayError("FORBIDDEN", { reason: hindered });
    if (digest !== seen.digest)
      throw new AssayError("CONFLICT", { reason: "the approval is for something else than what was shown" });
    if (reason.length > longestReason || (verdict === "reject" && reason.trim() === "" && !takesBack))
      throw new AssayError("BAD_REQUEST", { reason: `a reason of 1 to ${longestReason} characters is needed` });
    await deps.requireStepUp(principal);
    await database.write(async (transaction) => {
      // Again, inside: another vote may have ended it.
      const found = await readApproval(transaction, id);
      if (found === undefined || found.approval.state !== "waiting")
        throw new AssayError("CONFLICT", { reason: `the approval is ${found?.approval.state ?? "gone"} already` });
      const now = clock.now();
      if (found.approval.expiresAtMs <= now)
        throw new AssayError("CONFLICT", { reason: "the approval is expired already" });
      const own: ApprovalVote = {
        voter: principal.id,
        voterName: principal.name,
        verdict,
        reason: reason.trim(),
        atMs: now,
      };
      if (!(await addVote(transaction, id, own)))
        throw new AssayError("FORBIDDEN", { reason: "you have decided on this before" });
      const approval = { ...found.approval, votes: [...found.approval.votes, own] };
      if (verdict === "reject") {
        await endApproval(transaction, id, "rejected", now);
        await handlerOf(approval).drop(transaction, { approval, payload: found.payload });
        await note(transaction, "rejected", approval, principal);
        return;
      }
      await note(transaction, "given", approval, principal);
      if (approval.votes.length < approval.needed) return;
      await endApproval(transaction, id, "done", now);
      await handlerOf(approval).execute(transaction, { approval, payload: found.payload });
      await note(transaction, "done", approval);
    });
    const after = await readApproval(database.read, id);
    return after?.approval ?? seen;
  }

  async function endOverdue(): Promise<void> {
    for (const id of await readOverdue(database.read, clock.now())) {
      await database.write(async (transaction) => {
        const found = await readApproval(transaction, id);
        if (found === undefined || !(await endApproval(transaction, id, "expired", clock.now()))) return;
        await deps.handlers()[found.approval.kind]?.drop(transaction, found);
        await note(transaction, "expired", found.approval);
      });
    }
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
      if (id === approval.id) await note(transaction, "requested", approval, requester);
      return id;
    },
    find: look,
    async list(principal, state) {
      const seen: Approval[] = [];
      for (const approval of await readApprovals(database.read, { state, limit: 1000 }))
        if (seen.length < mostListed && (await maySee(principal, approval))) seen.push(approval);
      return seen;
    },
    approve: (principal, id, decision) => vote(principal, id, decision, "approve"),
    reject: (principal, id, decision) => vote(principal, id, decision, "reject"),
    async run(signal) {
      while (!signal.aborted) {
        try {
          await endOverdue();
          await clock.sleep(overdueEveryMs, signal);
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("cannot end approvals whose time is over", { "error.message": String(error) });
          await clock.sleep(overdueEveryMs, signal).catch(() => undefined);
        }
      }
    },
  };
}
