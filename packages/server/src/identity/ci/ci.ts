import type { NamePattern, PackageName } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { UpstreamClient } from "../../platform/network/network.ts";
import { uuid, type Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { ApprovalHandler } from "../approvals/approvals.ts";
import type { Gate } from "../approvals/gate.ts";
import { createRateLimit } from "../limits/limits.ts";
import type { CiFacts } from "../permissions/facts.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Tokens } from "../tokens/tokens.ts";
import { exchange, type ExchangedToken, type ExchangeRequest } from "./exchange.ts";
import { createIssuerKeys } from "./issuer-keys.ts";
import { ciPublisher, type Publisher } from "./publisher.ts";
import type { TrustPermission } from "./rules.ts";
import { forgetIdTokens, readRule } from "./store.ts";
import { trustHandler, trustKind } from "./trust-changes.ts";
import { createTrust, type Trust } from "./trust.ts";

/** CI runs as principals: by trust rules, for minutes, without a secret that anybody keeps. */
export interface Ci {
  /** The token of ours for the identity token of a run. Throws as `exchange` and `verifyIdToken` say. */
  exchange(request: ExchangeRequest): Promise<ExchangedToken>;
  readonly trust: Trust;
  /** By kind: what is carried out once it is approved. */
  readonly approvalHandlers: Readonly<Record<string, ApprovalHandler>>;
  /** What a rule allows; undefined: it is gone. For `Permissions`. */
  factsOf(rule: string): Promise<CiFacts | undefined>;
  /** Who stands in packuments for what a CI principal publishes; undefined for other principals. */
  publisherOf(principal: Principal): Promise<Publisher | undefined>;
  /** Forgets identity tokens that expired by themselves, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CiDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly tokens: Tokens;
  readonly permissions: Pick<Permissions, "require" | "isOpen">;
  /** Has what must be approved wait. */
  readonly gate: Gate;
  readonly organisationOf: (name: PackageName) => string | undefined;
  /** Of each issuer, by its name. */
  readonly clients: ReadonlyMap<string, UpstreamClient>;
  /** Names of an organisation's packages. */
  readonly patternsOf: (organisation: string) => readonly NamePattern[];
}

const tidyMs = 600_000;

const words: { readonly [Permission in TrustPermission]: CiFacts["permissions"][number] } = {
  createPackage: "publish",
  createStagedPackage: "stage",
  read: "read",
};

export function createCi(deps: CiDeps, options: Config["trust"]): Ci {
  const { database, clock, random, telemetry } = deps;
  const keys = createIssuerKeys({ clock, log: telemetry.log, clients: deps.clients });
  const limits = {
    asked: createRateLimit({ clock }, { burst: 300, perMinute: 300 }),
    refused: createRateLimit({ clock }, { burst: 30, perMinute: 30 }),
    issued: createRateLimit({ clock }, { burst: 60, perMinute: 60 }),
  };

  const trusting = { ...deps, uuid: () => uuid(random) };

  return {
    exchange: (request) => exchange({ ...deps, keys, limits }, options, request),
    trust: createTrust(trusting, options),
    approvalHandlers: { [trustKind]: trustHandler(trusting, options) },
    async factsOf(id) {
      const rule = await readRule(database.read, id);
      if (rule === undefined) return undefined;
      const { subject } = rule;
      return {
        ...(subject.kind === "package"
          ? { packages: [subject.name as string as NamePattern] }
          : { packages: [], organisation: subject.name }),
        permissions: ["read", ...rule.permissions.map((one) => words[one])],
      };
    },
    publisherOf: (principal) => ciPublisher(database.read, principal),
    async run(signal) {
      while (!signal.aborted) {
        const nowMs = clock.now();
        await database.write((transaction) => forgetIdTokens(transaction, nowMs));
        await clock.sleep(tidyMs, signal);
      }
    },
  };
}
