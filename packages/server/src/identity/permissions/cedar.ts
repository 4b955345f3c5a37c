/** Everything that touches the policy engine. It is loaded when it is first needed: it costs 30 ms and 40 MB. */
import { readFile } from "node:fs/promises";
import type { AuthorizationAnswer, EntityJson, StatefulAuthorizationCall } from "@cedar-policy/cedar-wasm/nodejs";
import { readPolicies, type Policy, type PolicyProblem } from "./policies.ts";

export type { EntityJson };

/** A question in the engine's words. */
export interface CedarQuestion {
  readonly principal: { readonly type: string; readonly id: string };
  readonly action: string;
  readonly resource: { readonly type: string; readonly id: string };
  readonly context: StatefulAuthorizationCall["context"];
  /** At least the principal and the resource. */
  readonly entities: readonly EntityJson[];
}

/** `failed`: the engine could not decide, so nothing is allowed. */
export type CedarAnswer =
  | {
      readonly outcome: "allow" | "deny";
      /** Ids of the policies that decided. */ readonly policies: readonly string[];
    }
  | { readonly outcome: "failed"; readonly reason: string };

export interface Cedar {
  /** Reads a file of policies and holds it against the schema. */
  read(text: string): { readonly policies: readonly Policy[]; readonly problems: readonly PolicyProblem[] };
  /** Puts a checked set into a slot, in place of what was there. The engine never forgets a slot: use few names again. */
  load(slot: string, policies: readonly Policy[]): void;
  /** Decides by the policies of a slot. Never throws. */
  ask(slot: string, question: CedarQuestion): CedarAnswer;
}

const schemaSlot = "assay";

/** Loads the engine. */
export async function loadCedar(): Promise<Cedar> {
  const [engine, schema] = await Promise.all([
    import("@cedar-policy/cedar-wasm/nodejs"),
    readFile(new URL("./assay.cedarschema", import.meta.url), "utf8"),
  ]);
  const parsed = engine.preparseSchema(schemaSlot, schema);
  if (parsed.type !== "success") throw new Error(`the schema of policies is malformed: ${parsed.errors[0]?.message}`);
  return {
    read: (text) => readPolicies(engine, schema, text),
    load(slot, policies) {
      const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
      const loaded = engine.preparsePolicySet(slot, { staticPolicies });
      if (loaded.type !== "success") throw new Error(`policies cannot be loaded: ${loaded.errors[0]?.message}`);
    },
    ask(slot, { principal, action, resource, context, entities }) {
      const has = ({ type, id }: { readonly type: string; readonly id: string }): boolean =>
        entities.some(({ uid }) => "id" in uid && uid.type === type && uid.id === id);
      // An entity that is not there counts as one without attributes: what forbids by them would be skipped.
      if (!has(principal) || !has(resource)) return { outcome: "failed", reason: "an entity is missing" };
      try {
        return judge(
          engine.statefulIsAuthorized({
            principal,
            action: { type: "Assay::Action", id: action },
            resource,
            context,
            entities: [...entities],
            preparsedPolicySetId: slot,
            preparsedSchemaName: schemaSlot,
            validateRequest: true,
          }),
        );
      } catch (error) {
        return { outcome: "failed", reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

/**
 * Allowed is only what the engine allows without a single error: a policy that forbids and cannot be evaluated is
 * skipped by it, and its `allow` is then worth nothing.
 */
function judge(answer: AuthorizationAnswer): CedarAnswer {
  if (answer.type !== "success") return { outcome: "failed", reason: answer.errors[0]?.message ?? "it gave no answer" };
  const { decision, diagnostics } = answer.response;
  const [error] = diagnostics.errors;
  if (error !== undefined) return { outcome: "failed", reason: `policy ${error.policyId}: ${error.error.message}` };
  return { outcome: decision === "allow" ? "allow" : "deny", policies: diagnostics.reason.toSorted() };
}
