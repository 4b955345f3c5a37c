/** An organisation's policies as its administrators see and save them. */
import { AssayError } from "@assay/core";
import type { Gate } from "../approvals/gate.ts";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import { policyDigest, type OrganisationPolicies } from "./organisation-policies.ts";
import type { Permissions } from "./permissions.ts";
import { policyOperation } from "./waiting-policies.ts";

export interface PolicyCaller {
  readonly principal: Principal;
  readonly base: string;
  /** Returns when a person has just proven to be there. */
  readonly confirm: (operation: { readonly what: string; readonly exactly: string }) => Promise<void>;
}

export interface ChangePoliciesDeps {
  readonly permissions: Pick<Permissions, "require" | "decide">;
  readonly names: Pick<HostedNames, "organisation">;
  readonly organisationPolicies: OrganisationPolicies;
  readonly gate: Gate;
}

async function admit(
  { permissions, names }: ChangePoliciesDeps,
  principal: Principal,
  organisation: string,
): Promise<string> {
  const policy = await permissions.require(principal, "administer", { kind: "organisation", name: organisation });
  if (names.organisation(organisation) === undefined)
    throw new AssayError("NOT_FOUND", { what: `The organisation ${organisation}` });
  return policy;
}

/** Throws as `Permissions.require` does for who may not administer it. */
export async function showPolicies(
  deps: ChangePoliciesDeps,
  principal: Principal,
  organisation: string,
): ReturnType<OrganisationPolicies["find"]> {
  await admit(deps, principal, organisation);
  return await deps.organisationPolicies.find(organisation);
}

/**
 * Saves a text over the one of a revision; an empty one takes the policies away. Answers the new revision. Throws
 * BAD_REQUEST with the line, CONFLICT, OTP_REQUIRED, NEEDS_APPROVAL.
 */
export async function changePolicies(
  deps: ChangePoliciesDeps,
  { principal, base, confirm }: PolicyCaller,
  wanted: { readonly organisation: string; readonly text: string; readonly revision: number },
): Promise<number> {
  const { organisation, text, revision } = wanted;
  const policy = await admit(deps, principal, organisation);
  const checked = await deps.organisationPolicies.check(organisation, text, principal);
  await confirm({
    what: `save the policies of ${organisation}`,
    exactly: `save policies ${organisation} ${policyDigest(text)} over ${revision}`,
  });
  const saver = { id: principal.id, address: principal.address, policy };
  await deps.gate.pass({ principal, base }, policyOperation(deps.organisationPolicies, saver, checked, revision));
  return await deps.organisationPolicies.save(saver, checked, revision);
}
