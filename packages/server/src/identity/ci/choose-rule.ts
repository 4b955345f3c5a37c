import { AssayError } from "@assay/core";
import type { CiIdentity } from "./identity-claims.ts";
import { isRelated, mismatchOf, pinMismatch, weaknesses, type TrustRule, type TrustSubject } from "./rules.ts";

export interface ChooseRuleOptions {
  readonly openRules: "warn" | "forbid";
  /** Whether anybody may know that there are rules, and what of the token does not fit them. */
  readonly isOpen: boolean;
}

/**
 * The rule by which a verified run may act; of several the one that allows most. Throws TRUST_REFUSED with what does not
 * fit, for what anybody may read and for runs of a rule's own repository; else TRUST_MISSING, the same as where there
 * is no rule and where nothing exists.
 */
export function chooseRule(
  rules: readonly TrustRule[],
  issuer: string,
  identity: CiIdentity,
  subject: TrustSubject,
  { openRules, isOpen }: ChooseRuleOptions,
): TrustRule {
  const what = subject.kind === "package" ? subject.name : `The organisation ${subject.name}`;
  const ofIssuer = rules.filter((rule) => rule.issuer === issuer);
  const reasons: string[] = [];
  const fitting = ofIssuer.filter((rule) => {
    const reason = hindrance(rule, identity, openRules);
    if (reason !== undefined && (isOpen || isRelated(rule, identity))) reasons.push(`rule ${rule.id}: ${reason}`);
    return reason === undefined;
  });
  const best = fitting.find(({ permissions }) => permissions.includes("createPackage")) ?? fitting[0];
  if (best !== undefined) return best;
  if (reasons.length > 0) throw new AssayError("TRUST_REFUSED", { what, reason: shorten(reasons) });
  throw new AssayError("TRUST_MISSING", { what, identity: identity.name });
}

function hindrance(rule: TrustRule, identity: CiIdentity, openRules: "warn" | "forbid"): string | undefined {
  const weak = openRules === "forbid" && weaknesses(rule.claims, rule.subject.kind).length > 0;
  return (
    mismatchOf(rule, identity) ??
    pinMismatch(rule, identity) ??
    (weak ? "it is open, which this registry forbids; make it anew with a workflow file and an environment" : undefined)
  );
}

/** A sentence holds only so much. */
function shorten(reasons: readonly string[]): string {
  const shown = reasons.slice(0, 2).join("; ");
  return reasons.length > 2 ? `${shown}; and ${reasons.length - 2} more` : shown;
}
