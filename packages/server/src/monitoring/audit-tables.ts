import { hash } from "node:crypto";
import { encodeUtf8, fromHex, packageOf, toHex } from "@assay/core";
import type { AuditTables, BindRecord, DigestRow, KnownRecord, Sha256 } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { chainsOf, putChains, putStanding, standingOf } from "./store.ts";

export const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

/** Of a digest the first 16 bytes count, as in the audit. */
const digestBytes = 16;

/** A release that was bound before, and now again. */
export interface DoubleBind {
  readonly index: number;
  readonly before: { readonly vkey: string; readonly index: number };
}

/** The tables of an audit over one batch of records: what the rows hold of it, and what the batch makes of that. */
export interface StoredTables extends AuditTables {
  /** Binds of a release that was bound before. */
  readonly doubles: readonly DoubleBind[];
  /** Writes what changed. */
  save(transaction: Transaction): Promise<void>;
}

/** Records of a shard that are followed next. */
export interface Batch {
  readonly lineage: string;
  readonly vkey: string;
  /** Index of the first one. */
  readonly from: number;
  /** Undefined where the entry is no record, or of a kind that is not known. */
  readonly records: readonly (KnownRecord | undefined)[];
}

/**
 * Loads the rows that an audit of these records will ask for. Digests are those of `createRecordAudit`: a package is
 * `ns NUL name`, a release `ns NUL name NUL version`.
 */
export async function loadTables(reader: Reader, { lineage, vkey, from, records }: Batch): Promise<StoredTables> {
  const packages = new Set<string>();
  const releases = new Set<string>();
  for (const record of records) {
    if (record === undefined) continue;
    packages.add(digestOf(`${record.ns}\0${packageOf(record)}`));
    if (record.kind === "bind" || record.kind === "supersede") releases.add(toHex(releaseDigest(record)));
  }
  const last = new Map<string, DigestRow>();
  for (const { digest, seq, idx } of await chainsOf(reader, vkey, [...packages].map(fromHex)))
    last.set(toHex(digest), { first: seq, second: idx });
  const standing = new Map<string, { readonly vkey: string; readonly index: number }>();
  for (const row of await standingOf(reader, lineage, [...releases].map(fromHex)))
    standing.set(toHex(row.digest), { vkey: row.vkey, index: row.idx });

  const changedChains = new Set<string>();
  const changedStanding = new Set<string>();
  const doubles: DoubleBind[] = [];
  return {
    last: {
      get size() {
        return last.size;
      },
      get: (digest) => last.get(keyOf(digest)),
      set(digest, first, second) {
        last.set(keyOf(digest), { first, second });
        changedChains.add(keyOf(digest));
      },
      // Rows are kept by shard: those of another one were never loaded.
      clear: () => {},
    },
    standing: {
      get size() {
        return standing.size;
      },
      get(digest) {
        const row = standing.get(keyOf(digest));
        return row && { first: row.index, second: 0 };
      },
      set(digest, index) {
        const before = standing.get(keyOf(digest));
        if (before !== undefined && records[index - from]?.kind === "bind") doubles.push({ index, before });
        standing.set(keyOf(digest), { vkey, index });
        changedStanding.add(keyOf(digest));
      },
      clear: () => {},
    },
    doubles,
    async save(transaction) {
      const chains = [...changedChains].flatMap((key) => {
        const row = last.get(key);
        return row === undefined ? [] : [{ digest: fromHex(key), seq: row.first, idx: row.second }];
      });
      await putChains(transaction, vkey, chains);
      const stands = [...changedStanding].flatMap((key) => {
        const row = standing.get(key);
        return row === undefined ? [] : [{ digest: fromHex(key), vkey: row.vkey, idx: row.index }];
      });
      await putStanding(transaction, lineage, stands);
    },
  };
}

/** The key of a release in `standingOf`. */
export function releaseDigest({ ns, name, version }: Pick<BindRecord, "ns" | "name" | "version">): Uint8Array {
  return fromHex(digestOf(`${ns}\0${name}\0${version}`));
}

function keyOf(digest: Uint8Array): string {
  return toHex(digest.subarray(0, digestBytes));
}

function digestOf(text: string): string {
  return keyOf(sha256(encodeUtf8(text)));
}
