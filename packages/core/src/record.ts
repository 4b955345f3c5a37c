import { encodeUtf8 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { FieldParser } from "./record-fields.ts";
import { recordFields } from "./record-kinds.ts";
import type { KnownRecord, RecordKind } from "./record-kinds.ts";

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
  const values: Readonly<Record<string, unknown>> = { ...record };
  const lines = fieldsOf(record.kind).map(([field]) => `${field} ${String(values[field])}\n`);
  const text = `assay/v1 ${record.kind}\n${lines.join("")}`;
  parseRecord(text);
  return text;
}

/**
 * Reads a record. A known kind must have exactly its fields, in order, with valid values; another kind comes back as
 * `unknown`. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. Spec: docs/formats/record.md.
 */
export function parseRecord(text: string): LogRecord {
  if (encodeUtf8(text).length > maxRecordBytes) {
    throw malformed(`it is larger than ${maxRecordBytes} bytes`);
  }
  const lines = text.split("\n");
  if (lines.pop() !== "") throw malformed("it does not end in a line feed");
  if (/\p{Cc}/u.test(lines.join(""))) throw malformed("it holds a control character");
  const [first = "", ...rest] = lines;
  const kind = /^assay\/v1 ([a-z][a-z0-9-]{0,31})$/.exec(first)?.[1];
  if (kind === undefined) throw malformed("its first line is not assay/v1 and a kind");
  const read = rest.map((line) => /^([a-z][a-z0-9-]{0,31}) (.+)$/u.exec(line));
  if (!isKnownKind(kind)) {
    if (read.includes(null)) throw malformed("it has lines that are not its fields");
    return { kind: "unknown", unknownKind: kind };
  }
  const fields = fieldsOf(kind);
  const values = fields.map(([field, parse], i) => {
    const line = read[i];
    if (line?.[1] !== field) throw malformed(`line ${i + 2} is not the field ${field}`);
    return [field, parse(line[2] ?? "", field)] as const;
  });
  if (read.length !== fields.length) throw malformed("it has lines that are not its fields");
  return { kind, ...Object.fromEntries(values) } as unknown as KnownRecord;
}

function isKnownKind(kind: string): kind is RecordKind {
  return Object.hasOwn(recordFields, kind);
}

function fieldsOf(kind: RecordKind): readonly (readonly [string, FieldParser<unknown>])[] {
  return Object.entries(recordFields[kind]);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A record", reason });
}
