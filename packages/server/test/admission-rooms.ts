import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createFakeClock, type FakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { createMirroring, mirroringMigrations, type Mirroring } from "../src/mirroring/mirroring.ts";
import { checksumMigrations, type Checksums, createChecksums } from "../src/checksums/checksums.ts";
import type { UpstreamConfig } from "../src/config/config.ts";
import {
  createDelegations,
  delegationMigrations,
  openDelegatedNames,
  type Delegations,
} from "../src/delegation/delegation.ts";
import type { BlobStore } from "../src/platform/blobs/blobs.ts";
import { createFileBlobStore } from "../src/platform/blobs/files.ts";
import { createSpool, type Spool } from "../src/platform/blobs/spool.ts";
import type { Database } from "../src/platform/database/database.ts";
import { runMigrations } from "../src/platform/database/migrate.ts";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";
import { createEvents, eventMigrations } from "../src/platform/events/outbox.ts";
import { createJobQueue, jobMigrations } from "../src/platform/jobs/queue.ts";
import { createUpstreamClient, noCredentials } from "../src/platform/network/client.ts";
import { systemResolve } from "../src/platform/network/dispatchers.ts";
import { directSettings } from "../src/platform/network/settings.ts";
import { createSystemClock } from "../src/platform/system-clock.ts";
import { createLogger } from "../src/platform/telemetry/logger.ts";
import { createMetrics } from "../src/platform/telemetry/metrics.ts";
import type { Telemetry } from "../src/platform/telemetry/telemetry.ts";
import { createWorkers } from "../src/platform/workers/workers.ts";
import { createReleases, releaseMigrations, type Releases } from "../src/releases/releases.ts";
import {
  createServing,
  type Serving,
  indexListings,
  openSearchIndex,
  searchMigrations,
} from "../src/serving/serving.ts";
import { sweepMigrations } from "../src/sweep/sweep.ts";
import { createRegistrySigning, createSigning, signingMigrations } from "../src/signing/signing.ts";
import { createAuditing, createUpstreams, upstreamMigrations, type Upstreams } from "../src/upstreams/upstreams.ts";
import {
  type Admission,
  type AdmissionDeps,
  type AdmissionOptions,
  admissionMigrations,
  createAdmission,
} from "../src/admission/admission.ts";

/** The room over real rooms, files, SQLite and a real upstream on loopback; only its own clock is a fake. */
export interface TestRooms extends AsyncDisposable {
  readonly admission: Admission;
  readonly delegations: Delegations;
  readonly mirroring: Mirroring;
  readonly serving: Serving;
  readonly telemetry: Telemetry;
  /** A second admission over the same storage, as another process has it. */
  another(): Admission;
  readonly upstream: TestUpstream;
  /** Mirrors and auditors of it, and other registries, by alias. */
  readonly mirrors: Readonly<Record<string, TestUpstream>>;
  readonly upstreams: Upstreams;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly releases: Releases;
  readonly checksums: Checksums;
  readonly spool: Spool;
  /** Of admission, releases and events; the network runs on the machine's. */
  readonly clock: FakeClock;
  events(): Promise<
    readonly { readonly kind: string; readonly subject: string; readonly data: Readonly<Record<string, unknown>> }[]
  >;
  claims(): Promise<readonly { readonly kind: string; readonly version: string }[]>;
  /** Texts of the claims of one kind: the record but for its place. */
  claimTexts(kind: string): Promise<readonly string[]>;
  blobKeys(prefix: string): Promise<readonly string[]>;
}

export interface TestRoomsOptions {
  /** Aliases of other registries, which own no names but those that are handed to them. */
  readonly others?: readonly string[];
  readonly delegations?: UpstreamConfig["delegations"];
  /** Aliases of auditors; all of them are needed. */
  readonly auditors?: readonly string[];
  /** Aliases of mirrors; those that begin with `-` (left out of the alias) stand before the registry. */
  readonly mirrors?: readonly string[];
  readonly integrity?: UpstreamConfig["integrity"];
  /** How many operators must serve the same bytes. Default 1; each source has its own. */
  readonly agree?: number;
  readonly signatures?: UpstreamConfig["signatures"];
  readonly limits?: Partial<AdmissionOptions["limits"]>;
  readonly evidence?: AdmissionOptions["evidence"];
  /** Of the randomness: rooms with another one have other keys. Default 3. */
  readonly seed?: number;
  /** Nobody owns any name: the machine behind the air gap. */
  readonly noUpstream?: boolean;
  /** How long a packument counts as fresh. Default 300. */
  readonly maxAgeSeconds?: number;
  /** `removed.refuseWithinHours`. Default 72. */
  readonly refuseWithinHours?: number;
  /** Stands between the rooms and the blobs, to fail or wait on purpose. */
  readonly wrapBlobs?: (blobs: BlobStore) => BlobStore;
}

const mebibyte = 1024 * 1024;

/** Opens the rooms below an empty folder. */
export async function createTestRooms(folder: string, options: TestRoomsOptions = {}): Promise<TestRooms> {
  await using stack = new AsyncDisposableStack();
  const clock = createFakeClock();
  const systemClock = createSystemClock();
  const random = createSeededRandom(options.seed ?? 3);
  const metrics = createMetrics({ processMetrics: false });
  const log = createLogger({ clock, write: () => {} }, { level: "error", format: "json" });
  const telemetry: Telemetry = { log, metrics };
  const upstream = stack.use(await createTestUpstream());
  const database = stack.use(await createSqliteDatabase({ path: join(folder, "assay.db") }));
  const migrations = [
    jobMigrations,
    eventMigrations,
    signingMigrations,
    checksumMigrations,
    releaseMigrations,
    upstreamMigrations,
    delegationMigrations,
    admissionMigrations,
    sweepMigrations,
    mirroringMigrations,
    searchMigrations,
  ];
  await runMigrations({ database, clock }, migrations);
  const files = await createFileBlobStore({ random }, { folder: join(folder, "blobs") });
  const blobs = options.wrapBlobs?.(files) ?? files;
  const events = createEvents({ clock });
  const signing = createSigning({ random }, { keyFolder: join(folder, "keys") });
  const guardFolder = join(folder, "guard");
  await mkdir(guardFolder, { recursive: true });
  const checksums = await createChecksums(
    { database, blobs, signing, clock, random, telemetry, events },
    { visibility: "private", originBase: undefined, guardFolder },
  );
  const registrySigning = await createRegistrySigning(
    { database, clock, random, telemetry, announce: async () => {} },
    { keyFolder: join(folder, "keys") },
  );
  const config = upstreamConfig({
    url: upstream.url,
    integrity: options.integrity ?? "accept-sha1",
    agree: options.agree ?? 1,
    delegations: options.delegations ?? "off",
    auditorsNeeded: options.auditors?.length ?? 0,
    signatures: options.signatures ?? "prefer",
    timeouts: { connectMs: 2000, headersMs: 200, bodyIdleMs: 200 },
  });
  const mirrors: Record<string, TestUpstream> = {};
  const before: UpstreamConfig[] = [];
  const after: UpstreamConfig[] = [];
  for (const said of options.mirrors ?? []) {
    const alias = said.replace(/^-/, "");
    const mirror = stack.use(await createTestUpstream());
    mirrors[alias] = mirror;
    const one = upstreamConfig({ name: alias, kind: "mirror", of: "npm", url: mirror.url, timeouts: config.timeouts });
    (said === alias ? after : before).push(one);
  }
  for (const alias of options.others ?? []) {
    const other = stack.use(await createTestUpstream());
    mirrors[alias] = other;
    after.push(upstreamConfig({ name: alias, url: other.url, names: [], timeouts: config.timeouts }));
  }
  for (const alias of options.auditors ?? []) {
    const auditor = stack.use(await createTestUpstream());
    mirrors[alias] = auditor;
    after.push(
      upstreamConfig({ name: alias, kind: "auditor", of: "npm", url: auditor.url, timeouts: config.timeouts }),
    );
  }
  const all = [...before, config, ...after];
  const registries = all.filter(({ kind }) => kind === "registry").map((one) => one.name);
  const delegated = await openDelegatedNames({ database }, new Set(registries));
  const releases = createReleases(
    { database, checksums, signing: registrySigning, events, clock, telemetry },
    { refuseWithinHours: options.refuseWithinHours ?? 72, auditingOf: createAuditing(all, delegated.aliasOf) },
  );
  const clients = new Map(
    all.map((one) => [
      one.name,
      stack.use(
        createUpstreamClient(
          { clock: systemClock, random, settings: directSettings, resolve: systemResolve },
          one,
          noCredentials,
        ),
      ),
    ]),
  );
  const workers = stack.use(createWorkers({ maxThreads: 1, idleMs: 1000, maxHeapMiB: 256 }));
  const limits = {
    packumentBytes: 16 * mebibyte,
    tarballBytes: 16 * mebibyte,
    unpackedBytes: 64 * mebibyte,
    archiveEntries: 1000,
    requestBodyBytes: mebibyte,
    memoryCacheBytes: mebibyte,
    ...options.limits,
  };
  const jobs = createJobQueue({ database, clock, random, telemetry });
  const searchIndex = openSearchIndex(database);
  const upstreams = createUpstreams(
    {
      listings: indexListings(searchIndex, () => false),
      clients,
      database,
      blobs,
      jobs,
      releases,
      events,
      signing: registrySigning,
      pinnedKeys: new Map(),
      workers,
      clock,
      random,
      telemetry,
      delegatedTo: delegated.aliasOf,
    },
    {
      dataFolder: folder,
      upstreams: options.noUpstream === true ? [] : all,
      packuments: { maxAgeSeconds: options.maxAgeSeconds ?? 300, notFoundSeconds: 30 },
      limits,
    },
  );
  const spool = await createSpool({ random }, { folder: join(folder, "spool"), maxBytes: 64 * mebibyte });
  const delegations = createDelegations(
    { database, blobs, checksums, releases, upstreams, delegated, events, clock, telemetry },
    { upstreams: all },
  );
  const deps: AdmissionDeps = {
    delegations,
    database,
    blobs,
    checksums,
    releases,
    upstreams,
    signing: registrySigning,
    events,
    clock,
    spool,
    workers,
    telemetry,
  };
  const admissionOptions: AdmissionOptions = {
    limits,
    integrityPolicy: () => config.integrity,
    ...(options.evidence === undefined ? {} : { evidence: options.evidence }),
  };
  const opened = stack.move();
  const admission = createAdmission(deps, admissionOptions);
  const serving = createServing(
    {
      ...deps,
      upstreams,
      releases,
      admission,
      names: { packages: () => [] },
      searchIndex,
      hold: checksums.hold,
      random,
    },
    { cacheFolder: join(folder, "cache", "documents"), memoryBytes: mebibyte, lockfileUrls: "here" },
  );
  return {
    admission,
    delegations,
    mirroring: createMirroring(
      {
        ...deps,
        upstreams,
        admission,
        releases,
        checksums,
        shown: {
          view: (packument) => serving.documents.view(packument),
          overlays: (packument, view) => serving.documents.overlays(packument, view),
        },
      },
      { limits, mirror: { names: [], lockfiles: [], everyMinutes: 60 } },
    ),
    serving,
    telemetry,
    another: () =>
      createAdmission(
        { ...deps, telemetry: { log, metrics: createMetrics({ processMetrics: false }) } },
        admissionOptions,
      ),
    upstream,
    mirrors,
    upstreams,
    database,
    blobs,
    releases,
    checksums,
    spool,
    clock,
    async events() {
      const rows = await database.read
        .withTables<{ events: { id: number; kind: string; subject: string; data: string } }>()
        .selectFrom("events")
        .select(["kind", "subject", "data"])
        .orderBy("id")
        .execute();
      return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
    },
    claims: () =>
      database.read
        .withTables<{ log_claims: { id: number; kind: string; version: string } }>()
        .selectFrom("log_claims")
        .select(["kind", "version"])
        .orderBy("id")
        .execute(),
    async claimTexts(kind) {
      const rows = await database.read
        .withTables<{ log_claims: { id: number; kind: string; facts: string } }>()
        .selectFrom("log_claims")
        .select("facts")
        .where("kind", "=", kind)
        .orderBy("id")
        .execute();
      return rows.map(({ facts }) => facts);
    },
    async blobKeys(prefix) {
      const keys: string[] = [];
      for await (const { key } of blobs.list(prefix)) keys.push(key);
      return keys;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
