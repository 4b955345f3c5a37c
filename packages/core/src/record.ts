import { encodeUtf8 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { Integrity, LogIndex, PackageName, Version } from "./names.ts";
import {
  formatFields,
  parseDigest,
  parseIndexOrNone,
  parseIntegrityOrNone,
  parseNamespace,
  parseNonce,
  parsePositive,
  parseSeconds,
  parseSigner,
  parseSize,
  parseSource,
  type Digest,
  type FieldReader,
} from "./record-fields.ts";
import { parseIntegrity } from "./integrity.ts";
import { parsePackageName, parseVersion } from "./names.ts";

/** Longest record, in bytes of UTF-8. */
export const maxRecordBytes = 4096;

/** What every known record says about where it stands. Field names are those on the wire; `-` means none. */
interface RecordPlace {
  /** Event number within this package, from 1. */
  readonly seq: number;
  /** Index of this package's previous record in the log. */
  readonly prev: LogIndex | "-";
  /** Whole seconds since 1970, as the log claims. */
  readonly time: number;
  /** Base64 of 16 random bytes in private logs. */
  readonly nonce: string;
}

/** Which release a record is about. */
interface RecordSubject {
  /** The naming authority, `npm` for the public namespace. */
  readonly ns: string;
  readonly name: PackageName;
  readonly version: Version;
}

/** Fixes what a name@version is, once and for ever. */
export interface BindRecord extends RecordSubject, RecordPlace {
  readonly kind: "bind";
  readonly integrity: Integrity;
  /** `t1-<base64>`, docs/formats/tree-digest.md. */
  readonly tree: string;
  /** `sha256-<base64>`, docs/formats/manifest-digest.md. */
  readonly manifest: string;
  /** Bytes of the tarball. */
  readonly size: number;
  /** Operator alias of the upstream, or `hosted`. */
  readonly source: string;
  /** keyid of the registry signature that was verified, or `-`. */
  readonly signer: string;
}

/** A source served something else than what is bound. `-` where it was not observed. */
export interface ConflictRecord extends RecordSubject, RecordPlace {
  readonly kind: "conflict";
  readonly integrity: Integrity | "-";
  readonly tree: string;
  readonly manifest: string;
  readonly source: string;
  /** `sha256-<base64>` of the stored evidence, or `-`. */
  readonly evidence: string;
}

/** A source stopped (`gone`) or again started (`back`) listing a bound version. */
export interface SightingRecord extends RecordSubject, RecordPlace {
  readonly kind: "gone" | "back";
  readonly source: string;
}

/** A record of a kind that this reader does not know: skip it. Its lines were checked for their form only. */
export interface UnknownRecord {
  readonly kind: "unknown";
  readonly unknownKind: string;
}

export type KnownRecord = BindRecord | ConflictRecord | SightingRecord;
export type LogRecord = KnownRecord | UnknownRecord;

/** The exact text of a record; the entry in the log is its UTF-8. Throws BAD_FORMAT, BAD_NAME, BAD_VERSION. */
export type RecordText = string;

/**
 * The canonical text of a record. Every value is checked as when it is read, so what cannot be read is never
 * written. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. Spec: docs/formats/record.md.
 */
export function formatRecord(record: KnownRecord): RecordText {
  const { ns, name, version, seq, prev, time, nonce } = record;
  const subject = { ns, name, version };
  const place = { seq, prev, time, nonce };
  const text = formatFields(record.kind, { ...subject, ...factsOf(record), ...place });
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
  const fields = rest.map((line) => /^([a-z][a-z0-9-]{0,31}) (.+)$/u.exec(line));
  let next = 0;
  const read: FieldReader = (field, parse) => {
    const line = fields[next];
    if (line?.[1] !== field) throw malformed(`line ${next + 2} is not the field ${field}`);
    next += 1;
    return parse(line[2] ?? "", field);
  };
  const record = readKind(kind, read);
  if (record.kind === "unknown" ? fields.includes(null) : next !== fields.length) {
    throw malformed("it has lines that are not its fields");
  }
  return record;
}

function factsOf(record: KnownRecord): Record<string, string | number> {
  switch (record.kind) {
    case "bind": {
      const { integrity, tree, manifest, size, source, signer } = record;
      return { integrity, tree, manifest, size, source, signer };
    }
    case "conflict": {
      const { integrity, tree, manifest, source, evidence } = record;
      return { integrity, tree, manifest, source, evidence };
    }
    default:
      return { source: record.source };
  }
}

/** The members are evaluated in the order written, which is the order on the wire. */
function readKind(kind: string, read: FieldReader): LogRecord {
  const digest = (prefix: Digest, orNone: boolean) => parseDigest(prefix, orNone);
  switch (kind) {
    case "bind":
      return {
        kind,
        ...readSubject(read),
        integrity: read("integrity", parseIntegrity),
        tree: read("tree", digest("t1-", false)),
        manifest: read("manifest", digest("sha256-", false)),
        size: read("size", parseSize),
        source: read("source", parseSource),
        signer: read("signer", parseSigner),
        ...readPlace(read),
      };
    case "conflict":
      return {
        kind,
        ...readSubject(read),
        integrity: read("integrity", parseIntegrityOrNone),
        tree: read("tree", digest("t1-", true)),
        manifest: read("manifest", digest("sha256-", true)),
        source: read("source", parseSource),
        evidence: read("evidence", digest("sha256-", true)),
        ...readPlace(read),
      };
    case "gone":
    case "back":
      return {
        kind,
        ...readSubject(read),
        source: read("source", parseSource),
        ...readPlace(read),
      };
    default:
      return { kind: "unknown", unknownKind: kind };
  }
}

function readSubject(read: FieldReader): RecordSubject {
  return {
    ns: read("ns", parseNamespace),
    name: read("name", parsePackageName),
    version: read("version", parseVersion),
  };
}

function readPlace(read: FieldReader): RecordPlace {
  return {
    seq: read("seq", parsePositive),
    prev: read("prev", parseIndexOrNone),
    time: read("time", parseSeconds),
    nonce: read("nonce", parseNonce),
  };
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A record", reason });
}
