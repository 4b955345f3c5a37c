import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  AssayError,
  parsePackageName,
  parseVersion,
  type Integrity,
  type PackageName,
  type RegistryKey,
  type Version,
} from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream, type TestUpstream, type TestUpstreamOptions } from "@assay/testkit/upstream";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import type { Bind } from "../src/checksums/checksums.ts";
import type { Config, UpstreamConfig } from "../src/config/config.ts";
import { createFileBlobStore } from "../src/platform/blobs/files.ts";
import { runMigrations } from "../src/platform/database/migrate.ts";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";
import { createEvents, eventMigrations } from "../src/platform/events/outbox.ts";
import { createJobQueue } from "../src/platform/jobs/queue.ts";
import { jobMigrations } from "../src/platform/jobs/store.ts";
import { createUpstreamClient, noCredentials } from "../src/platform/network/client.ts";
import { systemResolve } from "../src/platform/network/dispatchers.ts";
import { directSettings } from "../src/platform/network/settings.ts";
import { createLogger } from "../src/platform/telemetry/logger.ts";
import { createMetrics } from "../src/platform/telemetry/metrics.ts";
import { createWorkers } from "../src/platform/workers/workers.ts";
import { createReleases } from "../src/releases/create-releases.ts";
import { releaseMigrations } from "../src/releases/migrations.ts";
import { createRegistrySigning, signingMigrations } from "../src/signing/signing.ts";
import { indexListings, openSearchIndex, searchMigrations } from "../src/serving/serving.ts";
import { parseQuestion } from "../src/serving/search/terms.ts";
import { createUpstreams, upstreamMigrations, type UpstreamsRoom } from "../src/upstreams/upstreams.ts";

export interface RoomOptions extends TestUpstreamOptions {
  /** More about the registry `npm`. */
  readonly owner?: Partial<Omit<UpstreamConfig, "names">>;
  /** Mirrors of it by alias, each a test upstream of its own. */
  readonly mirrors?: Readonly<Record<string, Partial<Omit<UpstreamConfig, "names">>>>;
  readonly tarballHosts?: readonly string[];
  readonly packumentBytes?: number;
  readonly pinnedKeys?: ReadonlyMap<string, readonly RegistryKey[]>;
  readonly signatures?: UpstreamConfig["signatures"];
}

/** The room over a real database, a real upstream and real workers; time stands still until told. */
export async function openRoom(t: TestContext, options: RoomOptions = {}) {
  const closing: AsyncDisposable[] = [];
  const opened = <One extends AsyncDisposable>(one: One): One => {
    closing.unshift(one);
    return one;
  };
  // Hooks run in the order in which they were set: everything is closed before its folder goes.
  t.after(async () => {
    for (const one of closing) await one[Symbol.asyncDispose]();
  });
  const dataFolder = tempFolder(t);
  const clock = createFakeClock();
  const random = createSeededRandom();
  const upstream = opened(await createTestUpstream(options));
  const database = opened(await createSqliteDatabase({ path: join(dataFolder, "assay.sqlite") }));
  await runMigrations({ database, clock }, [
    jobMigrations,
    eventMigrations,
    signingMigrations,
    releaseMigrations,
    upstreamMigrations,
    searchMigrations,
  ]);
  const searchIndex = openSearchIndex(database);
  const lines: string[] = [];
  const log = createLogger({ clock, write: (line) => void lines.push(line) }, { level: "info", format: "json" });
  const telemetry = () => ({ log, metrics: createMetrics({ processMetrics: false }) });
  const binds = new Map<Version, Bind>();
  const checksums = {
    bindsOf: async () => binds,
    claimConflict: async () => true,
    claimSighting: async () => true,
    claimSeen: async () => true,
    claimTag: async () => true,
  };
  const signing = await createRegistrySigning(
    { database, clock, random, telemetry: telemetry(), announce: async () => {} },
    { keyFolder: join(dataFolder, "keys") },
  );
  const events = createEvents({ clock });
  const releases = createReleases(
    { database, checksums, signing, events, clock, telemetry: telemetry() },
    { refuseWithinHours: 72 },
  );
  const jobs = createJobQueue({ database, clock, random, telemetry: telemetry() });
  const workers = opened(createWorkers({ maxThreads: 1, idleMs: 1000, maxHeapMiB: 1024 }));
  const own = upstreamConfig({
    url: upstream.url,
    tarballHosts: options.tarballHosts ?? [],
    signatures: options.signatures ?? "prefer",
    timeouts: { connectMs: 1000, headersMs: 300, bodyIdleMs: 300 },
    ...options.owner,
  });
  const mirrors: Record<string, TestUpstream> = {};
  const upstreams = [own];
  for (const [name, more] of Object.entries(options.mirrors ?? {})) {
    const mirror = opened(await createTestUpstream());
    mirrors[name] = mirror;
    upstreams.push(
      upstreamConfig({ timeouts: own.timeouts, ...more, name, kind: "mirror", of: "npm", url: mirror.url }),
    );
  }
  const config: Pick<Config, "dataFolder" | "upstreams" | "packuments" | "limits"> = {
    dataFolder,
    upstreams,
    packuments: { maxAgeSeconds: 300, notFoundSeconds: 30 },
    limits: {
      packumentBytes: options.packumentBytes ?? 64 * 1024 * 1024,
      tarballBytes: 1024 * 1024,
      unpackedBytes: 1,
      archiveEntries: 1,
      requestBodyBytes: 1,
      memoryCacheBytes: 1,
    },
  };
  // Waits between the client's tries take no time here: the fake clock would wait for ever.
  const clientClock = { ...clock, sleep: async () => {} };
  const clients = new Map(
    upstreams.map((one) => [
      one.name,
      opened(
        createUpstreamClient(
          { clock: clientClock, random, settings: directSettings, resolve: systemResolve },
          one,
          noCredentials,
        ),
      ),
    ]),
  );
  const blobs = await createFileBlobStore({ random }, { folder: join(dataFolder, "blobs") });
  const open = (): UpstreamsRoom =>
    createUpstreams(
      {
        listings: indexListings(searchIndex, () => false),
        clients,
        database,
        blobs,
        jobs,
        releases,
        events,
        signing,
        pinnedKeys: options.pinnedKeys ?? new Map(),
        workers,
        clock,
        random,
        telemetry: telemetry(),
      },
      config,
    );
  return {
    room: open(),
    signing,
    binds,
    reopen: open,
    upstream,
    mirrors,
    /** How many packages a search for the text finds. */
    search: async (text: string) =>
      (await searchIndex.page(parseQuestion(text), { from: 0, size: 1, hidden: [] })).total,
    clock,
    database,
    blobs,
    releases,
    jobs,
    dataFolder,
    lines,
  };
}

export const a: PackageName = parsePackageName("a");

/** A bind of `a` at this version. */
export function bindOf(version: string): Bind {
  const digest = `sha256-${"A".repeat(43)}=`;
  const integrity = `sha512-${"A".repeat(86)}==` as Integrity;
  return {
    name: a,
    version: parseVersion(version),
    integrity,
    tree: digest,
    manifest: digest,
    sizeBytes: 1,
    source: "npm",
    signer: "-",
    claimedAtMs: 0 as Bind["claimedAtMs"],
  };
}

/** For assert.rejects: an AssayError with this code whose sentence matches. */
export function isError(code: AssayError["code"], text = /./): (error: unknown) => boolean {
  return (error) => error instanceof AssayError && error.code === code && text.test(error.message);
}
