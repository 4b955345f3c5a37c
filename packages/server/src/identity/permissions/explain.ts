/** Why a question is decided as it is: for people who wonder. */
import type { EntityJson } from "./cedar.ts";
import type { Accounts } from "../people/accounts.ts";
import { anonymous } from "../principal.ts";
import { parseAction, parseWhat, parseWho, principalOf } from "./asked.ts";
import type { Permissions } from "./permissions.ts";
import type { PolicySets } from "./policy-sets.ts";
import { describeResource, makeQuestion, type QuestionDeps } from "./question.ts";

export interface Explanation {
  readonly who: string;
  readonly action: string;
  readonly what: string;
  readonly result: "allowed" | "refused" | "hidden";
  /** That decided; null: none allows it. */
  readonly policy: string | null;
  /** Why that policy is there, or what a refusal says. */
  readonly reason: string;
  readonly organisation: string | null;
  /** Ids of all that hold for the resource. */
  readonly inForce: readonly string[];
  /** What the policies looked at: Cedar's entities. */
  readonly facts: readonly EntityJson[];
}

export interface ExplainDeps extends QuestionDeps {
  readonly permissions: Pick<Permissions, "decide">;
  readonly policies: PolicySets;
  readonly accounts: Pick<Accounts, "find">;
}

/**
 * As people type it: `ada publish @acme/ui`. Whoever it is comes with a session of this machine that was not proven
 * lately, and without a token that takes away. Throws USAGE.
 */
export async function explain(
  deps: ExplainDeps,
  asked: { readonly who: string; readonly action: string; readonly what: string },
): Promise<Explanation> {
  const who = parseWho(asked.who);
  const [action, resource] = [parseAction(asked.action), parseWhat(asked.what)];
  const account = who.kind === "person" ? await deps.accounts.find(who.name) : undefined;
  const isAdmin = account?.kind === "person" && account.state === "active" && account.isAdmin;
  const principal = who.kind === "anonymous" ? anonymous("127.0.0.1") : principalOf(who, { isAdmin });
  const decision = await deps.permissions.decide(principal, action, resource);
  const { entities } = await makeQuestion(deps, principal, action, resource);
  const { organisation } = describeResource(deps.names, resource);
  const inForce = await deps.policies.inForce(organisation);
  return {
    ...asked,
    result: decision.allowed ? "allowed" : decision.isHidden ? "hidden" : "refused",
    policy: decision.policy ?? null,
    reason: decision.allowed
      ? (inForce.find(({ id }) => id === decision.policy)?.reason ?? `policy ${decision.policy} allows it`)
      : decision.reason,
    organisation: organisation ?? null,
    inForce: inForce.map(({ id }) => id),
    facts: entities,
  };
}
