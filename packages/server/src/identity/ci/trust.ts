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

/** Who may publish from CI, and whether anybody else may. Every call asks `Permissions` first. */
export interface Trust {
  /** The oldest first. */
  list(principal: Principal, subject: TrustSubject): Promise<readonly TrustRule[]>;
  /**
   * Adds what `npm trust` posts: a list of rules. All of them or none. Throws BAD_REQUEST for malformed ones, for too
   * many, and for open ones where these are forbidden.
   */
  add(principal: Principal, subject: TrustSubject, body: unknown): Promise<readonly TrustRule[]>;
  /** Removes a rule, and with it every token that was exchanged by it. Throws NOT_FOUND. */
  remove(principal: Principal, subject: TrustSubject, id: string): Promise<void>;
  /** Whether trusted CI alone publishes here. */
  isExclusive(principal: Principal, subject: TrustSubject): Promise<boolean>;
  setExclusive(principal: Principal, subject: TrustSubject, isExclusive: boolean): Promise<void>;
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
  async function admit(principal: Principal, subject: TrustSubject): Promise<void> {
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
    async list(principal, subject) {
      await admit(principal, subject);
      return await readRules(database.read, subject);
    },

    async add(principal, subject, body) {
      await admit(principal, subject);
      const requests = readRequests(subject, body);
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

    async remove(principal, subject, id) {
      await admit(principal, subject);
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

    async isExclusive(principal, subject) {
      await admit(principal, subject);
      return await isTrustedOnly(database.read, subject);
    },

    async setExclusive(principal, subject, isExclusive) {
      await admit(principal, subject);
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
