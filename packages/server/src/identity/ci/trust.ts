import { AssayError } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Permissions, Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Tokens } from "../tokens/tokens.ts";
import { subjectText } from "./exchange.ts";
import { issuerUrl } from "./issuers.ts";
import { parseTrustRequest, weaknesses, type TrustRequest, type TrustRule, type TrustSubject } from "./rules.ts";
import {
  deleteRule,
  insertRule,
  isTrustedOnly,
  readRule,
  readRules,
  setTrustedOnly,
  unsetTrustedOnly,
} from "./store.ts";

/** Who changes rules, and how it shows once more that it is there. */
export interface Caller {
  readonly principal: Principal;
  /** Returns when a person has just proven to be there; else throws what tells the client where to. */
  readonly confirm: (operation: { readonly what: string; readonly exactly: string }) => Promise<void>;
}

/**
 * Who may publish from CI, and whether anybody else may. Every call asks `Permissions` first, and every change has a
 * person confirm it: whoever stole a token must not make itself a rule that outlives it.
 */
export interface Trust {
  /** The oldest first. */
  list(caller: Caller, subject: TrustSubject): Promise<readonly TrustRule[]>;
  /**
   * Adds what `npm trust` posts: a list of rules. All of them or none. Throws BAD_REQUEST for malformed ones, for too
   * many, and for open ones where these are forbidden.
   */
  add(caller: Caller, subject: TrustSubject, body: unknown): Promise<readonly TrustRule[]>;
  /** Removes a rule, and with it every token that was exchanged by it. Throws NOT_FOUND. */
  remove(caller: Caller, subject: TrustSubject, id: string): Promise<void>;
  /** Whether trusted CI alone publishes here. */
  isExclusive(caller: Caller, subject: TrustSubject): Promise<boolean>;
  setExclusive(caller: Caller, subject: TrustSubject, isExclusive: boolean): Promise<void>;
}

export interface TrustDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly tokens: Pick<Tokens, "revokeAll">;
  readonly permissions: Pick<Permissions, "require">;
}

/** Of one package or organisation. */
const mostRules = 50;

export function createTrust(
  { database, events, clock, uuid, tokens, permissions }: TrustDeps,
  { issuers, openRules }: Config["trust"],
): Trust {
  async function admit({ principal }: Caller, subject: TrustSubject): Promise<void> {
    const resource: Resource = subject;
    await permissions.require(principal, subject.kind === "package" ? "trust" : "administer", resource);
  }

  async function record(
    transaction: Transaction,
    kind: string,
    subject: TrustSubject,
    data: Readonly<Record<string, string | boolean>>,
  ): Promise<void> {
    await events.record(transaction, { kind, subject: subjectText(subject), data });
  }

  function readRequests(subject: TrustSubject, body: unknown): readonly TrustRequest[] {
    if (!Array.isArray(body) || body.length === 0 || body.length > mostRules)
      throw new AssayError("BAD_REQUEST", { reason: `trust rules must be a list of 1 to ${mostRules}` });
    const requests = body.map((one: unknown) => parseTrustRequest(issuers, subject.kind, one));
    const weak = openRules === "forbid" ? requests.flatMap(({ claims }) => weaknesses(claims, subject.kind)) : [];
    if (weak[0] !== undefined)
      throw new AssayError("BAD_REQUEST", {
        reason: `open trust rules are forbidden here (identity.trust.openRules): ${weak[0].replace(/\.$/, "")}`,
      });
    return requests;
  }

  return {
    async list(caller, subject) {
      await admit(caller, subject);
      return await readRules(database.read, subject);
    },

    async add(caller, subject, body) {
      const { principal } = caller;
      await admit(caller, subject);
      const requests = readRequests(subject, body);
      const rules = JSON.stringify(requests.map(({ issuer, ...asked }) => ({ issuer: issuer.name, ...asked })));
      await caller.confirm({
        what: `let CI act for ${subjectText(subject)}: ${rules}`,
        exactly: `add trust ${subjectText(subject)} ${rules}`,
      });
      const made = requests.map(({ issuer, claims, permissions: allowed }) => {
        const rule: TrustRule = {
          id: uuid(),
          subject,
          issuer: issuer.name,
          kind: issuer.kind,
          claims,
          permissions: allowed,
          pins: undefined,
          createdAtMs: clock.now(),
          createdBy: principal.id,
          usedAtMs: undefined,
        };
        const organisation = claims["oidc.circleci.com/org-id"];
        return { rule, url: issuerUrl(issuer, typeof organisation === "string" ? organisation : "") };
      });
      await database.write(async (transaction) => {
        const before = await readRules(transaction, subject);
        if (before.length + made.length > mostRules)
          throw new AssayError("BAD_REQUEST", {
            reason: `there are ${before.length} trust rules; ${mostRules} are the most`,
          });
        for (const { rule, url } of made) {
          await insertRule(transaction, rule, url);
          await record(transaction, "trust.rule-added", subject, {
            by: principal.id,
            rule: rule.id,
            issuer: rule.issuer,
            claims: JSON.stringify(rule.claims),
            permissions: rule.permissions.join(" "),
            open: weaknesses(rule.claims, subject.kind).length > 0,
          });
        }
      });
      return made.map(({ rule }) => rule);
    },

    async remove(caller, subject, id) {
      const { principal } = caller;
      await admit(caller, subject);
      await caller.confirm({
        what: `remove the trust rule ${id.slice(0, 40)} of ${subjectText(subject)}`,
        exactly: `remove trust ${subjectText(subject)} ${id}`,
      });
      await database.write(async (transaction) => {
        const rule = await readRule(transaction, id);
        const isHere = rule?.subject.kind === subject.kind && rule.subject.name === subject.name;
        if (!isHere || !(await deleteRule(transaction, id)))
          throw new AssayError("NOT_FOUND", { what: `The trust rule ${id.slice(0, 40)} of ${subject.name}` });
        await record(transaction, "trust.rule-removed", subject, { by: principal.id, rule: id });
      });
      // A crash right here leaves tokens that Permissions refuses all the same: their rule is gone.
      await tokens.revokeAll(principal.id, `ci:${id}`);
    },

    async isExclusive(caller, subject) {
      await admit(caller, subject);
      return await isTrustedOnly(database.read, subject);
    },

    async setExclusive(caller, subject, isExclusive) {
      const { principal } = caller;
      await admit(caller, subject);
      await caller.confirm({
        what: `${isExclusive ? "let nobody but trusted CI" : "let others than trusted CI"} publish ${subjectText(subject)}`,
        exactly: `exclusive ${String(isExclusive)} ${subjectText(subject)}`,
      });
      const nowMs = clock.now();
      await database.write(async (transaction) => {
        if (isExclusive === (await isTrustedOnly(transaction, subject))) return;
        if (isExclusive) await setTrustedOnly(transaction, subject, principal.id, nowMs);
        else await unsetTrustedOnly(transaction, subject);
        await record(transaction, "trust.exclusive", subject, { by: principal.id, exclusive: isExclusive });
      });
    },
  };
}
