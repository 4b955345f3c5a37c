import {
  encodeUtf8,
  formatTlogProof,
  logIndex,
  namesSuccessor,
  parseRecord,
  parseTilePath,
  proveInclusion,
  proveMany,
  toBase64,
} from "@assay/core";
import type { PackageName, Version } from "@assay/core";
import type { BundleRequestEntry, BundleResponse, LogReader, Lookup } from "./checksums.ts";
import { headFor } from "./covered.ts";
import type { Covered, ReadDependencies } from "./covered.ts";
import type { PublishedHead } from "./published.ts";
import { recordsAt } from "./store.ts";
import type { Shard } from "./store-shards.ts";
import { placesOf } from "./standing.ts";
import type { ShardList } from "./shard-list.ts";
import { isSequenced } from "./start.ts";
import { sha256 } from "./tile-rows.ts";
import type { Tiles, TreeView } from "./tiles.ts";

export interface LogReaderDependencies extends ReadDependencies {
  readonly tiles: Pick<Tiles, "read" | "hashReader">;
}

/** The record that says what a version is, and the newest head that covers it. */
interface Found {
  readonly shard: string;
  readonly idx: number;
  readonly text: string;
  readonly head: PublishedHead;
}

/** The read side of one log (a lineage of shards, newest first): everything it answers is under a signed checkpoint. */
export function createLogReader(
  deps: LogReaderDependencies,
  log: string,
  shards: ShardList,
): Omit<LogReader, "listHosted"> & {
  lookup(name: PackageName, version: Version, signal: AbortSignal): Promise<Lookup | undefined>;
} {
  const { published, tiles, database } = deps;

  async function find(name: PackageName, version: Version, signal: AbortSignal): Promise<Found | undefined> {
    const asked = { name, version };
    const place = (await placesOf(deps, log, [asked], signal)).get(asked)?.at(-1);
    if (place === undefined) return undefined;
    const { shard, idx } = place;
    // The head after the place: it may be newer than the one that covered it first, never older.
    const head = headFor(published, shard);
    const text = await recordOf(place);
    return { shard, idx, text, head };
  }

  /** Where the record is that ends the shard: who sees it need not ask how old the checkpoint is. */
  async function endOf(shard: string, { size }: PublishedHead): Promise<readonly number[]> {
    const last = (await recordsAt(database.read, shard, [size - 1])).get(size - 1);
    return last !== undefined && namesSuccessor(parseRecord(last)) ? [size - 1] : [];
  }

  async function recordOf(place: Covered): Promise<string> {
    const records = await recordsAt(database.read, place.shard, [place.idx]);
    return required(records.get(place.idx), place.shard, place.idx);
  }

  return {
    list: () =>
      shards.visible(log).map((shard) => ({
        log: shard.log,
        shard: shard.id,
        origin: shard.origin,
        vkey: shard.vkey,
        state: isSequenced(shard) ? "open" : "frozen",
        visibility: shard.visibility,
      })),

    checkpoint: (shard) => published.get(shard)?.note,

    async tile(shard, path) {
      const tile = parseTilePath(path);
      const head = published.get(shard);
      if (tile === undefined || head === undefined) return undefined;
      return await tiles.read(viewOf(shard, head), tile);
    },

    async lookup(name, version, signal) {
      const found = await find(name, version, signal);
      if (found === undefined) return undefined;
      const { shard, idx, text, head } = found;
      return { index: logIndex(idx), text, checkpoint: head.note, shard };
    },

    async proof(shard, name, version, signal) {
      const found = await find(name, version, signal);
      if (found === undefined || (shard !== undefined && found.shard !== shard)) return undefined;
      const { idx, text, head } = found;
      const reader = tiles.hashReader(viewOf(found.shard, head));
      const proof = await proveInclusion(sha256, head.size, idx, reader);
      return formatTlogProof({
        extra: encodeUtf8(text),
        index: logIndex(idx),
        proof,
        checkpoint: head.note,
      });
    },

    async bundle(shard, entries, signal): Promise<BundleResponse> {
      const asked = [...new Map(entries.map((entry) => [`${entry.name}@${entry.version}`, entry])).values()];
      const places = await placesOf(deps, log, asked, signal);
      const inShard = (id: string | undefined) => (place: Covered) => id === undefined || place.shard === id;
      const missing: BundleRequestEntry[] = [];
      const wanted: Covered[] = [];
      for (const [{ name, version }, all] of places) {
        const here = all.filter(inShard(shard));
        if (here.length === 0) missing.push({ name, version });
        wanted.push(...here);
      }
      const bundles = [];
      for (const each of shards.visible(log)) {
        const indexes = wanted.filter(inShard(each.id)).map((place) => place.idx);
        if (indexes.length > 0) bundles.push({ origin: each.origin, ...(await bundleOf(each, indexes)) });
      }
      return { format: "assay-bundle/v1", bundles, missing };
    },
  };

  async function bundleOf(
    { id: shard, state }: Shard,
    places: readonly number[],
  ): Promise<Omit<BundleResponse["bundles"][number], "origin">> {
    const head = headFor(published, shard);
    const end = state === "frozen" ? await endOf(shard, head) : [];
    const indexes = [...places, ...end].toSorted((a, b) => a - b);
    const reader = tiles.hashReader(viewOf(shard, head));
    const records = await recordsAt(database.read, shard, indexes);
    const hashes = await proveMany(sha256, head.size, indexes, reader);
    return {
      checkpoint: head.note,
      records: indexes.map((index) => ({
        index,
        text: required(records.get(index), shard, index),
      })),
      hashes: hashes.map(toBase64),
    };
  }
}

function viewOf(shard: string, head: PublishedHead): TreeView {
  return { shard, size: head.size, edge: head.edge };
}

function required(text: string | undefined, shard: string, idx: number): string {
  if (text === undefined) throw new Error(`${shard} has no entry ${idx}, though a claim points at it`);
  return text;
}
