import { parseDecimal } from "./decimal.ts";
import { AssayError } from "./errors.ts";
import { parseIntegrity } from "./integrity.ts";
import { logIndex, type Integrity, type LogIndex } from "./names.ts";

/** Base64 of 32 and of 16 bytes; the bits that the last character has too many are 0, as canonical base64 has them. */
const base64Of32 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const base64Of16 = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Reads the value of one field; `field` is its name, for the error. */
export type FieldParser<T> = (text: string, field: string) => T;

/** Reads the next line of a record, which must be this field. */
export type FieldReader = <T>(field: string, parse: FieldParser<T>) => T;

/** Prefixes of the digests in records. */
export type Digest = "t1-" | "sha256-";

/** `assay/v1 <kind>` and one `field SP value` line for each member, in their order. */
export function formatFields(kind: string, fields: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(fields).map(([field, value]) => `${field} ${value}\n`);
  return `assay/v1 ${kind}\n${lines.join("")}`;
}

/** A naming authority: `npm`, `org:acme`. */
export function parseNamespace(text: string, field: string): string {
  return matching(/^[a-z0-9][a-z0-9._:-]{0,63}$/, text, field);
}

/** An operator's alias of an upstream, or `hosted`. */
export function parseSource(text: string, field: string): string {
  return matching(/^[a-z0-9-]{1,32}$/, text, field);
}

/** A key ID as a registry spells it, or `-`. */
export function parseSigner(text: string, field: string): string {
  return matching(/^[!-~]{1,256}$/, text, field);
}

/** A parser of prefixed base64 of 32 bytes; with `orNone` also of `-`. */
export function parseDigest(prefix: Digest, orNone: boolean): FieldParser<string> {
  return (text, field) => {
    if (orNone && text === "-") return text;
    if (!text.startsWith(prefix) || !base64Of32.test(text.slice(prefix.length))) {
      throw malformed(field, `${prefix} and the base64 of 32 bytes is expected`);
    }
    return text;
  };
}

/** One sha512, or `-`. */
export function parseIntegrityOrNone(text: string): Integrity | "-" {
  return text === "-" ? text : parseIntegrity(text);
}

/** A number of bytes. */
export function parseSize(text: string, field: string): number {
  return decimal(text, field);
}

/** A number from 1. */
export function parsePositive(text: string, field: string): number {
  const value = decimal(text, field);
  if (value === 0) throw malformed(field, "it starts at 1");
  return value;
}

/** An index in the log, or `-`. */
export function parseIndexOrNone(text: string, field: string): LogIndex | "-" {
  return text === "-" ? text : logIndex(decimal(text, field));
}

/** Whole seconds since 1970, small enough to be milliseconds too. */
export function parseSeconds(text: string, field: string): number {
  const seconds = decimal(text, field);
  if (!Number.isSafeInteger(seconds * 1000)) throw malformed(field, "it is too far in the future");
  return seconds;
}

/** Base64 of 16 bytes, or `-`. */
export function parseNonce(text: string, field: string): string {
  if (text !== "-" && !base64Of16.test(text)) {
    throw malformed(field, "- or the base64 of 16 bytes is expected");
  }
  return text;
}

function decimal(text: string, field: string): number {
  const value = parseDecimal(text);
  if (value === undefined) throw malformed(field, "a number from 0 to 2^53 - 1 is expected");
  return value;
}

function matching(pattern: RegExp, text: string, field: string): string {
  if (!pattern.test(text)) throw malformed(field, `it does not match ${pattern.source}`);
  return text;
}

function malformed(field: string, reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: `The field ${field} of a record`, reason });
}
