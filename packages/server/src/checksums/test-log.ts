import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  fromBase64,
  integrityFromSha512,
  leafHash,
  namesSuccessor,
  openNote,
  parseCheckpoint,
  parsePackageName,
  parseRecord,
  parseTlogProof,
  parseVersion,
  toBase64,
  verifier,
  verifyInclusion,
  verifyMany,
} from "@assay/core";
import type { Checkpoint, Edge } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createFileBlobStore } from "../platform/blobs/files.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Migrations } from "../platform/database/database.ts";
import { createEvents, eventMigrations } from "../platform/events/outbox.ts";
import { createSystemClock } from "../platform/system-clock.ts";
import { createLogger } from "../platform/telemetry/logger.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { createSigning } from "../signing/signing.ts";
import type { Signing } from "../signing/signing.ts";
import { checkLog, checksumMigrations, createChecksums } from "./checksums.ts";
import type { BindFacts, Checksums, LogWitnesses, ChecksumsConfig, ChecksumsDependencies } from "./checksums.ts";
import { claimBindIn } from "./claim-bind.ts";
import { createGuardFile } from "./guard.ts";
import type { GuardFile } from "./guard.ts";
import { createLogInstruments } from "./instruments.ts";
import { createPublishedHeads } from "./published.ts";
import type { PublishedHeads } from "./published.ts";
import { advanceRotation } from "./rotation/advance.ts";
import { requestRotation } from "./rotation/request.ts";
import { createSequencer } from "./sequence/sequencer.ts";
import type { Sequencer } from "./sequence/sequencer.ts";
import type { CrashPoint } from "./sequence/steps.ts";
import { isSequenced } from "./start.ts";
import { listShards } from "./store-shards.ts";
import type { Shard } from "./store-shards.ts";
import { recordHash, sha256 } from "./tile-rows.ts";
import { createTiles } from "./tiles.ts";
import type { Tiles } from "./tiles.ts";

/** One deployment's log over a database and a folder, for tests: what a restart keeps is in these two. */
export interface TestLog {
  readonly deps: ChecksumsDependencies;
  readonly config: ChecksumsConfig;
  /** Of blobs and keys. */
  readonly folder: string;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly signing: Signing;
  readonly guardFile: GuardFile;
  /** Log lines, JSON each. */
  readonly lines: string[];
  /** Opens the room as a start does. */
  open(): Promise<Checksums>;
  /** A sequencer of the newest shard, with what it publishes; `crashPoint` may throw. */
  sequencer(crashPoint?: (point: CrashPoint) => void | Promise<void>): Promise<TestSequencer>;
  /** Claims binds `first` to `first + count - 1` of `bindFacts` in one transaction. */
  claim(first: number, count: number): Promise<void>;
  /** The same without opening the room, so without its checks. */
  claimDirectly(first: number, count: number): Promise<void>;
  /** Sequences until nothing waits, also over a rotation, and opens the room. */
  settle(crashPoint?: (point: CrashPoint) => void | Promise<void>): Promise<Checksums>;
  /** Asks for a new shard, and settles. */
  rotate(): Promise<Checksums>;
}

export interface TestSequencer extends Sequencer {
  /** One step of a rotation. */
  advance(): ReturnType<typeof advanceRotation>;
  readonly signed: PublishedHeads;
  readonly tiles: Tiles;
  readonly shard: Shard;
}

/** What `createTestLog` needs in its database. */
export const logMigrations: readonly Migrations[] = [eventMigrations, checksumMigrations];

export interface TestLogOptions {
  readonly database: Database;
  readonly folder: string;
  readonly clock?: Clock;
  readonly config?: Partial<ChecksumsConfig>;
  readonly seed?: number;
  readonly witnesses?: LogWitnesses;
  readonly organisationOf?: ChecksumsDependencies["organisationOf"];
}

export async function createTestLog(options: TestLogOptions): Promise<TestLog> {
  const { database, folder, clock = createSystemClock() } = options;
  const lines: string[] = [];
  const random = createSeededRandom(options.seed ?? 7);
  const blobs = await createFileBlobStore({ random }, { folder: join(folder, "blobs") });
  const signing = createSigning({ random }, { keyFolder: join(folder, "keys") });
  const config: ChecksumsConfig = {
    visibility: "private",
    originBase: undefined,
    guardFolder: join(folder, "guard"),
    leaderGoneMs: 2000,
    ...options.config,
  };
  const guardFile = createGuardFile({ random }, { folder: config.guardFolder });
  const telemetry = () => ({
    log: createLogger({ clock, write: (line) => lines.push(line) }, { level: "info", format: "json" }),
    metrics: createMetrics({ processMetrics: false }),
  });
  const base = {
    database,
    blobs,
    signing,
    clock,
    random,
    events: createEvents({ clock }),
    ...(options.witnesses && { witnesses: options.witnesses }),
    ...(options.organisationOf && { organisationOf: options.organisationOf }),
  };
  const log: TestLog = {
    get deps() {
      return { ...base, telemetry: telemetry() };
    },
    config,
    folder,
    database,
    blobs,
    signing,
    guardFile,
    lines,
    open: () => createChecksums(log.deps, config),

    async sequencer(crashPoint = () => {}) {
      await log.open();
      const { metrics, log: logger } = telemetry();
      const shard = (await listShards(database.read)).find(isSequenced);
      if (shard === undefined) throw new Error("no shard");
      const tiles = createTiles({ ...base, telemetry: { metrics, log: logger } }, { cacheBytes: 1e6 });
      const signed = createPublishedHeads();
      const instruments = createLogInstruments(metrics);
      const deps = { ...base, tiles, guardFile, signed, instruments, crashPoint, originBase: config.originBase };
      const sequencer = createSequencer(deps, shard, await signing.checkpointSigner(shard.origin, shard.vkey));
      const advance = () => advanceRotation(deps, shard, sequencer.fence);
      return Object.assign(sequencer, { signed, tiles, shard, advance });
    },

    async claim(first, count) {
      await log.open();
      await log.claimDirectly(first, count);
    },

    async claimDirectly(first, count) {
      await database.write(async (transaction) => {
        for (let i = first; i < first + count; i += 1) await claimBindIn(transaction, "npm", bindFacts(i), clock.now());
      });
    },

    async settle(crashPoint) {
      let rotation: Awaited<ReturnType<TestSequencer["advance"]>>;
      do {
        const sequencer = await log.sequencer(crashPoint);
        await sequencer.takeOver();
        do {
          while ((await sequencer.commit()) !== "idle");
          rotation = await sequencer.advance();
        } while (rotation === "advanced");
      } while (rotation === "frozen");
      return await log.open();
    },

    async rotate() {
      await log.open();
      await requestRotation(database, "npm");
      return await log.settle();
    },
  };
  return log;
}

/** A bind that is a pure function of its number: seven packages, versions without end. */
export function bindFacts(number: number, bytes = `bytes of ${number}`): BindFacts {
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest();
  return {
    name: parsePackageName(["plain", "@scope/name", "Legacy", "a", "ab", "~t", "x.y"][number % 7] ?? "a"),
    version: parseVersion(`1.0.${number}`),
    integrity: integrityFromSha512(digest("sha512")),
    tree: `t1-${toBase64(digest("sha256"))}`,
    manifest: `sha256-${toBase64(digest("sha256"))}`,
    sizeBytes: number,
    source: "npm",
    signer: "-",
  };
}

export const never: AbortSignal = new AbortController().signal;

/** The verified content of a signed checkpoint. */
export async function openCheckpoint(note: string, vkey: string): Promise<Checkpoint> {
  const { text } = await openNote(note, [await verifier(vkey)]);
  return parseCheckpoint(text);
}

/**
 * Fails unless the log is sound: the doctor finds nothing, exactly the binds with these numbers are bound, each is
 * proved against a signed checkpoint, and every checkpoint that was ever seen is a beginning of the newest tree.
 */
export async function assertSound(
  log: TestLog,
  checksums: Checksums,
  numbers: readonly number[],
  seen: readonly string[] = [],
): Promise<void> {
  const { guardFolder } = log.config;
  assert.deepEqual(await checkLog(log.deps, { guardFolder, entries: "all" }), []);
  const vkeys = new Map(checksums.logs.list().map((shard) => [shard.origin, shard.vkey]));
  const entries = numbers.map((number) => bindFacts(number));
  const { bundles, missing } = await checksums.logs.bundle(undefined, entries, never);
  assert.deepEqual(missing, []);
  const bound = new Set<string>();
  for (const { origin, checkpoint, records, hashes } of bundles) {
    const { size, root } = await openCheckpoint(checkpoint, vkeys.get(origin) ?? "");
    const leaves = records.map(({ index, text }) => ({ index, leafHash: recordHash(text) }));
    assert.ok(verifyMany(sha256, { size, root, leaves, hashes: hashes.map(fromBase64) }));
    for (const { index, text } of records) {
      if (namesSuccessor(parseRecord(text))) assert.equal(index, size - 1);
      else bound.add(text.split("\n", 5).slice(2, 5).join(" "));
    }
  }
  assert.deepEqual(
    [...bound].sort(),
    entries.map((e) => `name ${e.name} version ${e.version} integrity ${e.integrity}`).sort(),
  );
  for (const entry of [entries[0], entries.at(-1)]) {
    if (entry === undefined) continue;
    const text = await checksums.logs.proof(undefined, entry.name, entry.version, never);
    const { index, proof, checkpoint, extra = new Uint8Array() } = parseTlogProof(text ?? "");
    const origin = checkpoint.slice(0, checkpoint.indexOf("\n"));
    const { size, root } = await openCheckpoint(checkpoint, vkeys.get(origin) ?? "");
    assert.ok(verifyInclusion(sha256, { size, root, index, leafHash: leafHash(sha256, extra), proof }));
  }
  for (const note of seen) await assertBeginning(log, checksums, note);
}

async function assertBeginning(log: TestLog, checksums: Checksums, note: string): Promise<void> {
  const shard = checksums.logs.list().find((candidate) => note.startsWith(`${candidate.origin}\n`));
  assert.ok(shard);
  const old = await openCheckpoint(note, shard.vkey);
  const newest = await openCheckpoint(checksums.logs.checkpoint(shard.shard) ?? "", shard.vkey);
  assert.ok(old.size <= newest.size, "a checkpoint that was seen is ahead of the log");
  const { metrics, log: logger } = log.deps.telemetry;
  const tiles = createTiles({ ...log, telemetry: { metrics, log: logger } }, { cacheBytes: 1e6 });
  const edge: Edge = { size: 0, levels: [] };
  assert.deepEqual(
    Buffer.from(await tiles.rootAt({ shard: shard.shard, size: 0, edge }, old.size)),
    Buffer.from(old.root),
    "a checkpoint that was seen is not a beginning of the log",
  );
}
