import { AssayError } from "./errors.ts";
import { readFields, textLines, writeFields } from "./field-lines.ts";
import { recordFields } from "./record-kinds.ts";
import type { KnownRecord, RecordKind, ShardRecord } from "./record-kinds.ts";

/** Longest record, in bytes of UTF-8. */
export const maxRecordBytes = 4096;

/** A record of a kind that this reader does not know: skip it. Its lines were checked for their form only. */
export interface UnknownRecord {
  readonly kind: "unknown";
  readonly unknownKind: string;
}

export type LogRecord = KnownRecord | UnknownRecord;

/** The exact text of a record; the entry in the log is its UTF-8. Throws BAD_FORMAT, BAD_NAME, BAD_VERSION. */
export type RecordText = string;

/**
 * The canonical text of a record. Every value is checked as when it is read, so what cannot be read is never
 * written. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. Spec: docs/formats/record.md.
 */
export function formatRecord(record: KnownRecord): RecordText {
  const text = `assay/v1 ${record.kind}\n${writeFields(recordFields[record.kind], record)}`;
  parseRecord(text);
  return text;
}

/**
 * Reads a record. A known kind must have exactly its fields, in order, with valid values; another kind comes back as
 * `unknown`. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. Spec: docs/formats/record.md.
 */
export function parseRecord(text: string): LogRecord {
  const [first = "", ...lines] = textLines("A record", text, maxRecordBytes);
  const kind = /^assay\/v1 ([a-z][a-z0-9-]{0,31})$/.exec(first)?.[1];
  if (kind === undefined) throw malformed("its first line is not assay/v1 and a kind");
  if (isKnownKind(kind))
    return { kind, ...readFields("A record", recordFields[kind], lines) } as unknown as KnownRecord;
  if (!lines.every((line) => /^[a-z][a-z0-9-]{0,31} .+$/u.test(line))) {
    throw malformed("it has lines that are not its fields");
  }
  return { kind: "unknown", unknownKind: kind };
}

/** Whether this is the record that ends a shard: it names the one in which the log goes on. */
export function namesSuccessor(record: LogRecord | undefined): record is ShardRecord {
  return record?.kind === "shard" && record.side === "successor";
}

function isKnownKind(kind: string): kind is RecordKind {
  return Object.hasOwn(recordFields, kind);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A record", reason });
}
