/** An entry of the audit trail and its hash: docs/formats/audit.md. */
import { createHash } from "node:crypto";
import { AssayError, canonicalJson, isPlainObject, parseJson } from "@assay/core";
import type { Act } from "../platform/events/events.ts";

export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly kind: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
  /** Null: the registry itself. */
  readonly act: Act | null;
  /** Hash of the entry before; `-` for the first. */
  readonly prev: string;
  /** `sha256-<base64>`. */
  readonly hash: string;
}

/** Over everything in the entry, so over everything before it. */
export function hashOf(entry: Omit<AuditEntry, "hash">): string {
  const { seq, at, kind, subject, data, act, prev } = entry;
  const text = canonicalJson({ format: "assay-audit/v1", seq, at, kind, subject, data, act, prev });
  return `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`;
}

/** What an anchor in the checksum database says: after this many acts the chain was this. */
export interface Anchor {
  readonly acts: number;
  readonly chain: string;
}

export interface TrailCheck {
  readonly acts: number;
  /** Hash of the last entry; `-` when there is none. */
  readonly chain: string;
  /** How many anchors were met, and the number of the last act that one covers. */
  readonly anchors: number;
  readonly anchored: number;
  /** What is wrong, one sentence each; the first one stops the reading of entries. */
  readonly problems: readonly string[];
}

/** Recomputes the chain over all entries from the first one, and holds it against the anchors. */
export async function checkTrail(
  entries: AsyncIterable<AuditEntry> | Iterable<AuditEntry>,
  anchors: readonly Anchor[],
): Promise<TrailCheck> {
  const expected = Map.groupBy(anchors, ({ acts }) => acts);
  const problems: string[] = [];
  let acts = 0;
  let chain = "-";
  let met = 0;
  let anchored = 0;
  for await (const entry of entries) {
    const wrong = wrongIn(entry, acts, chain);
    if (wrong !== undefined) {
      problems.push(wrong);
      break;
    }
    acts = entry.seq;
    chain = entry.hash;
    for (const anchor of expected.get(acts) ?? []) {
      if (anchor.chain !== chain)
        problems.push(`Act ${acts} is not the one that the log has a record of: ${chain} instead of ${anchor.chain}.`);
      met += 1;
      anchored = acts;
    }
  }
  const last = Math.max(0, ...expected.keys());
  if (problems.length === 0 && last > acts)
    problems.push(`The log has a record of ${last} acts, but the trail ends after ${acts}.`);
  return { acts, chain, anchors: met, anchored, problems };
}

function wrongIn(entry: AuditEntry, acts: number, chain: string): string | undefined {
  if (entry.seq !== acts + 1) return `After act ${acts} comes act ${entry.seq}: what was between them is missing.`;
  if (entry.prev !== chain) return `Act ${entry.seq} does not follow the one before it.`;
  return hashOf(entry) === entry.hash ? undefined : `Act ${entry.seq} is not what it was when it was written down.`;
}

/** One line of an export. Throws BAD_FORMAT. */
export function parseEntryLine(line: string): AuditEntry {
  const { value, duplicateKeys } = parseJson(line);
  const fields = isPlainObject(value) ? value : {};
  const { seq, at, kind, subject, data, act, prev, hash } = fields;
  const isText = [kind, subject, prev, hash].every((field) => typeof field === "string");
  const isWhole = Number.isSafeInteger(seq) && Number.isSafeInteger(at);
  if (!isText || !isWhole || !isPlainObject(data) || (act !== null && !isPlainObject(act)) || duplicateKeys.length > 0)
    throw new AssayError("BAD_FORMAT", { what: "The audit trail", reason: "a line of it is no entry" });
  return fields as unknown as AuditEntry;
}
