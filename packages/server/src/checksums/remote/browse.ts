import { epochMs, type PackageName } from "@assay/core";
import type { ProvenTree } from "@assay/verify";
import type { Database } from "../../platform/database/database.ts";
import type { LogBrowser, PlacedRecord, ProvenRecord, RecordAddress } from "../browse.ts";
import { conflictsBySource } from "../store-conflicts.ts";
import { pathToRoot } from "../inclusion-path.ts";
import { packagePlaces } from "../store-remotes.ts";
import { recordHash } from "../tile-rows.ts";
import type { RemoteLog } from "./log.ts";

/** Names of shards, as they are served, and back. */
export interface ShardNames {
  nameOf(origin: string): string;
  originOf(shard: string): string;
}

/**
 * A followed log as people look at it, out of its proven trees. The history of a package begins at the newest record
 * of it that is known here: what came after, only the log's operator can say.
 */
export function createRemoteBrowser(
  { database }: { readonly database: Database },
  log: RemoteLog,
  names: ShardNames,
): LogBrowser {
  async function treeOf(shard: string): Promise<ProvenTree | undefined> {
    const origin = names.originOf(shard);
    return await log
      .shards()
      .find((each) => each.origin === origin)
      ?.follower.newest();
  }

  /** The newest record of a package that is known, in the first of the shards from `start` on that has one. */
  async function newestKnown(name: PackageName, start: number): Promise<RecordAddress | undefined> {
    const places = await packagePlaces(database.read, log.id, name);
    for (const { origin } of log.shards().slice(start)) {
      const indexes = places.filter(({ shard }) => shard === origin).map(({ idx }) => idx);
      if (indexes.length > 0) return { shard: names.nameOf(origin), index: Math.max(...indexes) };
    }
    return undefined;
  }

  return {
    conflicts: () => conflictsBySource(database.read, log.id),

    async signedAt(shard) {
      const origin = names.originOf(shard);
      const atMs = (await log.state()).find((row) => row.origin === origin)?.noteAtMs;
      return atMs === undefined ? undefined : epochMs(atMs);
    },

    async newest(shard, count) {
      const tree = await treeOf(shard);
      if (tree === undefined) return [];
      const { size } = tree.signed.checkpoint;
      return await log.reporting(async () => {
        const placed: PlacedRecord[] = [];
        for await (const { index, text } of tree.readRecords(Math.max(0, size - count), size))
          placed.unshift({ shard, index, text });
        return placed;
      });
    },

    async record(shard, index): Promise<ProvenRecord | undefined> {
      const tree = await treeOf(shard);
      if (tree === undefined || index >= tree.signed.checkpoint.size) return undefined;
      const { size, root } = tree.signed.checkpoint;
      return await log.reporting(async () => {
        const { text } = await tree.readRecord(index);
        const leafHash = recordHash(text);
        const path = await pathToRoot({ size, root }, { index, leafHash }, tree.hashes);
        return { shard, index, text, leafHash, size, root, checkpoint: tree.signed.note, path };
      });
    },

    async history(name, from, count) {
      let next = from ?? (await newestKnown(name, 0));
      const records: PlacedRecord[] = [];
      while (next !== undefined && records.length < count) {
        const { shard, index }: RecordAddress = next;
        const tree = await treeOf(shard);
        if (tree === undefined || index >= tree.signed.checkpoint.size) return { records, next: undefined };
        const { text, record } = await log.reporting(() => tree.readRecord(index));
        // An address from outside may be another package's.
        if (record.kind === "unknown" || !("name" in record) || record.name !== name)
          return { records, next: undefined };
        records.push({ shard, index, text });
        const at = log.shards().findIndex(({ origin }) => origin === tree.signed.log.origin);
        next = record.prev === "-" ? await newestKnown(name, at + 1) : { shard, index: record.prev };
      }
      return { records, next };
    },
  };
}

/** The followed log, and those of this deployment itself: each shard is read where it is, each name in its log. */
export function browseBoth(
  remote: LogBrowser,
  local: LogBrowser,
  {
    isOurs,
    isHosted,
  }: { readonly isOurs: (shard: string) => boolean; readonly isHosted: (name: PackageName) => boolean },
): LogBrowser {
  const at = (shard: string): LogBrowser => (isOurs(shard) ? local : remote);
  return {
    conflicts: remote.conflicts,
    signedAt: (shard) => at(shard).signedAt(shard),
    newest: (shard, count) => at(shard).newest(shard, count),
    record: (shard, index) => at(shard).record(shard, index),
    history: (name, from, count) => {
      if (isHosted(name)) return local.history(name, from, count);
      return (from === undefined ? remote : at(from.shard)).history(name, from, count);
    },
  };
}
