import type { ApprovalRule } from "../../config/config.ts";

/** The rule for an operation: the organisation's before the one for all. */
export function ruleFor(
  rules: readonly ApprovalRule[],
  operation: ApprovalRule["operation"],
  organisation: string | undefined,
): ApprovalRule | undefined {
  const own = rules.filter((rule) => rule.operation === operation);
  return (
    own.find((rule) => rule.organisation !== undefined && rule.organisation === organisation) ??
    own.find((rule) => rule.organisation === undefined)
  );
}
