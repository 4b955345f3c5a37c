/** Pages of approvals: SQL goes from place to place, permissions say who sees which. */
import { AssayError } from "@assay/core";
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalPage } from "./approvals.ts";
import { maySee, type SightDeps } from "./sight.ts";
import { readApprovals, type ApprovalPlace } from "./store.ts";
import type { Database } from "../../platform/database/database.ts";

const mostListed = 50;
const batchSize = 200;
/** Rows that one page looks at: who may see little of much gets short pages, and goes on. */
const mostLookedAt = 2000;
const placePattern = /^([0-9]{1,15})-([0-9a-f]{32})$/;

export async function listApprovals(
  deps: SightDeps & { readonly database: Database },
  principal: Principal,
  { state, after }: { readonly state?: Approval["state"] | undefined; readonly after?: string | undefined },
): Promise<ApprovalPage> {
  const approvals: Approval[] = [];
  let place = after === undefined ? undefined : parsePlace(after);
  for (let lookedAt = 0; lookedAt < mostLookedAt; lookedAt += batchSize) {
    const batch = await readApprovals(deps.database.read, { state, before: place, limit: batchSize });
    for (const approval of batch) {
      place = { requestedAtMs: approval.requestedAtMs, id: approval.id };
      if (!(await maySee(deps, principal, approval))) continue;
      approvals.push(approval);
      if (approvals.length === mostListed) return { approvals, next: placeText(place) };
    }
    if (batch.length < batchSize) return { approvals, next: undefined };
  }
  return { approvals, next: place && placeText(place) };
}

const placeText = ({ requestedAtMs, id }: ApprovalPlace): string => `${requestedAtMs}-${id}`;

function parsePlace(text: string): ApprovalPlace {
  const [, time, id] = placePattern.exec(text) ?? [];
  if (time === undefined || id === undefined)
    throw new AssayError("BAD_REQUEST", { reason: "`after` must be the `next` of a page" });
  return { requestedAtMs: Number(time), id };
}
