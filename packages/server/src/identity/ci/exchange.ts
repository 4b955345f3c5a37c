import { createHash } from "node:crypto";
import { AssayError, isAssayError, type EpochMs, type NamePattern, type PackageName } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Act, Events } from "../../platform/events/events.ts";
import { actOf, type Doer } from "../doer.ts";
import { addressBlock, type RateLimit } from "../limits/limits.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { NewToken, Tokens } from "../tokens/tokens.ts";
import { chooseRule } from "./choose-rule.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import { pinMismatch, type TrustRule, type TrustSubject } from "./rules.ts";
import { isIssuerNamed, readRule, readRules, takeIdToken, writeRuleUse } from "./store.ts";
import { verifyIdToken, type VerifiedToken } from "./verify-token.ts";

export interface ExchangeRequest {
  readonly idToken: string | undefined;
  readonly subject: TrustSubject;
  /** Of the client. */
  readonly address: string;
  /** Whose audiences are ours. */
  readonly publicUrls: readonly string[];
}

/** What CI publishes with, for some minutes. */
export interface ExchangedToken {
  readonly token: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface ExchangeDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly keys: IssuerKeys;
  readonly tokens: Pick<Tokens, "draw">;
  readonly permissions: Pick<Permissions, "isOpen">;
  /** Names of an organisation's packages. */
  readonly patternsOf: (organisation: string) => readonly NamePattern[];
  readonly organisationOf: (name: PackageName) => string | undefined;
  readonly limits: {
    /** Of all requests, by address block. */
    readonly asked: RateLimit;
    /** Of refused ones, by address block. */
    readonly refused: RateLimit;
    /** Of tokens, by rule. */
    readonly issued: RateLimit;
  };
}

/**
 * Exchanges the identity token of a CI run for a token of ours: verify, choose the rule, then in one transaction take
 * the identity token, remember or compare the numeric ids, store the new token, record the event. A crash leaves all of
 * it or nothing; of two that show one token at once, one gets TRUST_REFUSED's sibling ID_TOKEN_REFUSED.
 */
export async function exchange(
  deps: ExchangeDeps,
  options: Config["trust"],
  { idToken, subject, address, publicUrls }: ExchangeRequest,
): Promise<ExchangedToken> {
  const { database, clock, limits } = deps;
  const block = addressBlock(address);
  limits.asked.take(block);
  // Taken before it is known whether it is needed, so that many at once are not more than one after the other.
  limits.refused.take(block);
  const isNamedByRule = ({ url }: { readonly url: string }) => isIssuerNamed(database.read, url);
  if (idToken === undefined)
    throw new AssayError("ID_TOKEN_REFUSED", { reason: "there is none; send it as a bearer token" });
  const verified = await verifyIdToken({ clock, keys: deps.keys, isNamedByRule }, options, idToken, publicUrls);
  try {
    const rules = await readRules(database.read, subject);
    const isOpen = subject.kind === "package" && deps.permissions.isOpen(subject.name);
    const { openRules } = options;
    const rule = chooseRule(rules, verified.issuer.config.name, verified.identity, subject, { openRules, isOpen });
    limits.issued.take(rule.id);
    const exchanged = await commit(deps, options, rule, verified, address);
    limits.refused.giveBack(block);
    return exchanged;
  } catch (error) {
    if (isAssayError(error) && error.code !== "TOO_MANY_REQUESTS")
      await recordRefusal(deps, subject, verified, error, address);
    throw error;
  }
}

async function commit(
  deps: ExchangeDeps,
  { tokenSeconds }: Config["trust"],
  { id, subject, permissions }: TrustRule,
  { identity, uniqueAs, usableUntilMs }: VerifiedToken,
  address: string,
): Promise<ExchangedToken> {
  const { database, events, clock, tokens, patternsOf } = deps;
  const nowMs = clock.now();
  const expiresAtMs = (nowMs + tokenSeconds * 1000) as EpochMs;
  const holder = `ci:${id}`;
  const wanted: NewToken = {
    holder,
    holderName: identity.name,
    origin: "exchanged",
    name: `trusted publishing of ${subject.name}`,
    level: levelOf(permissions),
    packages: subject.kind === "package" ? [subject.name as string as NamePattern] : patternsOf(subject.name),
    organisations: undefined,
    cidrs: undefined,
    expiresAtMs,
  };
  const by: Doer = { id: holder, address, action: "", policy: `trust rule ${id}` };
  const drawn = tokens.draw(by, wanted);
  const digest = createHash("sha256").update(uniqueAs).digest("hex");
  await database.write(async (transaction) => {
    if (!(await takeIdToken(transaction, digest, usableUntilMs)))
      throw new AssayError("ID_TOKEN_REFUSED", { reason: "it was used before; each is good once" });
    const rule = await readRule(transaction, id);
    if (rule === undefined) throw new AssayError("TRUST_MISSING", { what: subject.name, identity: identity.name });
    const other = pinMismatch(rule, identity);
    if (other !== undefined)
      throw new AssayError("TRUST_REFUSED", { what: subject.name, reason: `rule ${id}: ${other}` });
    await writeRuleUse(transaction, id, identity.pins, nowMs);
    await drawn.store(transaction);
    await events.record(transaction, {
      kind: "trust.exchanged",
      subject: subjectText(subject),
      data: { rule: id, identity: identity.name, commit: identity.commit ?? null, first: rule.pins === undefined },
      act: actOf(by, organisationOf(deps, subject)),
    });
  });
  return { token: drawn.secret, createdAtMs: nowMs, expiresAtMs };
}

function levelOf(permissions: TrustRule["permissions"]): NewToken["level"] {
  if (permissions.includes("createPackage")) return "read-write";
  return permissions.includes("createStagedPackage") ? "stage-only" : "read-only";
}

async function recordRefusal(
  deps: ExchangeDeps,
  subject: TrustSubject,
  { identity }: VerifiedToken,
  { code, message }: AssayError,
  address: string,
): Promise<void> {
  const data = { identity: identity.name, code, reason: message };
  // No rule took it, so that it is no principal of ours: it is whom its issuer says.
  const act: Act = {
    who: `ci-identity:${identity.name}`,
    address,
    action: "",
    policy: "",
    result: "refused",
    organisation: organisationOf(deps, subject),
  };
  await deps.database.write((transaction) =>
    deps.events.record(transaction, { kind: "trust.refused", subject: subjectText(subject), data, act }),
  );
}

/** Whose trail shows what happens to rules of this subject. */
export function organisationOf(deps: Pick<ExchangeDeps, "organisationOf">, subject: TrustSubject): string | undefined {
  return subject.kind === "organisation" ? subject.name : deps.organisationOf(subject.name);
}

/** As subjects of events are written. */
export function subjectText({ kind, name }: TrustSubject): string {
  return `${kind} ${name}`;
}
