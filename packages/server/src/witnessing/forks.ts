import { hash } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { formatFork, toHex } from "@assay/core";
import type { Fork } from "@assay/core";
import { makeFolder, syncFolder } from "../platform/blobs/durable.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { WitnessInstruments } from "./instruments.ts";
import { addFork, forksOf } from "./store.ts";

/** Where proof against logs is kept, and who hears of it. */
export interface Forks {
  /**
   * Keeps the evidence and raises the alarm: a row, a file, a log line, a metric. Answers the document. Durable on
   * return; a crash between row and file is made good at the next start. The same evidence alarms once, and of a log
   * that goes on forking the first hundred proofs are kept: one is enough, and more would fill the disk.
   */
  keep(origin: string, fork: Fork): Promise<string>;
  /** Documents about a log, oldest first. */
  of(origin: string): Promise<readonly string[]>;
  /** Writes the files that are missing and sets the metric; at start. */
  restore(origins: readonly string[]): Promise<void>;
}

const mostProofs = 100;

export interface ForkDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly instruments: Pick<WitnessInstruments, "forks">;
}

export function createForks(deps: ForkDependencies, options: { readonly folder: string }): Forks {
  const { database, clock, telemetry, instruments } = deps;

  async function count(origin: string): Promise<void> {
    instruments.forks.set((await forksOf(database.read, origin)).length, { origin });
  }

  return {
    async keep(origin, fork) {
      const document = formatFork(fork);
      const digest = digestOf(document);
      const isNew = await database.write((transaction) =>
        addFork(transaction, { origin, digest, document, foundAtMs: clock.now() }, mostProofs),
      );
      if (!isNew) return document;
      const path = await writeEvidence(deps.random, options.folder, document);
      telemetry.log.error("a log signed two histories that exclude each other; keep the evidence and tell its users", {
        "log.origin": origin,
        "evidence.path": path,
      });
      await count(origin);
      return document;
    },

    of: (origin) => forksOf(database.read, origin),

    async restore(origins) {
      for (const origin of origins) {
        for (const document of await forksOf(database.read, origin))
          await writeEvidence(deps.random, options.folder, document);
        await count(origin);
      }
    },
  };
}

function digestOf(document: string): string {
  return hash("sha256", document);
}

/** `<folder>/fork-<hex sha256 of the document>.json`, durable on return. The name says what is in it, so it is never replaced. */
async function writeEvidence(random: Random, folder: string, document: string): Promise<string> {
  await makeFolder(folder);
  const path = join(folder, `fork-${digestOf(document)}.json`);
  const temporary = `${path}.${toHex(random.bytes(8))}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(document);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
  await syncFolder(folder);
  return path;
}
