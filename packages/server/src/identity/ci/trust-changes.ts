/** Changes of trust rules as values: so that they can wait for approval. */
import { AssayError, type PackageName } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import type { ApprovalHandler } from "../approvals/approvals.ts";
import type { ManualOperation } from "../approvals/gate.ts";
import { actOf, type Doer } from "../doer.ts";
import type { Tokens } from "../tokens/tokens.ts";
import { organisationOf, subjectText } from "./exchange.ts";
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

export type TrustChange = { readonly subject: TrustSubject } & (
  | { readonly do: "add"; /** As `npm trust` posts them. */ readonly body: unknown }
  | { readonly do: "remove"; readonly id: string }
  | { readonly do: "exclusive"; readonly isExclusive: boolean }
);

export interface TrustChangeDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly tokens: Pick<Tokens, "revokeAll">;
  readonly organisationOf: (name: PackageName) => string | undefined;
}

/** Which handler carries it out. */
export const trustKind = "trust";

/** Of one package or organisation. */
const mostRules = 50;

/** Answers the rules that were made. Throws BAD_REQUEST, NOT_FOUND. */
export async function carryOutTrust(
  deps: TrustChangeDeps,
  options: Config["trust"],
  by: Doer,
  change: TrustChange,
): Promise<readonly TrustRule[]> {
  let made: readonly TrustRule[] = [];
  const work = async (transaction: Transaction): Promise<void> => {
    made = await write(deps, options, transaction, by, change);
  };
  if (by.within !== undefined) await work(by.within);
  else {
    await deps.database.write(work);
    await afterTrust(deps, by, change);
  }
  return made;
}

/** A crash before it leaves tokens that Permissions refuses all the same: their rule is gone. */
async function afterTrust({ tokens }: TrustChangeDeps, by: Doer, change: TrustChange): Promise<void> {
  if (change.do === "remove") await tokens.revokeAll(by.id, `ci:${change.id}`);
}

/** As it waits for approval. */
export function trustOperation(
  deps: TrustChangeDeps,
  options: Config["trust"],
  by: Doer,
  change: TrustChange,
): ManualOperation {
  const { subject } = change;
  return {
    operation: "trust",
    kind: trustKind,
    subject: subjectText(subject),
    summary: trustInWords(options, change),
    resource: subject,
    organisation: organisationOf(deps, subject),
    payload: change,
    rehearse: (within) => carryOutTrust(deps, options, { ...by, within }, change),
  };
}

/** What carries out changes that were approved. */
export function trustHandler(deps: TrustChangeDeps, options: Config["trust"]): ApprovalHandler {
  const byOf = (requester: string, address: string): Doer => ({
    id: requester,
    address,
    action: "approve",
    policy: "approved",
  });
  return {
    async execute(within, { approval, payload, approver }) {
      const by = { ...byOf(approval.requester, approver.address), within };
      await carryOutTrust(deps, options, by, payload as TrustChange);
    },
    after: ({ approval, payload, approver }) =>
      afterTrust(deps, byOf(approval.requester, approver.address), payload as TrustChange),
    async isPointless(payload) {
      const change = payload as TrustChange;
      return change.do === "remove" && (await readRule(deps.database.read, change.id)) === undefined;
    },
    drop: async () => {},
  };
}

export function trustInWords({ issuers, openRules }: Config["trust"], change: TrustChange): string {
  const subject = subjectText(change.subject);
  switch (change.do) {
    case "add": {
      const requests = readTrustRequests({ issuers, openRules }, change.subject, change.body);
      return `let CI act for ${subject}: ${requestsText(requests)}`;
    }
    case "remove":
      return `remove the trust rule ${change.id.slice(0, 40)} of ${subject}`;
    case "exclusive":
      return `${change.isExclusive ? "let nobody but trusted CI" : "let others than trusted CI"} publish ${subject}`;
  }
}

export function requestsText(requests: readonly TrustRequest[]): string {
  return JSON.stringify(requests.map(({ issuer, ...asked }) => ({ issuer: issuer.name, ...asked })));
}

/** What `npm trust` posts: a list of rules. Throws BAD_REQUEST for malformed ones, and for open ones where these are forbidden. */
export function readTrustRequests(
  { issuers, openRules }: Pick<Config["trust"], "issuers" | "openRules">,
  subject: TrustSubject,
  body: unknown,
): readonly TrustRequest[] {
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

async function write(
  deps: TrustChangeDeps,
  options: Config["trust"],
  transaction: Transaction,
  by: Doer,
  change: TrustChange,
): Promise<readonly TrustRule[]> {
  const { subject } = change;
  const record = (kind: ActKind, data: Readonly<Record<string, string | boolean>>): Promise<void> =>
    deps.events.record(transaction, {
      kind,
      subject: subjectText(subject),
      data: { by: by.id, ...data },
      act: actOf(by, organisationOf(deps, subject)),
    });
  switch (change.do) {
    case "add": {
      const requests = readTrustRequests(options, subject, change.body);
      const before = await readRules(transaction, subject);
      if (before.length + requests.length > mostRules)
        throw new AssayError("BAD_REQUEST", {
          reason: `there are ${before.length} trust rules; ${mostRules} are the most`,
        });
      const made = requests.map((request) => ruleOf(deps, by, subject, request));
      for (const { rule, url } of made) {
        await insertRule(transaction, rule, url);
        await record("trust.rule-added", {
          rule: rule.id,
          issuer: rule.issuer,
          claims: JSON.stringify(rule.claims),
          permissions: rule.permissions.join(" "),
          open: weaknesses(rule.claims, subject.kind).length > 0,
        });
      }
      return made.map(({ rule }) => rule);
    }
    case "remove": {
      const rule = await readRule(transaction, change.id);
      const isHere = rule?.subject.kind === subject.kind && rule.subject.name === subject.name;
      if (!isHere || !(await deleteRule(transaction, change.id)))
        throw new AssayError("NOT_FOUND", { what: `The trust rule ${change.id.slice(0, 40)} of ${subject.name}` });
      await record("trust.rule-removed", { rule: change.id });
      return [];
    }
    case "exclusive": {
      const { isExclusive } = change;
      if (isExclusive === (await isTrustedOnly(transaction, subject))) return [];
      if (isExclusive) await setTrustedOnly(transaction, subject, by.id, deps.clock.now());
      else await unsetTrustedOnly(transaction, subject);
      await record("trust.exclusive", { exclusive: isExclusive });
      return [];
    }
  }
}

function ruleOf(
  { uuid, clock }: TrustChangeDeps,
  by: Doer,
  subject: TrustSubject,
  { issuer, claims, permissions }: TrustRequest,
): { readonly rule: TrustRule; readonly url: string } {
  const rule: TrustRule = {
    id: uuid(),
    subject,
    issuer: issuer.name,
    kind: issuer.kind,
    claims,
    permissions,
    pins: undefined,
    createdAtMs: clock.now(),
    createdBy: by.id,
    usedAtMs: undefined,
  };
  const organisation = claims["oidc.circleci.com/org-id"];
  return { rule, url: issuerUrl(issuer, typeof organisation === "string" ? organisation : "") };
}
