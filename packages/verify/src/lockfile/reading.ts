import { AssayError, isAssayError, parseJson } from "@assay/core";

/** Largest lockfile that is read, in bytes. */
export const maxLockfileBytes: number = 64 * 1024 * 1024;

/** Most packages, links and folders in one lockfile. */
export const maxEntries = 100_000;

const maxPathLength = 4_096;
const maxFieldLength = 8_192;

/** What drives a terminal or cannot be seen: nothing that is printed may hold it. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Why a lockfile is refused: BAD_FORMAT, `reason` names the place. What it quotes is made printable. */
export function malformed(reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  const printable = reason.replaceAll(
    new RegExp(unprintable, "gu"),
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return new AssayError("BAD_FORMAT", { what: "The lockfile", reason: printable }, { cause });
}

/** The text of a lockfile. Reads past a byte order mark, as the clients do. Throws BAD_FORMAT when it is too large or no UTF-8. */
export function lockfileText(bytes: Uint8Array, maxBytes: number = maxLockfileBytes): string {
  if (bytes.length > maxBytes) throw malformed(`larger than ${maxBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed("it is not UTF-8", error);
  }
}

/** Reads JSON strictly (RFC 8259); a key twice in one object is refused, because readers disagree about it. Throws BAD_FORMAT. */
export function lockfileJson(text: string): unknown {
  let parsed;
  try {
    parsed = parseJson(text);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    throw malformed(error.details.reason, error);
  }
  const [twice] = parsed.duplicateKeys;
  if (twice !== undefined) throw malformed(`the key ${JSON.stringify(twice)} stands there twice`);
  return parsed.value;
}

/** The members of an object, or the map that a YAML reader made. Throws BAD_FORMAT for anything else. */
export function asObject(value: unknown, where: string): ReadonlyMap<string, unknown> {
  if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${where} is not an object`);
  return new Map(Object.entries(value));
}

/** As `asObject`; an absent member is an empty one. */
export function optionalObject(
  fields: ReadonlyMap<string, unknown>,
  field: string,
  where: string,
): ReadonlyMap<string, unknown> {
  const value = fields.get(field);
  return value === undefined ? new Map() : asObject(value, `${where}.${field}`);
}

/** A member that is printable text of at most 8,192 characters, or absent. Throws BAD_FORMAT. */
export function optionalText(fields: ReadonlyMap<string, unknown>, field: string, where: string): string | undefined {
  const value = fields.get(field);
  return value === undefined ? undefined : asText(value, `${where}.${field}`);
}

/** Printable text of at most 8,192 characters. Throws BAD_FORMAT. */
export function asText(value: unknown, where: string): string {
  if (typeof value !== "string" || value.length > maxFieldLength)
    throw malformed(`${where} is not a string of at most ${maxFieldLength} characters`);
  if (unprintable.test(value)) throw malformed(`${where} holds a control character`);
  return value;
}

/** A member that is true, false or absent, which is false. Throws BAD_FORMAT. */
export function optionalFlag(fields: ReadonlyMap<string, unknown>, field: string, where: string): boolean {
  const value = fields.get(field);
  if (value !== undefined && typeof value !== "boolean") throw malformed(`${where}.${field} is not true or false`);
  return value === true;
}

/** A key that says where a package stands: printable, at most 4,096 characters. Throws BAD_FORMAT. */
export function checkPath(path: string): string {
  if (path.length > maxPathLength) throw malformed(`a path is longer than ${maxPathLength}`);
  if (unprintable.test(path))
    throw malformed(`the path ${JSON.stringify(path).slice(0, 200)} holds a control character`);
  return path;
}

/** Where an entry stands that several descriptors share: the first of them, and how many more. Throws BAD_FORMAT. */
export function placeOf(descriptors: readonly string[]): string {
  const [first = "", ...others] = descriptors;
  return checkPath(others.length === 0 ? first : `${first} and ${others.length} more`);
}

/** Refuses more entries than `maxEntries`; `what` they are, for the sentence. */
export function checkCount(count: number, what: string): void {
  if (count > maxEntries) throw malformed(`more than ${maxEntries} ${what}`);
}
