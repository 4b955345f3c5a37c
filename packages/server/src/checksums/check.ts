import {
  AssayError,
  appendLeaves,
  edgeRoot,
  emptyEdge,
  encodeEntries,
  encodeUtf8,
  equalBytes,
  isAssayError,
  packageOf,
  parseRecord,
  tilePath,
  tileWidth,
} from "@assay/core";
import type { KnownRecord, TileCoordinates } from "@assay/core";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Database } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { createGuardFile } from "./guard.ts";
import { verifyHead } from "./start.ts";
import type { VerifiedHead } from "./start.ts";
import { claimsPage, entriesBetween, newestClaimId, packagesNamed, recordsAt } from "./store.ts";
import type { EntryRow, PackageRow } from "./store.ts";
import { listShards } from "./store-shards.ts";
import type { Shard } from "./store-shards.ts";
import { recordHash, sha256 } from "./tile-rows.ts";
import { createTiles, tileKey } from "./tiles.ts";

/** Something in the log that is not as it must be. */
export interface LogFinding {
  readonly severity: "error" | "warning";
  readonly shard: string;
  /** One line: what is wrong, where. */
  readonly message: string;
}

export interface CheckDependencies {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export interface CheckOptions {
  readonly guardFolder: string;
  /** How many of the newest entries of each shard are read: `all`, or about this many. */
  readonly entries: "all" | number;
}

/** Rows read at a time; a multiple of the width of a tile. */
const pageSize = 16 * tileWidth;
/** After this many findings a shard is broken enough. */
const mostFindings = 100;

/**
 * Checks the whole log for `assay doctor`: heads, notes and both copies of the guard; every record against its leaf
 * hash, its claim and its package's chain of seq and prev; every full tile against the records; the root recomputed.
 * With a number of entries only the newest are read, and the root is that of the stored edge.
 *
 * Answers what is wrong, nothing when all is well. Changes nothing. Entries that are assigned while it runs may be
 * left out; so are those that wait for their signature.
 */
export async function checkLog(deps: CheckDependencies, options: CheckOptions): Promise<readonly LogFinding[]> {
  const guardFile = createGuardFile(deps, { folder: options.guardFolder });
  const tiles = createTiles(deps, { cacheBytes: 1024 * 1024 });
  const findings: LogFinding[] = [];
  const shards = await listShards(deps.database.read);
  for (const shard of shards) {
    const report = createReport(shard.id);
    let verified: VerifiedHead | undefined;
    try {
      verified = await verifyHead({ database: deps.database, tiles, guardFile, seenElsewhere: async () => [] }, shard);
    } catch (error) {
      if (!isAssayError(error)) throw error;
      report.error(error.message);
    }
    if (verified?.lostGuard !== undefined)
      report.warn(`the second copy of the signing guard is missing: ${guardFile.pathOf(shard.origin)}`);
    if (verified !== undefined) await checkEntries(deps, { shard, verified, report }, options.entries);
    findings.push(...report.findings);
  }
  for (const log of new Set(shards.map((shard) => shard.log)))
    findings.push(...(await checkClaims(deps, log, options.entries)));
  return findings;
}

interface Report {
  readonly findings: LogFinding[];
  error(message: string): void;
  warn(message: string): void;
}

function createReport(shard: string): Report {
  const findings: LogFinding[] = [];
  const add = (severity: LogFinding["severity"]) => (message: string) => {
    if (findings.length < mostFindings) findings.push({ severity, shard, message });
  };
  return { findings, error: add("error"), warn: add("warning") };
}

interface ShardCheck {
  readonly shard: Shard;
  readonly verified: VerifiedHead;
  readonly report: Report;
}

async function checkEntries(deps: CheckDependencies, check: ShardCheck, entries: "all" | number): Promise<void> {
  const { shard, verified, report } = check;
  const { size, root } = verified.head;
  const from = entries === "all" ? 0 : firstOfTile(Math.max(0, size - entries));
  const chains = createChains(check, from);
  let edge = emptyEdge();
  for (let start = from; start < size; start += pageSize) {
    const end = Math.min(size, start + pageSize);
    const rows = await entriesBetween(deps.database.read, shard.id, start, end);
    rows.forEach((row, i) => {
      if (row.idx !== start + i) report.error(`entry ${start + i} is missing`);
      if (!equalBytes(recordHash(row.record), row.leafHash))
        report.error(`entry ${row.idx} does not have the leaf hash that was signed`);
      chains.follow(row);
    });
    if (rows.length !== end - start) {
      report.error(`entries from ${start} to ${end - 1} are not complete`);
      return;
    }
    const appended = appendLeaves(
      sha256,
      edge,
      rows.map((row) => row.leafHash),
    );
    edge = appended.edge;
    for (const { level, index, bytes } of appended.fullTiles) {
      // Of a part of the tree only the lowest tiles are those of the whole tree.
      if (level > 0 && from > 0) continue;
      const shifted = index + (level === 0 ? from / tileWidth : 0);
      await checkTile(deps, check, { kind: "hash", level, index: shifted, width: tileWidth }, bytes);
      if (level > 0) continue;
      const first = shifted * tileWidth - start;
      const records = rows.slice(first, first + tileWidth).map((row) => encodeUtf8(row.record));
      const bundle: TileCoordinates = { kind: "entries", level: 0, index: shifted, width: tileWidth };
      await checkTile(deps, check, bundle, encodeEntries(records));
    }
  }
  if (from === 0 && !equalBytes(edgeRoot(sha256, edge), root))
    report.error(`the entries do not have the root that was signed at size ${size}`);
  await chains.end(deps);
}

async function checkTile(
  deps: CheckDependencies,
  { shard, report }: ShardCheck,
  tile: TileCoordinates,
  expected: Uint8Array,
): Promise<void> {
  const stored = await deps.blobs.read(tileKey(shard.id, tile));
  if (stored === undefined) report.warn(`${tilePath(tile)} is missing; it is made again at the next start`);
  else if (!equalBytes(stored, expected)) report.error(`${tilePath(tile)} is damaged; remove its blob and start again`);
}

/** Follows seq, prev, time and nonce through the records, in order. */
function createChains({ shard, verified, report }: ShardCheck, from: number) {
  const last = new Map<string, PackageRow>();
  let time = 0;
  return {
    follow(row: EntryRow): void {
      const record = knownRecord(row);
      if (record === undefined) return report.error(`entry ${row.idx} is not a valid record`);
      const { seq, prev } = record;
      const name = packageOf(record);
      const before = last.get(name);
      const isStart = before === undefined && (prev === "-" ? seq === 1 : prev < from);
      const follows = before !== undefined && prev === before.lastIdx && seq === before.seq + 1;
      if (!isStart && !follows)
        report.error(`entry ${row.idx} breaks the chain of ${name || "the log"}: seq ${seq}, prev ${prev}`);
      if (record.time < time) report.error(`entry ${row.idx} is older than the one before it`);
      if (shard.visibility === "private" && record.nonce === "-")
        report.error(`entry ${row.idx} of a private log has no nonce`);
      time = record.time;
      last.set(name, { name, seq, lastIdx: row.idx });
    },

    async end(deps: CheckDependencies): Promise<void> {
      // While rows wait for their signature, the table of packages is ahead of what was followed here.
      if (verified.head.assignedSize !== verified.head.size) return;
      const stored = await packagesNamed(deps.database.read, shard.id, [...last.keys()]);
      const rows = new Map(stored.map((row) => [row.name, row]));
      for (const { name, seq, lastIdx } of last.values()) {
        const row = rows.get(name);
        if (row !== undefined && row.lastIdx > lastIdx) continue;
        if (row?.seq !== seq || row.lastIdx !== lastIdx)
          report.error(`the last record of ${name || "the log"} is ${lastIdx}, but the table of packages differs`);
      }
    },
  };
}

function knownRecord(row: EntryRow): KnownRecord | undefined {
  try {
    const record = parseRecord(row.record);
    return record.kind === "unknown" ? undefined : record;
  } catch (error) {
    if (error instanceof AssayError) return undefined;
    throw error;
  }
}

/** Every sequenced claim must be the beginning of the record at its place. */
async function checkClaims(deps: CheckDependencies, log: string, entries: "all" | number): Promise<LogFinding[]> {
  const report = createReport(log);
  const { read } = deps.database;
  let after = 0;
  if (entries !== "all") after = Math.max(0, (await newestClaimId(read, log)) - entries);
  for (;;) {
    const claims = await claimsPage(read, log, after, pageSize);
    const places = Map.groupBy(
      claims.filter((claim) => claim.shard !== null),
      (claim) => claim.shard ?? "",
    );
    for (const [shard, placed] of places) {
      const records = await recordsAt(
        read,
        shard,
        placed.map((claim) => claim.idx ?? -1),
      );
      for (const claim of placed)
        if (records.get(claim.idx ?? -1)?.startsWith(claim.facts) !== true)
          report.error(`the claim ${claim.key} is not the record ${claim.idx} of ${shard}`);
    }
    const last = claims.at(-1);
    if (last === undefined) return report.findings;
    after = last.id;
  }
}

function firstOfTile(idx: number): number {
  return idx - (idx % tileWidth);
}
