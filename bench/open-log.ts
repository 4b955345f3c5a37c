import { join } from "node:path";
import {
  checksumMigrations,
  createChecksums,
  type Checksums,
  type ChecksumsDependencies,
  type LogWitnesses,
} from "../packages/server/src/checksums/checksums.ts";
import { createFileBlobStore } from "../packages/server/src/platform/blobs/files.ts";
import { runMigrations } from "../packages/server/src/platform/database/migrate.ts";
import { createSqliteDatabase } from "../packages/server/src/platform/database/sqlite.ts";
import { createEvents, eventMigrations } from "../packages/server/src/platform/events/outbox.ts";
import { createSystemClock } from "../packages/server/src/platform/system-clock.ts";
import { createSystemRandom } from "../packages/server/src/platform/system-random.ts";
import { createLogger } from "../packages/server/src/platform/telemetry/logger.ts";
import { createMetrics } from "../packages/server/src/platform/telemetry/metrics.ts";
import { createSigning } from "../packages/server/src/signing/signing.ts";

export interface BenchLog extends AsyncDisposable {
  readonly deps: ChecksumsDependencies;
  readonly checksums: Checksums;
  readonly guardFolder: string;
}

/** A log on SQLite and files below a folder, as a server has it; nothing is sequenced before `checksums.run`. */
export async function openLog(folder: string, witnesses?: LogWitnesses): Promise<BenchLog> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const database = await createSqliteDatabase({ path: join(folder, "data", "assay.sqlite") });
  await runMigrations({ database, clock }, [eventMigrations, checksumMigrations]);
  const log = createLogger({ clock, write: (line) => process.stderr.write(line) }, { level: "warn", format: "text" });
  const deps = {
    database,
    blobs: await createFileBlobStore({ random }, { folder: join(folder, "data", "blobs") }),
    signing: createSigning({ random }, { keyFolder: join(folder, "data", "keys") }),
    clock,
    random,
    telemetry: { log, metrics: createMetrics({ processMetrics: false }) },
    events: createEvents({ clock }),
    ...(witnesses && { witnesses }),
  };
  const guardFolder = join(folder, "guard");
  const checksums = await createChecksums(deps, { visibility: "private", originBase: undefined, guardFolder });
  return { deps, checksums, guardFolder, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}
