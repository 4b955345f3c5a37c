/** Saves of policies as values: so that they can wait for approval. */
import type { ApprovalHandler } from "../approvals/approvals.ts";
import type { ManualOperation } from "../approvals/gate.ts";
import {
  policyDigest,
  type CheckedPolicies,
  type OrganisationPolicies,
  type PolicySaver,
  type WaitingPolicies,
} from "./organisation-policies.ts";

/** Which handler carries it out. */
export const policyKind = "policy";

export function policyOperation(
  policies: OrganisationPolicies,
  saver: PolicySaver,
  checked: CheckedPolicies,
  revision: number,
): ManualOperation {
  const { organisation, text, count } = checked;
  const payload: WaitingPolicies = { organisation, text, revision };
  return {
    operation: "policy",
    kind: policyKind,
    subject: `policies of ${organisation}`,
    summary:
      text === ""
        ? `take the policies of ${organisation} away`
        : `put ${count === 1 ? "1 policy" : `${count} policies`} in force in ${organisation}, ${policyDigest(text)}`,
    resource: { kind: "organisation", name: organisation },
    organisation,
    payload,
    rehearse: (within) => policies.saveIn(within, saver, checked, revision),
  };
}

/** What carries out saves that were approved: checked once more, for facts may have changed. */
export function policyHandler(policies: () => OrganisationPolicies): ApprovalHandler<CheckedPolicies> {
  return {
    async prepare({ payload }) {
      const { organisation, text } = payload as WaitingPolicies;
      return await policies().check(organisation, text);
    },
    async execute(transaction, { approval, payload, approver, prepared }) {
      const saver = { id: approval.requester, address: approver.address, policy: "approved" };
      await policies().saveIn(transaction, saver, prepared, (payload as WaitingPolicies).revision);
    },
    after: () => policies().refresh(),
    detail: (payload) => (payload as WaitingPolicies).text,
    drop: async () => {},
  };
}
