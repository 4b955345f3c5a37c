import { parseDecimal } from "./decimal.ts";
import { AssayError } from "./errors.ts";
import { isTag, logIndex } from "./names.ts";
import type { LogIndex } from "./names.ts";
import { isKeyName } from "./vkey.ts";

/** Base64 of 32 and of 16 bytes; the bits that the last character has too many are 0, as canonical base64 has them. */
const base64Of32 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const base64Of16 = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Reads the value of one field; `field` is its name, for the error. */
export type FieldParser<T> = (text: string, field: string) => T;

/** Prefixes of the digests in records. */
export type Digest = "t1-" | "sha256-";

/** Also `-`, which means none. */
export function orNone<T>(parse: FieldParser<T>): FieldParser<T | "-"> {
  return (text, field) => (text === "-" ? text : parse(text, field));
}

/** One of these words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): FieldParser<Word> {
  return (text, field) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw malformed(field, `${words.join(" or ")} is expected`);
    return word;
  };
}

/** A naming authority: `npm`, `org:acme`. */
export function parseNamespace(text: string, field: string): string {
  return matching(/^[a-z0-9][a-z0-9._:-]{0,79}$/, text, field);
}

/** An operator's alias of an upstream, or `hosted`. */
export function parseSource(text: string, field: string): string {
  return matching(/^[a-z0-9-]{1,32}$/, text, field);
}

/** A key ID as a registry spells it. */
export function parseKeyid(text: string, field: string): string {
  return matching(/^(?!-$)[!-~]{1,256}$/, text, field);
}

/** The name of a signed-note key, which is also the origin of a shard (c2sp.org/signed-note). */
export function parseKeyName(text: string, field: string): string {
  if (!isKeyName(text)) throw malformed(field, "the name of a key is expected");
  return text;
}

/** One line for people: at most 500 characters, none of them a control or a bidirectional override. */
export function parseReason(text: string, field: string): string {
  if (text.length > 500 || /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(text)) {
    throw malformed(field, "at most 500 printable characters are expected");
  }
  return text;
}

/** A dist-tag, `isTag`. */
export function parseTag(text: string, field: string): string {
  if (!isTag(text)) throw malformed(field, "1 to 256 of the characters of a version are expected");
  return text;
}

/** A parser of prefixed base64 of 32 bytes. */
export function parseDigest(prefix: Digest): FieldParser<string> {
  return (text, field) => {
    if (!text.startsWith(prefix) || !base64Of32.test(text.slice(prefix.length))) {
      throw malformed(field, `${prefix} and the base64 of 32 bytes is expected`);
    }
    return text;
  };
}

/** Base64 of 32 bytes. */
export function parseHash(text: string, field: string): string {
  if (!base64Of32.test(text)) throw malformed(field, "the base64 of 32 bytes is expected");
  return text;
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

/** An index in a log. */
export function parseIndex(text: string, field: string): LogIndex {
  return logIndex(decimal(text, field));
}

/** Whole seconds since 1970, small enough to be milliseconds too. */
export function parseSeconds(text: string, field: string): number {
  const seconds = decimal(text, field);
  if (!Number.isSafeInteger(seconds * 1000)) throw malformed(field, "it is too far in the future");
  return seconds;
}

/** Base64 of 16 bytes. */
export function parseNonce(text: string, field: string): string {
  if (!base64Of16.test(text)) throw malformed(field, "the base64 of 16 bytes is expected");
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
