/** The rooms of `hosting.ts` over a database that a test opens. */
import { parsePackageName } from "@assay/core";
import { createFakeClock, type FakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import type { GroupPlace } from "./config/config.ts";
import { openHosting, type Hosting } from "./hosting.ts";
import { doerOf, type HostedNames, type People } from "./identity/identity.ts";
import { openTestNames } from "./identity/names/test-names.ts";
import { createTestIdentity, password, tokenOf } from "./identity/test-identity.ts";
import type { NewToken } from "./identity/tokens/tokens.ts";
import type { Database } from "./platform/database/database.ts";
import { createEvents } from "./platform/events/outbox.ts";
import { createLogger } from "./platform/telemetry/logger.ts";
import { createMetrics } from "./platform/telemetry/metrics.ts";

export interface TestHosting {
  readonly hosting: Hosting;
  readonly identity: People;
  readonly names: HostedNames;
  readonly clock: FakeClock;
  /** Draws a token of a person, by default one that may all that its holder may. */
  tokenOf(name: string, bounds?: Partial<NewToken>): Promise<string>;
}

const github = {
  name: "github",
  kind: "github",
  issuer: "https://token.example.com",
  audience: undefined,
  jwks: undefined,
  claims: {},
} as const;

/**
 * boss and olga own the organisation acme, dora develops there, otto looks after `@acme/hidden`, olaf owns other.
 * `@acme/ui` is public, `@acme/hidden` and `@other/lib` are not. Opened again over one database the people are there.
 */
export async function openTestHosting(
  database: Database,
  {
    read = "anyone",
    groups = [],
  }: { readonly read?: "anyone" | "signed-in"; readonly groups?: readonly GroupPlace[] } = {},
): Promise<TestHosting> {
  const fake = createFakeClock();
  // Nobody waits here until other processes have looked.
  const clock = { ...fake, sleep: (ms: number) => fake.advance(ms) };
  const telemetry = {
    log: createLogger({ clock, write: () => undefined }, { level: "error", format: "json" }),
    metrics: createMetrics({ processMetrics: false }),
  };
  const options = {
    registration: "loopback",
    passwordWrites: false,
    organisations: "loopback",
    loginDays: 30,
    maxTokenDays: 90,
    read,
    membersRead: "granted",
    policies: "/nonexistent",
    approvals: [],
    approvalDays: 7,
  } as const;
  const { identity } = createTestIdentity(database, { ...options, clock });
  const names = await openTestNames(database, {
    clock,
    hosted: ["acme", "other"].map((organisation) => ({ names: [`@${organisation}/*`], organisation })),
  });
  const hosting = await openHosting(
    {
      database,
      events: createEvents({ clock }),
      clock,
      random: createSeededRandom(read.length),
      telemetry,
      names,
      identity,
      upstreams: { known: async () => [], ownerOf: () => undefined },
      documents: { touch: async () => {}, changed() {} },
      issuerClients: new Map(),
      usage: async () => [],
      recordPolicy: async () => true,
      approvalHandlers: () => ({}),
    },
    {
      identity: options,
      loopbackOnly: true,
      trust: { issuers: [github], leewaySeconds: 60, maxAgeSeconds: 3600, tokenSeconds: 600, openRules: "warn" },
      publicUrls: [],
      provider: {
        issuer: "https://login.example.com",
        clientId: "assay",
        scopes: "openid",
        recheckMinutes: 5,
        groupsClaim: "groups",
        scim: false,
        scimClaim: "sub",
        groups,
      },
    },
  );
  if ((await identity.accounts.find("boss")) === undefined) await populate();

  async function populate(): Promise<void> {
    for (const name of ["boss", "olga", "dora", "otto", "olaf"])
      await identity.accounts.create("test", { name, kind: "person", password });
    const { organisations } = hosting;
    for (const [organisation, person, role] of [
      ["acme", "boss", "owner"],
      ["acme", "olga", "owner"],
      ["acme", "dora", "developer"],
      ["other", "olaf", "owner"],
    ] as const)
      await organisations.setMember(doerOf({ id: "test", address: "" }), organisation, person, role);
    for (const [name, visibility, owner] of [
      ["@acme/ui", "public", undefined],
      ["@acme/hidden", "restricted", "otto"],
      ["@other/lib", "restricted", undefined],
    ] as const)
      await database.write((transaction) =>
        names.claim(transaction, { name: parsePackageName(name), visibility, owner }),
      );
    await names.changed();
  }

  return {
    hosting,
    identity,
    names,
    clock,
    tokenOf: (name, bounds = {}) => tokenOf(identity, name, bounds),
  };
}
