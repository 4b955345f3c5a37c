/** What happens to approvals, for the audit trail. */
import type { Transaction } from "../../platform/database/database.ts";
import type { Act, Events } from "../../platform/events/events.ts";
import type { Principal } from "../principal.ts";
import type { Approval } from "./approvals.ts";

export async function noteApproval(
  { events }: { readonly events: Events },
  transaction: Transaction,
  what: "requested" | "given" | "rejected" | "done",
  approval: Approval,
  principal: Principal,
): Promise<void> {
  const act: Act = {
    who: principal.id,
    address: principal.address,
    action: what === "requested" ? approval.kind : "approve",
    policy: "",
    result: "done",
    organisation: approval.organisation,
  };
  await events.record(transaction, { kind: `approval.${what}`, ...told(approval, principal.id), act });
}

/** Nobody decided in time, or what it is about is gone. */
export async function noteExpired(
  { events }: { readonly events: Events },
  transaction: Transaction,
  approval: Approval,
): Promise<void> {
  await events.record(transaction, { kind: "approval.expired", ...told(approval, null) });
}

function told({ id, kind, subject, digest, organisation }: Approval, by: string | null) {
  return { subject, data: { approval: id, operation: kind, digest, by, organisation: organisation ?? null } };
}
