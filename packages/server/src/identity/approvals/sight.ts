/** Who sees an approval, and who may decide on it. */
import type { PermissionFacts, Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Approval } from "./approvals.ts";

export interface SightDeps {
  readonly permissions: Permissions;
  readonly facts: Pick<PermissionFacts, "holder">;
}

export function isRequester(principal: Principal, { requester }: Approval): boolean {
  return principal.kind !== "anonymous" && principal.id === requester;
}

export async function maySee({ permissions }: SightDeps, principal: Principal, approval: Approval): Promise<boolean> {
  return (
    isRequester(principal, approval) || (await permissions.decide(principal, "approve", approval.resource)).allowed
  );
}

/** Why the principal may not decide, and the policy that says so; undefined: it may. Who asked never may. */
export async function hindranceOf(
  { permissions, facts }: SightDeps,
  principal: Principal,
  approval: Approval,
): Promise<string | undefined> {
  if (principal.kind !== "person") return "only people approve";
  if (principal.id === approval.requester) return "somebody else than who asked must approve";
  const decision = await permissions.decide(principal, "approve", approval.resource);
  if (!decision.allowed)
    return `${decision.reason} (${decision.policy === undefined ? "no policy allows it" : `policy ${decision.policy}`})`;
  if (approval.approvers === undefined || approval.approvers.includes(principal.name)) return undefined;
  const { teams } = await facts.holder("person", principal.name);
  return teams.some(({ organisation, team }) => approval.approvers?.includes(`${organisation}:${team}`) === true)
    ? undefined
    : `approvers here are ${approval.approvers.join(", ")}`;
}
