import { epochMs, type PackageName } from "@assay/core";
import type { ProvenTree } from "@assay/verify";
import type { Database } from "../../platform/database/database.ts";
import type { LogBrowser, PlacedRecord, ProvenRecord, RecordAddress } from "../browse.ts";
import { conflictsBySource } from "../store-conflicts.ts";
import { pathToRoot } from "../inclusion-path.ts";
import { newestPlaceOf } from "../store-remotes.ts";
import { recordHash } from "../tile-rows.ts";
import type { RemoteLog } from "./log.ts";

/**
 * A followed log as people look at it, out of its proven trees. The history of a package begins at the newest record
 * of it that is known here: what came after, only the log's operator can say.
 */
export function createRemoteBrowser(deps: { readonly database: Database }, log: RemoteLog, shard: string): LogBrowser {
  async function newestTree(): Promise<ProvenTree | undefined> {
    return await log.newest();
  }

  return {
    conflicts: () => conflictsBySource(deps.database.read, log.id),

    async signedAt() {
      const { noteAtMs } = await log.state();
      return noteAtMs === undefined ? undefined : epochMs(noteAtMs);
    },

    async newest(_shard, count) {
      const tree = await newestTree();
      if (tree === undefined) return [];
      const { size } = tree.signed.checkpoint;
      return await log.reporting(async () => {
        const placed: PlacedRecord[] = [];
        for await (const { index, text } of tree.readRecords(Math.max(0, size - count), size))
          placed.unshift({ shard, index, text });
        return placed;
      });
    },

    async record(_shard, index): Promise<ProvenRecord | undefined> {
      const tree = await newestTree();
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
      const tree = await newestTree();
      let next = from ?? (await newestKnown(name));
      const records: PlacedRecord[] = [];
      if (tree === undefined) return { records, next: undefined };
      while (next !== undefined && records.length < count) {
        const { index }: RecordAddress = next;
        if (index >= tree.signed.checkpoint.size) break;
        const { text, record } = await log.reporting(() => tree.readRecord(index));
        // An address from outside may be another package's.
        if (record.kind === "unknown" || !("name" in record) || record.name !== name) break;
        records.push({ shard, index, text });
        next = record.prev === "-" ? undefined : { shard, index: record.prev };
      }
      return { records, next: records.length < count ? undefined : next };
    },
  };

  async function newestKnown(name: PackageName): Promise<RecordAddress | undefined> {
    const index = await newestPlaceOf(deps.database.read, log.id, name);
    return index === undefined ? undefined : { shard, index };
  }
}

/** The followed log, and the one that this deployment kept before: each shard is read where it is. */
export function browseBoth(
  remote: LogBrowser,
  local: LogBrowser | undefined,
  isOurs: (shard: string) => boolean,
): LogBrowser {
  if (local === undefined) return remote;
  const at = (shard: string): LogBrowser => (isOurs(shard) ? local : remote);
  return {
    conflicts: remote.conflicts,
    signedAt: (shard) => at(shard).signedAt(shard),
    newest: (shard, count) => at(shard).newest(shard, count),
    record: (shard, index) => at(shard).record(shard, index),
    history: (name, from, count) => (from === undefined ? remote : at(from.shard)).history(name, from, count),
  };
}
