import type { EpochMs } from "@assay/core";
import type { ApprovalRule } from "../../config/config.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";

export { createApprovals } from "./create-approvals.ts";
export { approvalMigrations } from "./migrations.ts";

/**
 * An operation that is carried out when enough people agree. It is fixed when it is asked for: its digest is what
 * people approve, and what is carried out is what they saw.
 */
export interface Approval {
  readonly id: string;
  /** Which handler carries it out: `publish`, `tag`, … */
  readonly kind: string;
  /** What it is about: `npm @acme/ui@1.2.0`. */
  readonly subject: string;
  /** One line for people. */
  readonly summary: string;
  /** Of the exact operation, such as the integrity of a staged tarball. */
  readonly digest: string;
  /** Who may `approve` on it may decide. */
  readonly resource: Resource;
  readonly organisation: string | undefined;
  readonly requester: string;
  readonly requesterName: string;
  readonly needed: number;
  /** User names, and teams as `organisation:team`, among whom approvers must be as well; undefined: the policies alone say. */
  readonly approvers: readonly string[] | undefined;
  readonly state: "waiting" | "done" | "rejected" | "expired";
  readonly requestedAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly decidedAtMs: EpochMs | undefined;
  readonly votes: readonly ApprovalVote[];
}

export interface ApprovalVote {
  readonly voter: string;
  readonly voterName: string;
  readonly verdict: "approve" | "reject";
  readonly reason: string;
  readonly atMs: EpochMs;
  /** For policies that look at it; undefined: of a vote that is older than this note. */
  readonly from: Pick<Principal, "via" | "address"> | undefined;
}

/** With those votes that count at this moment: approvals of people who may still decide on it. */
export interface CountedApproval extends Approval {
  readonly counting: readonly ApprovalVote[];
}

export interface NewApproval {
  readonly kind: string;
  readonly subject: string;
  readonly summary: string;
  readonly digest: string;
  readonly resource: Resource;
  readonly organisation: string | undefined;
  readonly requester: Principal;
  /** JSON, for the handler. */
  readonly payload: unknown;
  /** At least 1. */
  readonly needed: number;
  readonly approvers?: readonly string[] | undefined;
}

/** What a handler is told of the approval that it carries out. */
export interface Approved {
  /** With the vote that was the last one. */
  readonly approval: Approval;
  readonly payload: unknown;
  /** Whose vote was the last one. */
  readonly approver: Principal;
}

/** Carries out what was approved. */
export interface ApprovalHandler<Prepared = unknown> {
  /**
   * Before the transaction of a vote that is enough: all I/O besides the database (blobs made durable, archives read,
   * the requester's rights asked for again). It may run more than once, and what it made may be wanted by nobody, after
   * a crash as well: so it leaves only what is collected by itself. What it throws is told to the approver; no vote is kept then.
   */
  prepare?(approved: Approved): Promise<Prepared>;
  /**
   * In the transaction of the last approval, so once and never half: no other I/O. It may run more than once, as
   * `Database.write` says. What it throws undoes the approval and is told to the approver. What readers in this process
   * must hear of goes into `transaction.afterCommit`.
   */
  execute(transaction: Transaction, approved: Approved & { readonly prepared: Prepared }): Promise<void>;
  /**
   * After the commit, before the approver hears of it; a crash skips it. What it throws is logged, for the operation is
   * done.
   */
  after?(approved: Approved): Promise<void>;
  /** All that people must see of it besides the summary, as plain text. */
  detail?(payload: unknown): string;
  /** Whether what it is about is there no more, so that it can never be carried out: then it ends. Reads only. */
  isPointless?(payload: unknown): Promise<boolean>;
  /** In the transaction of a rejection or an end without one: puts away what waited. */
  drop(
    transaction: Transaction,
    dropped: {
      readonly approval: Approval;
      readonly payload: unknown;
      /** Undefined: nobody decided in time. */
      readonly rejecter: Principal | undefined;
    },
  ): Promise<void>;
}

export interface Decision {
  /** The digest that the person saw. */
  readonly digest: string;
  /** At most 1,000 characters; may be empty for an approval, and for who takes back what they asked for. */
  readonly reason: string;
  /**
   * Returns when the person has just proven to be there: `StepUps.require` with the request of the vote. Asked when
   * everything else is certain, before anything is prepared or written. `operation` is this very vote.
   */
  readonly confirm: (operation: { readonly what: string; readonly exactly: string }) => Promise<void>;
}

export interface ApprovalPage {
  /** Newest first. */
  readonly approvals: readonly Approval[];
  /** Where the next page begins; undefined: there is no more. A page may be short, or empty, and not be the last. */
  readonly next: string | undefined;
}

export interface Approvals {
  /** What the configuration asks for before a manual operation; undefined: nothing, it is done at once. */
  ruleFor(operation: ApprovalRule["operation"], organisation: string | undefined): ApprovalRule | undefined;
  /**
   * Asks for an approval, in the caller's transaction; answers its id. The same operation waits once: asked for again,
   * the id of the first.
   */
  request(transaction: Transaction, wanted: NewApproval): Promise<string>;
  /**
   * Who may decide on it, and who asked for it, see it; for others it is NOT_FOUND. `detail`: what its handler shows
   * besides the summary.
   */
  find(principal: Principal, id: string): Promise<CountedApproval & { readonly detail: string | undefined }>;
  /** Those that the principal may see, at most 50 a page. Throws BAD_REQUEST for an `after` that is no `next`. */
  list(
    principal: Principal,
    options: { readonly state?: Approval["state"] | undefined; readonly after?: string | undefined },
  ): Promise<ApprovalPage>;
  /** Whether the principal may decide on it now; undefined: yes, else why not, as the rest of a sentence. */
  hindrance(principal: Principal, approval: Approval): Promise<string | undefined>;
  /**
   * Approves. The last one that is needed carries the operation out. Throws FORBIDDEN for the requester, for who may not
   * approve, and for who voted before; CONFLICT when it does not wait any more or the digest is another; and what
   * `confirm` and the handler throw. A vote counts as long as its voter may decide: whoever lost account, role or team
   * since has approved nothing.
   */
  approve(principal: Principal, id: string, decision: Decision): Promise<CountedApproval>;
  /** Rejects: one is enough. Throws as `approve`, BAD_REQUEST without a reason; who asked may always take it back. */
  reject(principal: Principal, id: string, decision: Decision): Promise<CountedApproval>;
  /**
   * Ends one that waits as expired, in the transaction in which what it is about goes away; its handler is not told.
   * Nothing when it does not wait.
   */
  withdraw(transaction: Transaction, id: string): Promise<void>;
  /** Ends what nobody decided in time, and what can never be carried out; until aborted. */
  run(signal: AbortSignal): Promise<void>;
}
