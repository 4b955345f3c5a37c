/** What the rooms stand on, opened: shared by the server and by commands that work on an installation without it. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { admissionMigrations } from "./admission/admission.ts";
import { closureMigrations } from "./closure/closure.ts";
import { checksumMigrations, seenByWitnesses } from "./checksums/checksums.ts";
import type { LogWitnesses, SeenElsewhere } from "./checksums/checksums.ts";
import type { LoadedConfig } from "./config/load.ts";
import { identityMigrations } from "./identity/identity.ts";
import { insightMigrations } from "./insight/insight.ts";
import { mirroringMigrations } from "./mirroring/mirroring.ts";
import { openLogWitnesses } from "./log-witnesses.ts";
import type { BlobStore } from "./platform/blobs/blobs.ts";
import { createFileBlobStore } from "./platform/blobs/files.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database/database.ts";
import { runMigrations } from "./platform/database/migrate.ts";
import { openDatabase } from "./platform/database/open.ts";
import { createEvents, eventMigrations } from "./platform/events/outbox.ts";
import type { Events } from "./platform/events/events.ts";
import { jobMigrations } from "./platform/jobs/queue.ts";
import type { Random } from "./platform/random.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { chooseFormat, createLogger } from "./platform/telemetry/logger.ts";
import { createMetrics } from "./platform/telemetry/metrics.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { delegationMigrations } from "./delegation/delegation.ts";
import { publishingMigrations } from "./publishing/publishing.ts";
import { releaseMigrations } from "./releases/migrations.ts";
import { searchMigrations } from "./serving/serving.ts";
import { createSigning, signingMigrations } from "./signing/signing.ts";
import type { Signing } from "./signing/signing.ts";
import { sweepMigrations } from "./sweep/sweep.ts";
import { upstreamMigrations } from "./upstreams/upstreams.ts";
import { gossipMigrations } from "./witnessing/witnessing.ts";

export interface Storage extends AsyncDisposable {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly events: Events;
  readonly signing: Signing;
  /** Whom the log asks for cosignatures. */
  readonly witnesses: LogWitnesses;
  /** What they have seen of the log. */
  readonly seenElsewhere: SeenElsewhere;
}

export interface StorageOptions {
  /** Log lines; text on a terminal, JSON elsewhere. */
  readonly logTo: Writable & { readonly isTTY?: boolean };
}

const migrations = [
  jobMigrations,
  eventMigrations,
  signingMigrations,
  gossipMigrations,
  checksumMigrations,
  releaseMigrations,
  upstreamMigrations,
  delegationMigrations,
  identityMigrations,
  insightMigrations,
  closureMigrations,
  admissionMigrations,
  sweepMigrations,
  mirroringMigrations,
  publishingMigrations,
  searchMigrations,
];

/** Opens database, blobs and keys below the data folder, making what is not there and bringing the schema up to date. */
export async function openStorage({ config, secrets }: LoadedConfig, { logTo }: StorageOptions): Promise<Storage> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const log = createLogger(
    { clock, write: (line) => void logTo.write(line) },
    { level: config.logging.level, format: chooseFormat(config.logging.format, logTo.isTTY === true) },
  );
  const telemetry: Telemetry = { log, metrics: createMetrics({ processMetrics: true }) };
  const below = (folder: string): string => join(config.dataFolder, folder);
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 });

  await using stack = new AsyncDisposableStack();
  const database = stack.use(
    await openDatabase(
      { clock, random },
      config.database.engine === "sqlite"
        ? { engine: "sqlite", path: below("assay.db") }
        : { engine: "postgres", url: secrets.databaseUrl ?? "" },
    ),
  );
  await runMigrations({ database, clock }, migrations);
  const blobs = await createFileBlobStore({ random }, { folder: below("blobs") });
  const witnesses = stack.use(await openLogWitnesses({ clock, random }, config, secrets));
  const opened = stack.move();
  return {
    clock,
    random,
    telemetry,
    database,
    blobs,
    events: createEvents({ clock }),
    witnesses,
    seenElsewhere: seenByWitnesses({ clock, telemetry }, witnesses),
    signing: createSigning({ random }, { keyFolder: below("keys") }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
