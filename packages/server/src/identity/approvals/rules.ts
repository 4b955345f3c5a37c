/** What a person may be asked to have approved. */
export const manualOperations = ["publish", "tag", "unpublish", "owner", "policy", "trust", "upstream", "key"] as const;

export type ManualOperation = (typeof manualOperations)[number];

/** `unpublish in acme needs 2 by olga acme:release`. */
export interface ApprovalRule {
  readonly operation: ManualOperation;
  /** Undefined: everywhere. */
  readonly organisation: string | undefined;
  readonly needed: number;
  /** User names and `organisation:team`; undefined: who may approve by the policies. */
  readonly approvers: readonly string[] | undefined;
}

const form =
  /^(?<operation>[a-z]+)(?: in (?<organisation>[a-z0-9][a-z0-9._-]{0,213}))? needs (?<needed>[1-9][0-9]?)(?: by (?<approvers>[A-Za-z0-9@._:-]+(?: [A-Za-z0-9@._:-]+)*))?$/;

/** Undefined for a text that is none. */
export function parseApprovalRule(text: string): ApprovalRule | undefined {
  const { operation, organisation, needed, approvers } = form.exec(text)?.groups ?? {};
  const known = manualOperations.find((one) => one === operation);
  if (known === undefined || needed === undefined) return undefined;
  const named = approvers?.split(" ");
  // More than there are would never be met; of teams nobody can tell here.
  if (named !== undefined && !named.some((name) => name.includes(":")) && new Set(named).size < Number(needed))
    return undefined;
  return { operation: known, organisation, needed: Number(needed), approvers: named };
}

/** The rule for an operation: the organisation's before the one for all. */
export function ruleFor(
  rules: readonly ApprovalRule[],
  operation: ManualOperation,
  organisation: string | undefined,
): ApprovalRule | undefined {
  const own = rules.filter((rule) => rule.operation === operation);
  return (
    own.find((rule) => rule.organisation !== undefined && rule.organisation === organisation) ??
    own.find((rule) => rule.organisation === undefined)
  );
}
