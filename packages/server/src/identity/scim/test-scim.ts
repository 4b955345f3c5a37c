/** SCIM behind a real front door, with a provider beside it that people sign in at. For tests only. */
import type { OidcProvider } from "@assay/testkit/oidc-provider";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createHttpServer, defaultHttpLimits } from "../../http/server.ts";
import type { Database } from "../../platform/database/database.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { createSystemRandom } from "../../platform/system-random.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import type { Doer } from "../doer.ts";
import { createProvider } from "../sign-in/provider.ts";
import { createVault } from "../sign-in/vault.ts";
import { createTestIdentity } from "../test-identity.ts";
import { createEvents } from "../../platform/events/outbox.ts";
import { scimRoutes } from "./routes.ts";
import { createScim } from "./scim.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const base = "http://localhost:4873";

export interface ScimAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function startTestScim(database: Database, there: OidcProvider, scimClaim: "sub" | "oid" = "sub") {
  const made = createTestIdentity(database);
  const { identity, clock } = made;
  const random = createSeededRandom(9);
  const telemetry = { log, metrics: createMetrics({ processMetrics: false }) };
  const options = {
    ...there,
    scopes: "openid",
    recheckMinutes: 5,
    groupsClaim: "groups",
    groups: [],
    scim: true,
    scimClaim,
  };
  const provider = createProvider(
    {
      database,
      clock,
      random,
      telemetry,
      vault: createVault({ random }, new Uint8Array(32)),
      ...identity,
      applyGroups: async () => {},
    },
    options,
  );
  const applied: (readonly [string, readonly string[], string])[] = [];
  const applyGroups = async (_: string, person: string, groups: readonly string[], by: Doer): Promise<void> => {
    applied.push([person, groups, by.id]);
  };
  const events = createEvents({ clock });
  const scim = createScim({ database, events, clock, random, telemetry, ...identity, applyGroups }, options);
  const server = await createHttpServer(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      telemetry,
      accessLog: undefined,
      renderErrorPage: ({ sentence }) => sentence,
      readMoreUrl: () => undefined,
    },
    {
      publicUrls: ["http://127.0.0.1:0"],
      trustedProxies: [],
      routes: [scimRoutes({ scim, scimTokens: identity.scimTokens, clock: createSystemClock() })],
      readiness: [],
      limits: defaultHttpLimits,
    },
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const { secret: token, key } = await identity.scimTokens.make("terminal", "provider");

  /** As the provider asks; with `as` somebody else's token, or none. */
  async function ask(method: string, at: string, body?: unknown, as: string = token): Promise<ScimAnswer> {
    const answer = await fetch(`http://127.0.0.1:${port}/-/scim/v2${at}`, {
      method,
      headers: {
        ...(as !== "" && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { "content-type": "application/scim+json; charset=utf-8" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === "" ? {} : (JSON.parse(text) as object as never),
    };
  }

  /** Somebody signs in at the provider and comes back; answers their account. */
  async function signIn(person: Parameters<OidcProvider["signIn"]>[0], account?: string): Promise<string> {
    there.signIn(person);
    const location = await provider.begin(base, { browser: "b", next: "/-/web/me", account });
    const back = new URL((await fetch(location, { redirect: "manual" })).headers.get("location") ?? "");
    return (await provider.finish(base, back, "b")).account;
  }

  return {
    ...made,
    scim,
    applied,
    token,
    key,
    ask,
    signIn,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
