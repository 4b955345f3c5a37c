import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { CiIssuerConfig } from "../../config/config.ts";
import type { CiIdentity } from "./identity-claims.ts";
import { said } from "./id-token.ts";
import { placeClaims, ruleFields, workflowClaims, type RuleField } from "./rule-fields.ts";

/** What a rule is about: publishing one package, or reading all of an organisation. */
export type TrustSubject =
  | { readonly kind: "package"; readonly name: PackageName }
  | { readonly kind: "organisation"; readonly name: string };

/** What a rule allows; npm's words, and `read` for organisations. */
export type TrustPermission = "createPackage" | "createStagedPackage" | "read";

/** Exactly this, a file's name, or a list. */
export type ClaimValue = string | { readonly file: string } | readonly string[];

/** What somebody asks for when they make a rule. */
export interface TrustRequest {
  readonly issuer: CiIssuerConfig;
  readonly claims: Readonly<Record<string, ClaimValue>>;
  readonly permissions: readonly TrustPermission[];
}

export interface TrustRule {
  /** A UUID. */
  readonly id: string;
  readonly subject: TrustSubject;
  /** Name of a configured issuer. */
  readonly issuer: string;
  readonly kind: CiIssuerConfig["kind"];
  readonly claims: TrustRequest["claims"];
  readonly permissions: readonly TrustPermission[];
  /** Numeric ids of who used it first; undefined: nobody yet. */
  readonly pins: Readonly<Record<string, string>> | undefined;
  readonly createdAtMs: number;
  /** Id of the principal. */
  readonly createdBy: string;
  readonly usedAtMs: number | undefined;
}

const allowedFor: { readonly [Kind in TrustSubject["kind"]]: readonly TrustPermission[] } = {
  package: ["createPackage", "createStagedPackage"],
  organisation: ["read"],
};

/**
 * Reads one member of the array that `npm trust` posts: `{type, claims, permissions}`, and `issuer` where one of
 * several of a kind is meant. Throws BAD_REQUEST with what is wrong and what is allowed.
 */
export function parseTrustRequest(
  issuers: readonly CiIssuerConfig[],
  subject: TrustSubject["kind"],
  value: unknown,
): TrustRequest {
  if (!isObject(value)) throw refuse("a trust rule must be an object with type, claims and permissions");
  const { type, issuer: named, claims, permissions, ...others } = value;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw refuse(`a trust rule has no ${said(unknown)}`);
  const issuer = issuers.find(({ kind, name }) => kind === type && (named === undefined || named === name));
  if (issuer === undefined) {
    const known = issuers.map(({ name, kind }) => (name === kind ? kind : `${kind} (issuer ${name})`)).join(", ");
    throw refuse(
      `no issuer of type ${said(type)}${named === undefined ? "" : ` is called ${said(named)}`}; known: ${known}`,
    );
  }
  if (!isObject(claims)) throw refuse("claims must be an object");
  const fields = ruleFields[issuer.kind];
  const foreign = Object.keys(claims).find((claim) => !fields.some((field) => field.claim === claim));
  if (foreign !== undefined)
    throw refuse(
      `rules for ${issuer.kind} know no claim ${said(foreign)}; known: ${fields.map(({ claim }) => claim).join(", ")}`,
    );
  return { issuer, claims: readClaims(fields, claims), permissions: readPermissions(subject, permissions) };
}

function readClaims(fields: readonly RuleField[], claims: Readonly<Record<string, unknown>>): TrustRequest["claims"] {
  const read: Record<string, ClaimValue> = {};
  for (const field of fields) {
    const value = claims[field.claim];
    if (value === undefined || value === null) {
      if (field.isRequired) throw refuse(`the claim ${field.claim} is missing, such as ${said(field.example)}`);
      continue;
    }
    const good = readClaim(field, value);
    if (good === undefined)
      throw refuse(`the claim ${field.claim} is ${said(value)}, but looks like ${said(field.example)}`);
    read[field.claim] = good;
  }
  return read;
}

function readClaim({ form, syntax }: RuleField, value: unknown): ClaimValue | undefined {
  if (form === "all") {
    const isGood = Array.isArray(value) && value.length > 0 && value.length <= 50;
    return isGood && value.every((one) => typeof one === "string" && syntax.test(one))
      ? (value as string[])
      : undefined;
  }
  if (form === "file" && isObject(value)) {
    const { file, ...others } = value;
    const isGood = typeof file === "string" && syntax.test(file) && Object.keys(others).length === 0;
    return isGood ? { file } : undefined;
  }
  if (typeof value !== "string") return undefined;
  if (form === "file") return /^[^\p{C}]{1,1024}$/u.test(value) ? value : undefined;
  // A lone star would only look like a condition.
  return syntax.test(value) && value !== "*" ? value : undefined;
}

function readPermissions(subject: TrustSubject["kind"], value: unknown): readonly TrustPermission[] {
  const allowed = allowedFor[subject];
  const chosen = Array.isArray(value) ? allowed.filter((one) => value.includes(one)) : [];
  if (!Array.isArray(value) || chosen.length === 0 || new Set(value).size !== chosen.length)
    throw refuse(`permissions must be a list with ${allowed.join(" or ")}`);
  return chosen;
}

/** Why an identity does not fit a rule: the rest of a sentence, saying only what its own token says. Undefined: it fits. */
export function mismatchOf(rule: TrustRule, identity: CiIdentity): string | undefined {
  for (const field of ruleFields[rule.kind]) {
    const wanted = rule.claims[field.claim];
    const has = identity.claims[field.claim];
    if (wanted === undefined || fits(field, wanted, has, identity.files[field.claim])) continue;
    return has === undefined
      ? `the token has no ${field.claim}`
      : `${field.claim} of the token is ${said(has)}, which the rule does not allow`;
  }
  const event = identity.claims["event_name"];
  if (rule.claims["event_name"] === undefined && dangerousEvents.has(event))
    return `event_name of the token is ${said(event)}, which runs what strangers propose; the rule would have to name it`;
  return undefined;
}

/** Events whose workflows hold the repository's rights and are started by anybody. */
const dangerousEvents: ReadonlySet<unknown> = new Set(["pull_request_target", "workflow_run", "issue_comment"]);

function fits(
  { form }: RuleField,
  wanted: ClaimValue,
  has: string | readonly string[] | undefined,
  file: string | undefined,
): boolean {
  if (has === undefined) return false;
  if (typeof wanted === "object") {
    if ("file" in wanted) return file !== undefined && file === wanted.file;
    return Array.isArray(has) && wanted.every((one) => has.includes(one));
  }
  if (typeof has !== "string") return false;
  return form === "pattern" && wanted.endsWith("*") ? has.startsWith(wanted.slice(0, -1)) : has === wanted;
}

/** True when the token is of the rule's own repository, so that its owner may be told what else does not fit. */
export function isRelated(rule: TrustRule, identity: CiIdentity): boolean {
  const owned = ruleFields[rule.kind].filter(({ isRequired }) => isRequired);
  const isSame = owned.every((field) =>
    fits(field, rule.claims[field.claim] ?? "", identity.claims[field.claim], undefined),
  );
  return isSame && pinMismatch(rule, identity) === undefined;
}

/** Why the same name is not the same repository any more; undefined: it is, or nobody used the rule yet. */
export function pinMismatch({ pins }: TrustRule, identity: CiIdentity): string | undefined {
  if (pins === undefined) return undefined;
  const other = Object.keys(pins).find((claim) => identity.pins[claim] !== pins[claim]);
  return other === undefined
    ? undefined
    : `${other} of the token is ${said(identity.pins[other])}, another than when the rule was first used: this name belongs to somebody else now`;
}

/** What is dangerous about a rule, in sentences; none for one that says which workflow, from where. */
export function weaknesses(claims: TrustRequest["claims"], subject: TrustSubject["kind"]): readonly string[] {
  if (subject === "organisation") return [];
  const has = (names: readonly string[]): boolean => names.some((name) => claims[name] !== undefined);
  return [
    ...(has(workflowClaims) ? [] : ["The rule names no workflow file: every workflow of the repository can publish."]),
    ...(has(placeClaims)
      ? []
      : [
          "The rule is open on ref and environment: whoever can push any branch can publish. Give it an environment with reviewers.",
        ]),
  ];
}

/** The same of a rule that is there. */
export function warningsOf({ claims, subject }: TrustRule): readonly string[] {
  return weaknesses(claims, subject.kind);
}

/** Throws BAD_NAME. */
export function packageSubject(name: string): TrustSubject {
  return { kind: "package", name: parsePackageName(name) };
}

/** A rule as npm shows it. */
export function renderRule({ id, kind, issuer, claims, permissions }: TrustRule): Record<string, unknown> {
  return { id, type: kind, ...(issuer === kind ? {} : { issuer }), claims, permissions };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(reason: string): AssayError {
  return new AssayError("BAD_REQUEST", { reason });
}
