import {
  AssayError,
  appendLeaves,
  decodeEdge,
  edgeRoot,
  encodeEdge,
  equalBytes,
  packageOf,
  type Edge,
  type KnownRecord,
} from "@assay/core";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Clock } from "../../platform/clock.ts";
import { insertRows } from "../../platform/database/rows.ts";
import { addNewShard } from "../shards.ts";
import { countClaims } from "../store-claims.ts";
import { insertEntries, putPackages } from "../store.ts";
import type { PackageRow } from "../store.ts";
import { addLog, headOf, listShards, moveState, putGuard, putHead } from "../store-shards.ts";
import type { HeadRow, ShardState, SignedTree } from "../store-shards.ts";
import { recordHash, sha256 } from "../tile-rows.ts";
import { factsOfRecord, keyOfRecord, ownRecord } from "./claim-of-record.ts";

/** A shard of one's own log as a copy has it; its records lead to the signed root, which whoever brings it checked. */
export interface RecoveredShard {
  readonly id: string;
  readonly log: string;
  /** From 1, in the order of the lineage. */
  readonly number: number;
  readonly origin: string;
  readonly vkey: string;
  readonly visibility: "private" | "public";
  readonly size: number;
  readonly root: Uint8Array;
  /** Signed checkpoint of `size`. */
  readonly note: string;
  /** Records [from, size) in order. */
  readonly records: (from: number) => AsyncIterable<{ readonly index: number; readonly text: string }>;
}

export interface RecoveryDependencies {
  readonly database: Database;
  readonly clock: Clock;
}

/** Records made rows in one transaction. */
const batchSize = 2048;

/**
 * Makes the rows of a shard again from its records: entries, the claims that they were, the last records of packages,
 * the head. Whatever waited to be sequenced is lost. The shard stays invisible until `finishRecovery`. A crash loses at
 * most one batch: called again it goes on where it stopped.
 *
 * Throws BAD_FORMAT when the records are not those of a log of one's own, or claim one thing twice.
 */
export async function recoverShard(
  { database, clock }: RecoveryDependencies,
  shard: RecoveredShard,
  onProgress: (done: number) => void,
): Promise<void> {
  let head = await beginShard({ database, clock }, shard);
  let edge = decodeEdge(head.edge);
  let batch: { readonly index: number; readonly text: string }[] = [];
  const flush = async (): Promise<void> => {
    const rows = batch;
    batch = [];
    [head, edge] = await database.write((transaction) => insertBatch(transaction, shard, { head, edge }, rows));
    onProgress(head.assignedSize);
  };
  for await (const record of shard.records(head.assignedSize)) {
    batch.push(record);
    if (batch.length === batchSize) await flush();
  }
  if (batch.length > 0) await flush();
  if (edge.size !== shard.size || !equalBytes(edgeRoot(sha256, edge), shard.root))
    throw new AssayError("BAD_FORMAT", {
      what: "The copy",
      reason: `its records of ${shard.id} do not have the root that was signed`,
    });
}

/** Adds the shard, or finds how far it is. Throws CONFIG when another state of it is there. */
async function beginShard({ database, clock }: RecoveryDependencies, shard: RecoveredShard): Promise<HeadRow> {
  return await database.write(async (transaction) => {
    const standing = (await listShards(transaction)).find(({ id }) => id === shard.id);
    if (standing === undefined) {
      const createdAtMs = clock.now();
      const { id, log, number, origin, vkey, visibility } = shard;
      await addLog(transaction, { id: log, visibility, createdAtMs });
      await addNewShard(transaction, { id, log, number, origin, vkey, state: "recovering", createdAtMs });
    } else if (standing.state !== "recovering" || standing.vkey !== shard.vkey) {
      throw new AssayError("CONFIG", { reason: `There is a log ${shard.id} in this database already.` });
    }
    const head = await headOf(transaction, shard.id);
    if (head === undefined) throw new AssayError("DATABASE", { reason: `the shard ${shard.id} has no head` });
    return head;
  });
}

interface Progress {
  readonly head: HeadRow;
  readonly edge: Edge;
}

async function insertBatch(
  transaction: Transaction,
  { id: shard, log }: RecoveredShard,
  { head, edge }: Progress,
  rows: readonly { readonly index: number; readonly text: string }[],
): Promise<readonly [HeadRow, Edge]> {
  const entries = rows.map(({ index, text }) => ({ idx: index, record: text, leafHash: recordHash(text) }));
  const records = rows.map(({ index, text }) => ownRecord({ shard, idx: index, text }));
  await insertEntries(transaction, shard, entries);
  await insertClaims(transaction, { shard, log }, entries, records);
  const packages = new Map<string, PackageRow>();
  for (const [i, record] of records.entries()) {
    const name = packageOf(record);
    packages.set(name, { name, seq: record.seq, lastIdx: entries[i]?.idx ?? 0 });
  }
  await putPackages(transaction, shard, [...packages.values()]);
  const grown = appendLeaves(
    sha256,
    edge,
    entries.map(({ leafHash }) => leafHash),
  ).edge;
  const next: HeadRow = {
    ...head,
    assignedSize: grown.size,
    assignedTime: records.at(-1)?.time ?? head.assignedTime,
    edge: encodeEdge(grown),
  };
  await putHead(transaction, shard, { ...next, publishedAtMs: 0 });
  return [next, grown];
}

/** Throws BAD_FORMAT when one of them stands already: no good log claims anything twice. */
async function insertClaims(
  transaction: Transaction,
  { shard, log }: { readonly shard: string; readonly log: string },
  entries: readonly { readonly idx: number; readonly record: string }[],
  records: readonly KnownRecord[],
): Promise<void> {
  const superseded = new Map<string, number>();
  const rows = [];
  for (const [i, record] of records.entries()) {
    const { idx, record: text } = entries[i] ?? { idx: -1, record: "" };
    if (record.kind === "supersede") {
      const release = `supersede ${record.name}@${record.version}`;
      const before = superseded.get(release) ?? (await countClaims(transaction, log, [`${release} `, `${release}!`]));
      superseded.set(release, before + 1);
    }
    const number = (): number =>
      record.kind === "supersede" ? (superseded.get(`supersede ${record.name}@${record.version}`) ?? 1) : 1;
    rows.push({
      log,
      key: keyOfRecord(record, { shard, idx, text }, number),
      kind: record.kind,
      name: packageOf(record),
      version: "version" in record ? record.version : "",
      facts: factsOfRecord(text),
      claimed_at_ms: record.time * 1000,
      shard,
      idx,
    });
  }
  const inserted = await insertRows(transaction, "log_claims", rows, { onConflict: "ignore" });
  if (inserted !== rows.length)
    throw new AssayError("BAD_FORMAT", {
      what: "The copy",
      reason: `its entries ${entries[0]?.idx} to ${entries.at(-1)?.idx} of ${shard} hold something that was recorded before`,
    });
}

/**
 * Makes recovered shards visible, in one transaction: with the head that was signed, and the signing guard's first
 * copy. The last one is open unless it is `frozen`.
 */
export async function finishRecovery(
  { database, clock }: RecoveryDependencies,
  shards: readonly { readonly shard: RecoveredShard; readonly state: ShardState }[],
): Promise<void> {
  await database.write(async (transaction) => {
    for (const { shard, state } of shards) {
      const head = await headOf(transaction, shard.id);
      if (head?.assignedSize !== shard.size)
        throw new AssayError("DATABASE", { reason: `the recovery of ${shard.id} is not complete` });
      const signed: SignedTree = { size: shard.size, root: shard.root };
      await putHead(transaction, shard.id, { ...head, ...signed, note: shard.note, publishedAtMs: clock.now() });
      await putGuard(transaction, shard.id, signed);
      await moveState(transaction, shard.id, ["recovering"], state);
    }
  });
}
