import { encodeUtf8, fromBase64, toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { isPlainObject } from "./jcs.ts";
import { logIndex, parsePackageName, parseVersion } from "./names.ts";
import type { LogIndex, PackageName, Version } from "./names.ts";
import { maxNoteBytes } from "./note.ts";
import { maxRecordBytes } from "./record.ts";
import { hashLength } from "./tlog/hash.ts";

/** The value of `format` in the JSON. */
export const bundleFormat = "assay-bundle/v1";

/** The records of many releases with one proof for each log. Spec: docs/formats/bundle.md. */
export interface Bundle {
  readonly bundles: readonly LogBundle[];
  /** Asked for, and not bound in any log. */
  readonly missing: readonly BundleEntry[];
}

/** The part of one log. */
export interface LogBundle {
  readonly origin: string;
  /** Signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** At least one, indexes strictly ascending. `text` is the record, which the leaf hash covers. */
  readonly records: readonly { readonly index: LogIndex; readonly text: string }[];
  /** Multiproof, 32 bytes each: left to right, level by level. */
  readonly hashes: readonly Uint8Array[];
}

export interface BundleEntry {
  readonly name: PackageName;
  readonly version: Version;
}

/** A bundle as JSON holds it. */
export interface BundleDocument {
  readonly format: typeof bundleFormat;
  readonly bundles: readonly {
    readonly origin: string;
    readonly checkpoint: string;
    readonly records: readonly { readonly index: number; readonly text: string }[];
    readonly hashes: readonly string[];
  }[];
  readonly missing: readonly { readonly name: string; readonly version: string }[];
}

/** Limits of one bundle. */
export const bundleLimits: {
  readonly logs: number;
  readonly records: number;
  readonly hashesPerRecord: number;
  readonly missing: number;
} = { logs: 64, records: 100_000, hashesPerRecord: 63, missing: 100_000 };

/** The document of a bundle, for JSON.stringify. */
export function bundleDocument(bundle: Bundle): BundleDocument {
  return {
    format: bundleFormat,
    bundles: bundle.bundles.map((log) => ({ ...log, hashes: log.hashes.map(toBase64) })),
    missing: bundle.missing,
  };
}

/**
 * Reads a parsed JSON document: exactly the members of the format, each with its type and within `bundleLimits`.
 * Nothing is verified. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION.
 */
export function parseBundle(json: unknown): Bundle {
  const { format, bundles, missing } = members(json, "the bundle", ["format", "bundles", "missing"]);
  if (format !== bundleFormat) throw malformed(`its format is not ${bundleFormat}`);
  const logs = list(bundles, "bundles", bundleLimits.logs).map(parseLogBundle);
  if (new Set(logs.map((log) => log.origin)).size !== logs.length) {
    throw malformed("an origin occurs twice");
  }
  return {
    bundles: logs,
    missing: list(missing, "missing", bundleLimits.missing).map((entry) => {
      const { name, version } = members(entry, "an entry of missing", ["name", "version"]);
      return {
        name: parsePackageName(string(name, "name", 512)),
        version: parseVersion(string(version, "version", 256)),
      };
    }),
  };
}

function parseLogBundle(json: unknown): LogBundle {
  const parts = members(json, "an element of bundles", ["origin", "checkpoint", "records", "hashes"]);
  const records = list(parts["records"], "records", bundleLimits.records).map((entry) => {
    const { index, text } = members(entry, "a record", ["index", "text"]);
    if (typeof index !== "number") throw malformed("an index is not a number");
    return { index: logIndex(index), text: string(text, "text", maxRecordBytes) };
  });
  if (records.length === 0) throw malformed("a log without records is listed");
  if (records.some((record, i) => i > 0 && record.index <= (records[i - 1]?.index ?? 0))) {
    throw malformed("indexes do not ascend strictly");
  }
  const maxHashes = records.length * bundleLimits.hashesPerRecord;
  const hashes = list(parts["hashes"], "hashes", maxHashes).map((hash) => fromBase64(string(hash, "a hash", 44)));
  if (hashes.some((hash) => hash.length !== hashLength)) throw malformed("a hash is not 32 bytes");
  return {
    origin: string(parts["origin"], "origin", 1024),
    checkpoint: string(parts["checkpoint"], "checkpoint", maxNoteBytes),
    records,
    hashes,
  };
}

function members<Name extends string>(json: unknown, what: string, names: readonly Name[]): Record<Name, unknown> {
  if (!isPlainObject(json)) throw malformed(`${what} is not an object`);
  const keys = Object.keys(json);
  if (keys.length !== names.length || !names.every((name) => Object.hasOwn(json, name))) {
    throw malformed(`${what} has other members than ${names.join(", ")}`);
  }
  return json;
}

function list(json: unknown, what: string, limit: number): unknown[] {
  if (!Array.isArray(json)) throw malformed(`${what} is not an array`);
  if (json.length > limit) throw malformed(`${what} has more than ${limit} elements`);
  return json;
}

function string(json: unknown, what: string, maxBytes: number): string {
  if (typeof json !== "string") throw malformed(`${what} is not a string`);
  if (json.length > maxBytes || encodeUtf8(json).length > maxBytes) {
    throw malformed(`${what} is larger than ${maxBytes} bytes`);
  }
  return json;
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A bundle", reason });
}
