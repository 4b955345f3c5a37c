import { epochMs, parseRecord } from "@assay/core";
import type { EpochMs, KnownRecord, PackageName } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import { conflictsBySource } from "./store-conflicts.ts";
import { pathToRoot, type PathStep } from "./inclusion-path.ts";
import type { PublishedHead, PublishedHeads } from "./published.ts";
import { entriesBetween, packagesNamed, recordsAt } from "./store.ts";
import type { ShardList } from "./shard-list.ts";
import { signedAtOf, type Shard } from "./store-shards.ts";
import { recordHash } from "./tile-rows.ts";
import type { Tiles } from "./tiles.ts";

/** The log as people look at it: by place and by package, never further than the published checkpoint. */
export interface LogBrowser {
  /** When the newest checkpoint of a shard was signed, by this server's clock; undefined before the first one. */
  signedAt(shard: string): Promise<EpochMs | undefined>;
  /** How many conflicts the log has of each source; sources without one are left out. */
  conflicts(): Promise<ReadonlyMap<string, number>>;
  /** The newest records of a shard, newest first; empty for an unknown shard. */
  newest(shard: string, count: number): Promise<readonly PlacedRecord[]>;
  /** A record with its way to the root of the published tree; undefined when no published tree has it. */
  record(shard: string, index: number): Promise<ProvenRecord | undefined>;
  /**
   * Records of a package along their `seq`/`prev` chain, newest first over all shards: those from `from` on (the
   * newest ones without it), `count` at most, and where the next one stands.
   */
  history(
    name: PackageName,
    from: RecordAddress | undefined,
    count: number,
  ): Promise<{ readonly records: readonly PlacedRecord[]; readonly next: RecordAddress | undefined }>;
}

/** Where a record stands. */
export interface RecordAddress {
  readonly shard: string;
  readonly index: number;
}

export interface PlacedRecord extends RecordAddress {
  /** Record text, final LF included. */
  readonly text: string;
}

export interface ProvenRecord extends PlacedRecord {
  readonly leafHash: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  /** Signed checkpoint of `size` and `root`. */
  readonly checkpoint: string;
  /** Leaf to root. */
  readonly path: readonly PathStep[];
}

/** A browser over one log. */
export function createLogBrowser(
  deps: { readonly database: Database; readonly published: PublishedHeads; readonly tiles: Tiles },
  log: string,
  shards: ShardList,
): LogBrowser {
  const { database, published, tiles } = deps;

  /** The last record of a package in the first of these shards that has one. */
  async function newestIn(name: PackageName, candidates: readonly Shard[]): Promise<RecordAddress | undefined> {
    for (const { id } of candidates) {
      const [last] = await packagesNamed(database.read, id, [name]);
      if (last !== undefined) return { shard: id, index: last.lastIdx };
    }
    return undefined;
  }

  async function read(address: RecordAddress): Promise<PlacedRecord | undefined> {
    const text = (await recordsAt(database.read, address.shard, [address.index])).get(address.index);
    return text === undefined ? undefined : { ...address, text };
  }

  return {
    conflicts: () => conflictsBySource(database.read, log),

    async signedAt(shard) {
      const atMs = await signedAtOf(database.read, shard);
      return atMs === undefined ? undefined : epochMs(atMs);
    },

    async newest(shard, count) {
      const size = published.get(shard)?.size ?? 0;
      const rows = await entriesBetween(database.read, shard, Math.max(0, size - count), size);
      return rows.map(({ idx, record }) => ({ shard, index: idx, text: record })).toReversed();
    },

    async record(shard, index) {
      const head = published.get(shard);
      if (head === undefined || index >= head.size) return undefined;
      const placed = await read({ shard, index });
      if (placed === undefined) throw new Error(`${shard} has no entry ${index}, though its head has ${head.size}`);
      return { ...placed, ...(await prove(head, placed)) };
    },

    async history(name, from, count) {
      const lineage = shards.visible(log);
      // An address from outside may be in a log that is not for everybody.
      if (from !== undefined && !lineage.some(({ id }) => id === from.shard)) return { records: [], next: undefined };
      let next = from ?? (await newestIn(name, lineage));
      const records: PlacedRecord[] = [];
      while (next !== undefined && records.length < count) {
        const placed = await read(next);
        const record = placed === undefined ? undefined : recordOf(placed.text, name);
        // An address from outside may be another package's.
        if (placed === undefined || record === undefined) return { records, next: undefined };
        if (placed.index < (published.get(placed.shard)?.size ?? 0)) records.push(placed);
        const { shard }: RecordAddress = next;
        const older = lineage.slice(lineage.findIndex(({ id }) => id === shard) + 1);
        next = record.prev === "-" ? await newestIn(name, older) : { shard, index: record.prev };
      }
      return { records, next };
    },
  };

  async function prove(
    head: PublishedHead,
    { shard, index, text }: PlacedRecord,
  ): Promise<Omit<ProvenRecord, keyof PlacedRecord>> {
    const leafHash = recordHash(text);
    const reader = tiles.hashReader({ shard, size: head.size, edge: head.edge });
    const path = await pathToRoot(head, { index, leafHash }, reader);
    return { leafHash, size: head.size, root: head.root, checkpoint: head.note, path };
  }
}

/** The record when it is one of this package's. */
function recordOf(text: string, name: PackageName): KnownRecord | undefined {
  const record = parseRecord(text);
  return record.kind !== "unknown" && "name" in record && record.name === name ? record : undefined;
}
