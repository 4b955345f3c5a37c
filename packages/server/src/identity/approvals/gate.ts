import { createHash } from "node:crypto";
import { AssayError, canonicalJson, type PackageName } from "@assay/core";
import type { ApprovalRule } from "../../config/config.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Approvals } from "./approvals.ts";

/** An operation that somebody wants to do now, and that may have to wait. */
export interface ManualOperation {
  readonly operation: Exclude<ApprovalRule["operation"], "publish">;
  /** Of the handler that carries it out. */
  readonly kind: string;
  readonly subject: string;
  /** One line for people, complete: what is carried out is what they read. */
  readonly summary: string;
  readonly resource: Resource;
  readonly organisation: string | undefined;
  /** For the handler. Together with kind and subject it is the digest that people approve. */
  readonly payload: unknown;
  /** Does it, in a transaction that is undone: what could not be done is refused now, not after people have agreed. */
  readonly rehearse: (within: Transaction) => Promise<unknown>;
}

/** Stands before every manual operation, behind its permission and its step-up. */
export interface Gate {
  /** Returns when the operation may be done at once. Else it is asked for, and NEEDS_APPROVAL says where. */
  pass(asker: Asker, operation: ManualOperation): Promise<void>;
  /**
   * A publish by hand cannot wait in a request: where a rule says that people must approve it, throws FORBIDDEN with the
   * way through staging. What CI publishes is approved where its trust rule says `stage` alone.
   */
  passPublish(asker: Asker, name: PackageName, organisation: string | undefined): void;
}

/** Who wants it, and below which address it reaches us. */
export interface Asker {
  readonly principal: Principal;
  readonly base: string;
}
class Rehearsed extends Error {}

export function createGate({
  database,
  approvals,
}: {
  readonly database: Database;
  readonly approvals: Pick<Approvals, "ruleFor" | "request">;
}): Gate {
  return {
    async pass({ principal, base }, { operation, rehearse, ...wanted }) {
      const rule = approvals.ruleFor(operation, wanted.organisation);
      if (rule === undefined) return;
      await undone(database, rehearse);
      // As it will be read again: members that are undefined are none.
      const payload: unknown = JSON.parse(JSON.stringify(wanted.payload));
      const digest = digestOf({ kind: wanted.kind, subject: wanted.subject, payload });
      const approval = await database.write((transaction) =>
        approvals.request(transaction, {
          ...wanted,
          payload,
          digest,
          requester: principal,
          needed: rule.needed,
          approvers: rule.approvers,
        }),
      );
      throw new AssayError("NEEDS_APPROVAL", {
        what: `${operation} of ${wanted.subject}`,
        needed: rule.needed,
        approval,
        url: `${base}/-/approvals/${approval}`,
      });
    },
    passPublish({ principal }, name, organisation) {
      const rule = approvals.ruleFor("publish", organisation);
      if (rule === undefined || principal.kind === "ci") return;
      throw new AssayError("FORBIDDEN", {
        reason: `publishing ${name} needs the approval of ${rule.needed === 1 ? "1 person" : `${rule.needed} people`}; run npm stage publish instead, and they approve it with npm stage approve, or in a browser`,
      });
    },
  };
}

async function undone(database: Database, work: (within: Transaction) => Promise<unknown>): Promise<void> {
  try {
    await database.write(async (transaction) => {
      await work(transaction);
      throw new Rehearsed();
    });
  } catch (error) {
    if (!(error instanceof Rehearsed)) throw error;
  }
}

function digestOf(operation: unknown): string {
  return `sha256-${createHash("sha256").update(canonicalJson(operation), "utf8").digest("base64")}`;
}
