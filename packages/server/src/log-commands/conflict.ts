import { join } from "node:path";
import {
  bundleDocument,
  decodeEdge,
  fromBase64,
  logIndex,
  parseRecord,
  proveMany,
  toHex,
  type BundleDocument,
  type ConflictRecord,
  type LogBundle,
  type PackageName,
  type Version,
} from "@assay/core";
import { statementsOf, type Statement } from "../admission/admission.ts";
import { publicLog } from "../checksums/checksums.ts";
import { bindKey } from "../checksums/claim-keys.ts";
import { claimsBetween } from "../checksums/store-claims.ts";
import type { KeyRange } from "../checksums/store-claims.ts";
import { recordsAt } from "../checksums/store.ts";
import { headOf, listShards } from "../checksums/store-shards.ts";
import { sha256 } from "../checksums/tile-rows.ts";
import { createTiles } from "../checksums/tiles.ts";
import type { LoadedConfig } from "../config/load.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Storage, StorageOptions } from "../storage.ts";
import { openStored } from "./local-log.ts";

/** A conflict that is on record, with its place and the file of its evidence. */
export interface ShownConflict {
  readonly shard: string;
  readonly index: number;
  readonly record: ConflictRecord;
  /** Path of the bytes that were served; undefined when none were kept. */
  readonly evidence: string | undefined;
  /** What the source listed of it, with its signatures; undefined where it was not asked or did not say. */
  readonly statement: Statement | undefined;
}

export interface Conflicts {
  readonly conflicts: readonly ShownConflict[];
  /** Every bind, supersede, confirm and conflict of the release under signed checkpoints: for anybody to check. */
  readonly bundle: BundleDocument;
}

/** What the log has on record against the sources of a release. Reads only. Throws CONFIG where there is no log. */
export async function conflictsOf(
  loaded: LoadedConfig,
  { name, version }: { readonly name: PackageName; readonly version: Version },
  options: StorageOptions,
): Promise<Conflicts> {
  await using storage = await openStored(loaded, options);
  const bundles: LogBundle[] = [];
  const conflicts: ShownConflict[] = [];
  const statements = await statementsOf(storage.database.read, name, version);
  for (const [shard, indexes] of await placesOf(storage, name, version)) {
    const part = await partOf(storage, shard, indexes);
    if (part === undefined) continue;
    bundles.push(part);
    for (const { index, text } of part.records) {
      const record = parseRecord(text);
      if (record.kind !== "conflict") continue;
      const statement = statements.get(record.source);
      const evidence = await evidenceOf(storage, loaded, record);
      conflicts.push({
        shard,
        index,
        record,
        evidence,
        statement: statement === undefined ? undefined : (JSON.parse(statement) as Statement),
      });
    }
  }
  const missing = bundles.length === 0 ? [{ name, version }] : [];
  return { conflicts, bundle: bundleDocument({ bundles, missing }) };
}

/** Where the records about a release stand, by shard; what waits for its place is left out. */
async function placesOf(
  { database }: Storage,
  name: PackageName,
  version: Version,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const bind = bindKey(name, version);
  const ranges: KeyRange[] = [[bind, `${bind} `]];
  for (const kind of ["supersede", "confirm", "conflict"]) {
    const prefix = `${kind} ${name}@${version}`;
    ranges.push([`${prefix} `, `${prefix}!`]);
  }
  const places = new Map<string, number[]>();
  for (const range of ranges)
    for (const { shard, idx } of await claimsBetween(database.read, publicLog, range)) {
      if (shard === null || idx === null) continue;
      places.set(shard, [...(places.get(shard) ?? []), idx]);
    }
  return places;
}

/** The records of a shard that are under its signed checkpoint, with their proof; undefined when none is. */
async function partOf(storage: Storage, shard: string, indexes: readonly number[]): Promise<LogBundle | undefined> {
  const { read } = storage.database;
  const head = await headOf(read, shard);
  const origin = (await listShards(read)).find(({ id }) => id === shard)?.origin;
  if (head?.note === undefined || origin === undefined) return undefined;
  const signed = indexes.filter((index) => index < head.size).toSorted((one, other) => one - other);
  if (signed.length === 0) return undefined;
  const tiles = createTiles(storage, { cacheBytes: 1024 * 1024 });
  const texts = await recordsAt(read, shard, signed);
  const reader = tiles.hashReader({ shard, size: head.size, edge: decodeEdge(head.edge) });
  return {
    origin,
    checkpoint: head.note,
    records: signed.map((index) => ({ index: logIndex(index), text: texts.get(index) ?? "" })),
    hashes: await proveMany(sha256, head.size, signed, reader),
  };
}

async function evidenceOf(
  { blobs }: Storage,
  { config }: LoadedConfig,
  { evidence }: ConflictRecord,
): Promise<string | undefined> {
  if (evidence === "-") return undefined;
  const key = blobKey("evidence", "sha256", toHex(fromBase64(evidence.slice("sha256-".length))));
  return (await blobs.stat(key)) === undefined ? undefined : join(config.dataFolder, "blobs", key);
}
