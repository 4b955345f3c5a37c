/** What happens to approvals, for the audit trail. */
import type { Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Principal } from "../principal.ts";
import type { Approval } from "./approvals.ts";

export async function noteApproval(
  { events }: { readonly events: Events },
  transaction: Transaction,
  what: "requested" | "given" | "rejected" | "done" | "expired",
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
      action: what === "requested" ? approval.kind : "approve",
      policy: "",
      result: "done",
      organisation: approval.organisation,
    },
  });
}
