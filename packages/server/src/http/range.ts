import { matchesEtag, parseHttpDate, type Validators } from "./conditional.ts";

/** Bytes [start, end) of a representation. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a Range header for `sizeBytes` (RFC 9110 §14.2). Undefined: answer the whole (no header, another unit,
 * several ranges, or malformed); "unsatisfiable": 416 with a content-range of the size.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | "unsatisfiable" | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/i.exec(header.trim());
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const count = Number(last);
    if (count === 0 || sizeBytes === 0) return "unsatisfiable";
    return { start: Math.max(0, sizeBytes - count), end: sizeBytes };
  }
  const start = Number(first);
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= sizeBytes ? "unsatisfiable" : { start, end };
}

/**
 * True when If-Range (or its absence) lets the range stand: a strong entity tag that is equal, or a date that is
 * exactly Last-Modified (RFC 9110 §13.1.5).
 */
export function rangeStands(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith("W/") || validators.etag.startsWith("W/")) return false;
  if (ifRange.startsWith('"'))
    return ifRange.trim() !== "*" && !ifRange.includes(",") && matchesEtag(ifRange, validators.etag);
  const ms = parseHttpDate(ifRange);
  return (
    ms !== undefined &&
    validators.lastModifiedMs !== undefined &&
    Math.floor(validators.lastModifiedMs / 1000) * 1000 === ms
  );
}
