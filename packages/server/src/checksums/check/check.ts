import { createRecordAudit, toBase64, tileWidth } from "@assay/core";
import type { AuditedShard, RecordAudit } from "@assay/core";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { createGuardFile } from "../guard.ts";
import type { HeadRow, ShardState } from "../store-shards.ts";
import { sha256 } from "../tile-rows.ts";
import { createTiles } from "../tiles.ts";
import { checkClaims, checkEveryEntryClaimed } from "./claims.ts";
import { createTreeCheck, pagesOf } from "./entries.ts";
import type { EntryRange } from "./entries.ts";
import { readLineages } from "./lineage.ts";
import type { CheckedShard } from "./lineage.ts";
import { checkPackages } from "./packages.ts";
import type { LogFinding } from "./report.ts";

export type { LogFinding } from "./report.ts";

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
  /** Called now and then with how many steps of all are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Most entries whose packages and versions are followed at once; memory is about 128 bytes for each. */
  readonly entriesInMemory?: number;
}

/** 512 MiB, when every entry is of another package. */
const defaultEntriesInMemory = 4 * 1024 * 1024;

/**
 * Checks the whole log, for `assay doctor` and `assay log fsck`: heads, notes and both copies of the guard; every
 * record against its leaf hash, its claim, its package's chain, and over all shards against the binds before it; every
 * full tile against the records; the root recomputed; the links between shards. With a number of entries only the
 * newest are read, and the root is that of the stored edge.
 *
 * Answers what is wrong, nothing when all is well. Changes nothing, and may run beside a server: entries that are
 * assigned while it runs may be left out; so are those that wait for their signature. Memory is bounded: more entries
 * than `entriesInMemory` are read several times.
 */
export async function checkLog(deps: CheckDependencies, options: CheckOptions): Promise<readonly LogFinding[]> {
  const guardFile = createGuardFile(deps, { folder: options.guardFolder });
  const tiles = createTiles(deps, { cacheBytes: 1024 * 1024 });
  const findings: LogFinding[] = [];
  for (const [log, lineage] of await readLineages({ database: deps.database, tiles, guardFile })) {
    await checkLineage(deps, lineage, options);
    findings.push(...lineage.flatMap(({ report }) => report.findings));
    findings.push(...(await checkClaims(deps, log, options.entries, () => {})));
  }
  return findings;
}

async function checkLineage(
  deps: CheckDependencies,
  lineage: readonly CheckedShard[],
  { entries, entriesInMemory = defaultEntriesInMemory, onProgress }: CheckOptions,
): Promise<void> {
  const ranges = lineage.map((checked) => rangeOf(checked, entries));
  const total = ranges.reduce((sum, { from, size }) => sum + size - from, 0);
  const parts = Math.max(1, Math.ceil(total / entriesInMemory));
  let done = 0;
  const onRead = (count: number): void => onProgress?.((done += count), total * parts);
  for (let part = 0; part < parts; part += 1) {
    let at = lineage[0];
    const audit = createRecordAudit(
      { sha256 },
      {
        part,
        parts,
        unknownKinds: "refuse",
        report: ({ index, reason }) => at?.report.error(`entry ${index} ${reason}`),
      },
    );
    for (const [i, checked] of lineage.entries()) {
      const range = ranges[i];
      if (range === undefined || checked.verified === undefined) continue;
      at = checked;
      audit.beginShard(auditedShard(checked, range, lineage[i - 1]));
      await readShard(deps, { checked, range, audit, isFirst: part === 0 }, onRead);
      audit.endShard();
      await checkPackages(deps, range, { ns: checked.shard.log, audit }, checked.report);
    }
  }
}

/** Reads the entries of a shard once; the first time also the tree over them. */
async function readShard(
  deps: CheckDependencies,
  {
    checked,
    range,
    audit,
    isFirst,
  }: {
    readonly checked: CheckedShard;
    readonly range: EntryRange;
    readonly audit: RecordAudit;
    readonly isFirst: boolean;
  },
  onRead: (count: number) => void,
): Promise<void> {
  const { verified, report } = checked;
  const tree = isFirst ? createTreeCheck(deps, range, report) : undefined;
  for await (const rows of pagesOf(deps, range, report)) {
    for (const row of rows) audit.follow(row.idx, row.record);
    await tree?.follow(rows);
    onRead(rows.length);
  }
  if (verified !== undefined) tree?.end(verified.head.root);
  if (isFirst && range.from === 0) await checkEveryEntryClaimed(deps, range, report);
}

function rangeOf({ shard, verified }: CheckedShard, entries: "all" | number): EntryRange {
  const size = verified?.head.size ?? 0;
  const from = entries === "all" ? 0 : firstOfTile(Math.max(0, size - entries));
  return { shard: shard.id, from, size };
}

function auditedShard(
  { shard, verified, successor }: CheckedShard,
  { from }: EntryRange,
  before: CheckedShard | undefined,
): AuditedShard {
  const head = before?.verified?.head;
  // What was abandoned ended later than this database knows.
  const isKnown = head !== undefined && before?.shard.state === "frozen";
  return {
    isPrivate: shard.visibility === "private",
    from,
    predecessor: before && {
      origin: before.shard.origin,
      final: isKnown ? { size: head.size, root: toBase64(head.root) } : undefined,
    },
    successor: isEnded(shard.state, verified?.head) ? successor : undefined,
  };
}

/** Whether the last signed record names the successor. */
function isEnded(state: ShardState, head: HeadRow | undefined): boolean {
  return state === "frozen" || (state === "closed" && head?.size === head?.assignedSize);
}

function firstOfTile(idx: number): number {
  return idx - (idx % tileWidth);
}
