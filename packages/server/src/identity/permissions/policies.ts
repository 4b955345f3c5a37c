/** Reading policies: text → policies with ids, held strictly against the schema. */
import type * as engineModule from "@cedar-policy/cedar-wasm/nodejs";

type Engine = typeof engineModule;

export interface Policy {
  /** Of the annotation `@id`; unique among all that are in force together. */
  readonly id: string;
  readonly effect: "permit" | "forbid";
  /** Of `@reason`: the rest of a sentence, for people who were refused. Every policy that forbids has one. */
  readonly reason: string | undefined;
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
  /** Whether it looks at the client's address. */
  readonly usesAddress: boolean;
  /** Whether it may say of two packages of one organisation and visibility not the same: looks at name or people. */
  readonly tellsPackages: boolean;
}

export interface PolicyProblem {
  readonly line: number;
  /** What is wrong, without a full stop. */
  readonly reason: string;
}

const longestText = 256 * 1024;
const mostPolicies = 500;
const idPattern = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const reasonPattern = /^[ -~]{1,200}$/;

/**
 * Reads a text of policies. With problems the policies must not be used. Refused besides what the validator refuses
 * (its warnings too): a policy without `@id`, a `forbid` without `@reason`, templates, and a `permit` that looks at the
 * context: how somebody came may only take away, else a token could do more than who made it.
 */
export function readPolicies(
  engine: Engine,
  schema: string,
  text: string,
): { readonly policies: readonly Policy[]; readonly problems: readonly PolicyProblem[] } {
  const lineAt = (byte: number): number => lineOf(Buffer.from(text, "utf8").subarray(0, byte));
  const refused = (line: number, reason: string) => ({ policies: [], problems: [{ line, reason }] });
  if (text.length > longestText) return refused(1, `it is longer than ${longestText} characters`);
  if (text.includes("\0")) return refused(1, "it holds a NUL");
  const parts = engine.policySetTextToParts(text);
  if (parts.type !== "success") {
    const problems = parts.errors.map((error) => ({
      line: lineAt(error.sourceLocations?.[0]?.start ?? 0),
      reason: inWords(error.message, error.sourceLocations?.[0]?.label),
    }));
    return { policies: [], problems };
  }
  if (parts.policy_templates.length > 0)
    return refused(
      lineOf(Buffer.from(text.slice(0, text.indexOf(parts.policy_templates[0] ?? "")))),
      "templates are not supported",
    );
  if (parts.policies.length > mostPolicies) return refused(1, `it holds more than ${mostPolicies} policies`);
  const problems = validatorProblems(engine, schema, text, lineAt);
  const policies = parts.policies
    .map((part) => readPolicy(engine, part, lineOf(Buffer.from(text.slice(0, Math.max(0, text.indexOf(part)))))))
    .toSorted((a, b) => a.policy.line - b.policy.line);
  const seen = new Set<string>();
  for (const { policy, problem } of policies) {
    if (problem !== undefined) problems.push({ line: policy.line, reason: problem });
    else if (seen.has(policy.id)) problems.push({ line: policy.line, reason: `two policies have the id ${policy.id}` });
    seen.add(policy.id);
  }
  return { policies: policies.map(({ policy }) => policy), problems };
}

function readPolicy(
  engine: Engine,
  text: string,
  line: number,
): { readonly policy: Policy; readonly problem: string | undefined } {
  const parsed = engine.policyToJson(text);
  if (parsed.type !== "success") throw new Error(`a policy that was parsed is malformed: ${parsed.errors[0]?.message}`);
  const { effect, conditions, annotations = {} } = parsed.json;
  const { id = "", reason } = annotations;
  const body = JSON.stringify(conditions);
  // The scope of the policy too. A principal's name counts as well: rather too often than not.
  const { annotations: _words, ...said } = parsed.json;
  const tellsPackages = /"(?:name|owners|readers|writers)"|"type":"Assay::Package"/.test(JSON.stringify(said));
  const policy = { id, effect, reason, text, line, usesAddress: body.includes('"address"'), tellsPackages };
  return { policy, problem: ownRule(policy, body) };
}

function ownRule({ id, effect, reason }: Policy, body: string): string | undefined {
  if (!idPattern.test(id))
    return `a policy needs a name before it, such as @id("team-reads"): 1 to 64 characters of a-z, 0-9, dot, dash and underscore`;
  if (effect === "forbid" && reason === undefined)
    return `policy ${id} forbids, so it needs a reason that people are told, such as @reason("releases come from CI only")`;
  if (reason !== undefined && !reasonPattern.test(reason))
    return `the reason of policy ${id} must be one line of 1 to 200 printable ASCII characters`;
  // The JSON form has no other way to say it, and strings in it cannot hold a quote that is not escaped.
  if (effect === "permit" && body.includes('{"Var":"context"}'))
    return `policy ${id} permits by looking at the context; only a policy that forbids may`;
  return undefined;
}

function validatorProblems(
  engine: Engine,
  schema: string,
  text: string,
  lineAt: (byte: number) => number,
): PolicyProblem[] {
  const answer = engine.validate({
    schema,
    policies: { staticPolicies: text },
    validationSettings: { mode: "strict" },
  });
  if (answer.type !== "success") return answer.errors.map(({ message }) => ({ line: 1, reason: inWords(message) }));
  return [
    ...[...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => ({
      line: lineAt(error.sourceLocations?.[0]?.start ?? 0),
      reason: inWords(error.message, error.help),
    })),
    ...answer.otherWarnings.map(({ message }) => ({ line: 1, reason: inWords(message) })),
  ];
}

/** The engine names policies by their place in the file; here the line does that. */
function inWords(message: string, help?: string | null): string {
  const plain = message.replace(/^for policy `policy\d+`, /, "").replace(/^failed to parse policies from string: /, "");
  return help === undefined || help === null || help === "" ? plain : `${plain} (${help})`;
}

function lineOf(before: Buffer): number {
  let line = 1;
  for (const byte of before) if (byte === 0x0a) line += 1;
  return line;
}
