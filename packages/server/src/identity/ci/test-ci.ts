import { startCiIssuer, type CiIssuer, type CiKind } from "@assay/testkit/ci-issuer";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import type { NamePattern } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Database } from "../../platform/database/database.ts";
import { createEvents } from "../../platform/events/outbox.ts";
import { openIssuerClients, type UpstreamClients } from "../../platform/network/clients.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { createSystemRandom } from "../../platform/system-random.ts";
import { createLogger } from "../../platform/telemetry/logger.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import { createTestIdentity } from "../test-identity.ts";
import { createCi, type CiDeps } from "./ci.ts";

/** Clients as the server makes them for issuers, with the system's clock: the answers take real time. */
export async function issuerClients(issuers: Config["trust"]["issuers"]): Promise<UpstreamClients> {
  const network = { caFile: undefined, ca: [], extraCaFile: undefined, noProxy: undefined };
  const trust = { issuers, leewaySeconds: 60, maxAgeSeconds: 3600, tokenSeconds: 600, openRules: "warn" } as const;
  const deps = { clock: createSystemClock(), random: createSystemRandom() };
  return await openIssuerClients(deps, { trust, network }, { httpsProxy: undefined, httpProxy: undefined });
}

/** `ci/` over a database that has `identityTestMigrations`, with an issuer of each kind; owned by the caller. */
export async function createTestCi(
  database: Database,
  change: Partial<Config["trust"]> & { readonly permissions?: CiDeps["permissions"]; readonly seed?: number } = {},
) {
  const { permissions = { isOpen: () => true, require: async () => "test" }, seed = 7, ...options } = change;
  const { identity, clock, events, acts } = createTestIdentity(database, { seed });
  const stack = new AsyncDisposableStack();
  const kinds: readonly CiKind[] = ["github", "gitlab", "circleci"];
  const issuers = new Map<CiKind, CiIssuer>();
  for (const kind of kinds) issuers.set(kind, stack.use(await startCiIssuer(kind, { now: clock.now })));
  const configs = [...issuers].map(([kind, { configured }]) => ({
    name: kind,
    kind,
    issuer: configured,
    audience: undefined,
    jwks: undefined,
    claims: {},
  }));
  const { byAlias: clients } = stack.use(await issuerClients(configs));
  const ci = createCi(
    {
      database,
      events: createEvents({ clock }),
      clock,
      random: createSeededRandom(seed + 1),
      telemetry: {
        log: createLogger({ clock, write: () => undefined }, { level: "error", format: "json" }),
        metrics: createMetrics({ processMetrics: false }),
      },
      tokens: identity.tokens,
      permissions,
      gate: { pass: async () => {}, passPublish: () => {} },
      organisationOf: (name) => /^@([^/]+)\//.exec(name)?.[1],
      clients,
      patternsOf: (organisation) => [`@${organisation}/*` as NamePattern],
    },
    { issuers: configs, leewaySeconds: 60, maxAgeSeconds: 3600, tokenSeconds: 600, openRules: "warn", ...options },
  );
  function issuerOf(kind: CiKind): CiIssuer {
    const found = issuers.get(kind);
    if (found === undefined) throw new Error(`no issuer of kind ${kind}`);
    return found;
  }
  return {
    ci,
    clock,
    events,
    acts,
    identity,
    issuerOf,
    issuers: configs,
    github: issuerOf("github"),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
