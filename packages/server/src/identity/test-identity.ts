import { createFakeClock, type FakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import type { Config } from "../config/config.ts";
import type { Credentials } from "../http/credentials.ts";
import type { Database } from "../platform/database/database.ts";
import type { Act } from "../platform/events/events.ts";
import { createEvents, eventMigrations } from "../platform/events/outbox.ts";
import { createLogger } from "../platform/telemetry/logger.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { createVault } from "./sign-in/vault.ts";
import { createIdentity, identityMigrations, type People } from "./identity.ts";
import type { NewToken } from "./tokens/tokens.ts";

export const identityTestMigrations = [eventMigrations, identityMigrations];

/** Longer and other than what may be guessed. */
export const password = "correct horse battery";

export interface TestIdentity {
  readonly identity: People;
  readonly clock: FakeClock;
  /** Kinds and subjects, in order. */
  events(): Promise<readonly string[]>;
  /** What the audit trail will say of the kinds that begin so: kind, who, from where, by which policy, result, whose trail. */
  acts(kind: string): Promise<readonly string[]>;
}

/** The room over a database that has `identityTestMigrations`; twice over one database is two processes. */
export function createTestIdentity(
  database: Database,
  {
    clock = createFakeClock(),
    seed = 1,
    ...config
  }: Partial<Config["identity"]> & {
    readonly clock?: FakeClock;
    readonly seed?: number;
    readonly loopbackOnly?: boolean;
  } = {},
): TestIdentity {
  const telemetry = {
    log: createLogger({ clock, write: () => undefined }, { level: "error", format: "json" }),
    metrics: createMetrics({ processMetrics: false }),
  };
  const { loopbackOnly = true, ...options } = config;
  const random = createSeededRandom(seed);
  const vault = createVault({ random }, new Uint8Array(32));
  const identity = createIdentity(
    { database, clock, random, telemetry, events: createEvents({ clock }), vault },
    {
      loopbackOnly,
      identity: {
        registration: "loopback",
        passwordWrites: false,
        organisations: "loopback",
        loginDays: 30,
        maxTokenDays: 90,
        read: "anyone",
        membersRead: "granted",
        policies: "/policies",
        approvals: [],
        approvalDays: 7,
        ...options,
      },
    },
  );
  return {
    identity,
    clock,
    acts: (kind) => actsOf(database, kind),
    async events() {
      const rows = await database.read
        .withTables<{ events: { id: number; kind: string; subject: string } }>()
        .selectFrom("events")
        .select(["kind", "subject"])
        .orderBy("id")
        .execute();
      return rows.map(({ kind, subject }) => `${kind} ${subject}`);
    },
  };
}

/** As `TestIdentity.acts`, of any database that has events. */
export async function actsOf(database: Database, kind: string): Promise<readonly string[]> {
  const rows = await database.read
    .withTables<{ events: { id: number; kind: string; act: string | null } }>()
    .selectFrom("events")
    .select(["kind", "act"])
    .orderBy("id")
    .execute();
  return rows
    .filter((row) => row.kind.startsWith(kind))
    .map((row) => {
      const { who, address, policy, result, organisation } = JSON.parse(row.act ?? "{}") as Partial<Act>;
      return [row.kind, who, address, policy, result, organisation].filter(Boolean).join(" ");
    });
}

/** What a request shows, from 192.0.2.1 unless said otherwise. */
export function showing(shown: Partial<Credentials>): Credentials {
  return { bearer: undefined, basic: undefined, session: undefined, otp: undefined, address: "192.0.2.1", ...shown };
}

/** A token of somebody's who has an account, good for all that they may unless said otherwise. */
export async function tokenOf(
  { tokens }: Pick<People, "tokens">,
  name: string,
  more: Partial<NewToken> = {},
): Promise<string> {
  const { secret } = await tokens.issue(`person:${name}`, {
    holder: `person:${name}`,
    holderName: name,
    origin: "made",
    name: "test",
    level: "read-write",
    packages: undefined,
    organisations: undefined,
    cidrs: undefined,
    expiresAtMs: undefined,
    ...more,
  });
  return secret;
}
