import type { HostedPackage } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { Operation } from "./step-ups.ts";

/**
 * What a second factor is needed for where a package says so (`publish_requires_tfa`), else as the account says
 * (`auth-and-writes`). A bot passes there only with `automation_token_overrides_tfa`. CI is not asked: its identity was
 * proven for this very package minutes ago.
 */
export function writeNeed(principal: Pick<Principal, "kind">, hosted: HostedPackage | undefined): Operation["need"] {
  const isExempt = principal.kind === "bot" && hosted?.automationOverridesTfa === true;
  return hosted?.publishRequiresTfa === true && !isExempt ? "enrolled" : "writes";
}

/**
 * The same for who may do what with a package, and for what it requires: to take the requirement away needs what it
 * requires, and automation passes for nothing.
 */
export function manageNeed(hosted: HostedPackage | undefined): Operation["need"] {
  return hosted?.publishRequiresTfa === true ? "enrolled" : "writes";
}
