import { encodeUtf8 } from "../bytes.ts";
import { isAssayError } from "../errors.ts";
import { namesSuccessor, parseRecord } from "../record.ts";
import { packageOf } from "../record-kinds.ts";
import type { KnownRecord } from "../record-kinds.ts";
import type { Sha256 } from "../hash.ts";
import { createDigestTable, type DigestTable } from "./digest-table.ts";

/** A shard whose records are about to be followed. */
export interface AuditedShard {
  readonly isPrivate: boolean;
  /** Index of the first record that is followed; what lies before it is taken as it is. */
  readonly from: number;
  /** What the first record must say; undefined in the first shard of a log. Not looked at with `from` above 0. */
  readonly predecessor: ShardLink | undefined;
  /** Origin that the last record must name; undefined in a shard that is not frozen. */
  readonly successor: string | undefined;
}

export interface ShardLink {
  readonly origin: string;
  /** Undefined where the log itself has lost them. */
  readonly final: { readonly size: number; readonly root: string } | undefined;
}

/** Something in a log that no good log has. */
export interface AuditFinding {
  readonly index: number;
  /** Completes "entry 12 …". */
  readonly reason: string;
}

export interface RecordAuditOptions {
  /**
   * Only packages of this part of all (0 ≤ part < parts) are followed, so that memory stays bounded: about 64 bytes
   * for each package and each bound version of the part. What is not about packages is followed in part 0.
   */
  readonly part: number;
  readonly parts: number;
  /** Whether a record of a kind that is not known here is a finding; a log of somebody else may be younger. */
  readonly unknownKinds: "refuse" | "skip";
  readonly report: (finding: AuditFinding) => void;
  /** Whether the log is followed from its first shard on; default: yes. Without, a supersede may replace what is not known here. */
  readonly isWhole?: boolean;
  /** Where what was followed is kept; in memory, unless told otherwise. */
  readonly tables?: AuditTables;
}

/** By digest of a package: seq and index of its last record in the shard. Of a release: index of what stands. */
export interface AuditTables {
  readonly last: DigestTable;
  readonly standing: DigestTable;
}

/**
 * Follows the records of a log, shard after shard, oldest first: each is valid, `seq` and `prev` chain the records of
 * every package, time never goes back, private records have a nonce, a version is bound once over all shards, a
 * supersede replaces the record that stands, and shards are linked. What it finds it reports. Hashes, tiles and
 * signatures are for who brings the records. Spec: docs/formats/record.md.
 */
export interface RecordAudit {
  beginShard(shard: AuditedShard): void;
  /**
   * Goes on in a shard that was followed before, after the record at this index: in the place of `beginShard`, with
   * tables that hold what they held then.
   */
  resumeShard(
    shard: AuditedShard,
    after: { readonly index: number; readonly text: string; readonly time: number },
  ): void;
  /** The next record of the shard: indexes rise by one. */
  follow(index: number, text: string): void;
  endShard(): void;
  /** Whether a package is in the part that is followed. */
  follows(ns: string, name: string): boolean;
  /** The last record of a package in the shard that was begun last. */
  lastOf(ns: string, name: string): { readonly seq: number; readonly index: number } | undefined;
  /** How many packages of this part have a record in it. */
  readonly packages: number;
}

export function createRecordAudit(deps: { readonly sha256: Sha256 }, options: RecordAuditOptions): RecordAudit {
  const { part, parts, unknownKinds } = options;
  /** By package: seq and index of its last record in this shard. */
  const last = options.tables?.last ?? createDigestTable();
  /** By release: index of what stands, in the newest shard that has something. */
  const standing = options.tables?.standing ?? createDigestTable();
  let shard: AuditedShard | undefined;
  let isWhole = options.isWhole ?? true;
  let time = 0;
  let previous: { readonly index: number; readonly record: KnownRecord | undefined } | undefined;

  const digestOf = (text: string): Uint8Array => deps.sha256(encodeUtf8(text));
  const packageDigest = (ns: string, name: string): Uint8Array => digestOf(`${ns}\0${name}`);
  const isMine = (digest: Uint8Array): boolean => ((digest[0] ?? 0) * 256 + (digest[1] ?? 0)) % parts === part;
  const report = (index: number, reason: string): void => options.report({ index, reason });

  function read(index: number, text: string): KnownRecord | undefined {
    try {
      const record = parseRecord(text);
      if (record.kind !== "unknown") return record;
      if (part === 0 && unknownKinds === "refuse")
        report(index, `is of the kind ${record.unknownKind}, which is not known here`);
    } catch (error) {
      if (!isAssayError(error)) throw error;
      if (part === 0) report(index, `is not a valid record: ${error.message}`);
    }
    return undefined;
  }

  /** What does not depend on the package. */
  function checkPlace(index: number, record: KnownRecord, { isPrivate }: AuditedShard): void {
    if (record.time < time) report(index, "is older than the one before it");
    time = Math.max(time, record.time);
    if (isPrivate && record.nonce === "-") report(index, "of a private log has no nonce");
  }

  function checkLink(index: number, record: KnownRecord | undefined, { from, predecessor }: AuditedShard): void {
    const isFirst = index === 0 && from === 0;
    if (isFirst && predecessor !== undefined && !isLink(record, predecessor))
      report(index, `is not the record that names ${predecessor.origin} as predecessor with its final size and root`);
    if (record?.kind !== "shard") return;
    if (record.side === "predecessor" && (index !== 0 || (isFirst && predecessor === undefined)))
      report(index, "names a predecessor, and is not the first record of a later shard");
    if (record.side === "successor" && record.size !== 0) report(index, "names a successor that is not empty");
  }

  function checkChain(index: number, record: KnownRecord, { from }: AuditedShard, digest: Uint8Array): void {
    const { seq, prev } = record;
    const before = last.get(digest);
    const isStart = before === undefined && (prev === "-" ? seq === 1 : prev < from);
    const follows = before !== undefined && prev === before.second && seq === before.first + 1;
    if (!isStart && !follows) {
      const name = packageOf(record);
      report(index, `breaks the chain of ${name === "" ? "the log" : name}: seq ${seq}, prev ${prev}`);
    }
    last.set(digest, seq, index);
  }

  function checkContent(index: number, record: KnownRecord): void {
    if (record.kind !== "bind" && record.kind !== "supersede") return;
    const key = digestOf(`${record.ns}\0${record.name}\0${record.version}`);
    const before = standing.get(key);
    const what = `${record.name}@${record.version}`;
    if (record.kind === "bind") {
      if (before !== undefined) report(index, `binds ${what}, which entry ${before.first} of its shard has bound`);
    } else if (before === undefined ? isWhole : before.first !== record.supersedes) {
      report(index, `supersedes ${record.supersedes}, which is not what stands for ${what}`);
    }
    standing.set(key, index, 0);
  }

  return {
    get packages() {
      return last.size;
    },

    beginShard(begun) {
      shard = begun;
      isWhole &&= begun.from === 0;
      time = 0;
      previous = undefined;
      last.clear();
    },

    resumeShard(begun, after) {
      shard = begun;
      isWhole &&= begun.from === 0;
      time = after.time;
      const record = knownRecord(after.text);
      previous = { index: after.index, record };
    },

    follow(index, text) {
      if (shard === undefined) throw new TypeError("no shard was begun");
      const record = read(index, text);
      if (part === 0) {
        // The last record of a frozen shard is its successor, and nothing follows that.
        if (previous !== undefined && namesSuccessor(previous.record))
          report(previous.index, "names a successor, and is not the last record");
        checkLink(index, record, shard);
        if (record !== undefined) checkPlace(index, record, shard);
      }
      previous = { index, record };
      if (record === undefined) return;
      const digest = packageDigest(record.ns, packageOf(record));
      if (!isMine(digest)) return;
      checkChain(index, record, shard, digest);
      checkContent(index, record);
    },

    endShard() {
      const successor = shard?.successor;
      if (part !== 0 || shard === undefined) return;
      const { index = shard.from, record } = previous ?? {};
      if (successor === undefined) {
        if (namesSuccessor(record)) report(index, "names a successor, but the shard is not frozen");
      } else if (!namesSuccessor(record) || record.origin !== successor) {
        report(index, `is the last of a frozen shard, and does not name its successor ${successor}`);
      }
    },

    follows: (ns, name) => isMine(packageDigest(ns, name)),

    lastOf(ns, name) {
      const row = last.get(packageDigest(ns, name));
      return row && { seq: row.first, index: row.second };
    },
  };
}

/** The record that an entry is; undefined where it is none, or of a kind that is not known: the audit says why. */
export function knownRecord(text: string): KnownRecord | undefined {
  try {
    const record = parseRecord(text);
    return record.kind === "unknown" ? undefined : record;
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return undefined;
  }
}

function isLink(record: KnownRecord | undefined, { origin, final }: ShardLink): boolean {
  return (
    record?.kind === "shard" &&
    record.side === "predecessor" &&
    record.origin === origin &&
    (final === undefined || (record.size === final.size && record.root === final.root))
  );
}
