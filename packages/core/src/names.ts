import { AssayError } from "./errors.ts";

/** Brands: a string that was parsed once carries the proof in its type. Erased at run time. */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A package name as npm registries hold them, byte-exact: never lower-cased, never normalised. */
export type PackageName = Branded<string, "PackageName">;
/** A version exactly as the registry lists it; ancient ones are not semver. */
export type Version = Branded<string, "Version">;
/** Exactly one `sha512-<88 characters of base64>`. */
export type Integrity = Branded<string, "Integrity">;
/** Milliseconds since 1970, whole. */
export type EpochMs = Branded<number, "EpochMs">;
/** Index of an entry in a log, from 0, below 2^53. */
export type LogIndex = Branded<number, "LogIndex">;

const maxNameLength = 512;
const maxVersionLength = 256;
/** The characters that mean themselves in a URL path; every name that npm ever accepted consists of them. */
const nameCharacters = /^[A-Za-z0-9._~!*'()-]+$/;
/** Printable ASCII without the space and the characters that a path, a URL or a shell would read otherwise. */
const versionCharacters = /^[!$&'()*+,\-.0-9;=A-Z[\]^_`a-z{|}~]+$/;

/**
 * Reads a package name: `name` or `@scope/name`, at most 512 characters, byte-exact.
 *
 * Legacy names are accepted (upper case, `~ ! * ' ( )`); what could be read as a path, a URL part or another name is
 * not. `-` alone is refused: its URLs would lie under the registry's own `/-/`. Outside a scope no npm registry ever
 * had a name with a leading `_`, and no npm client asks for one.
 * Throws BAD_NAME.
 */
export function parsePackageName(text: string): PackageName {
  if (text.length === 0) throw badName("it is empty");
  if (text.length > maxNameLength) throw badName(`it is longer than ${maxNameLength} characters`);
  const scoped = text.startsWith("@");
  const parts = scoped ? text.slice(1).split("/") : [text];
  if (scoped && parts.length !== 2) throw badName("a scoped name has the form @scope/name");
  if (text.startsWith("_")) throw badName("it must not start with an underscore");
  for (const part of parts) {
    if (part === "") throw badName("the scope or the name is empty");
    if (!nameCharacters.test(part)) {
      throw badName("only letters, digits and - . _ ~ ! * ' ( ) are allowed");
    }
    if (part.startsWith(".")) throw badName("it must not start with a dot");
    if (part.includes("..")) throw badName("two dots in a row are not allowed");
  }
  const lower = text.toLowerCase();
  if (lower === "-" || lower === "node_modules" || lower === "favicon.ico") {
    throw badName(`${lower} is reserved`);
  }
  return text as PackageName;
}

/**
 * Reads a version as a registry lists it: 1 to 256 printable ASCII characters without the space and
 * `/ \ % ? # @ : " < >`, and not `.` or `..`. It need not be semver. Throws BAD_VERSION.
 */
export function parseVersion(text: string): Version {
  if (text.length === 0) throw badVersion("it is empty");
  if (text.length > maxVersionLength) {
    throw badVersion(`it is longer than ${maxVersionLength} characters`);
  }
  if (!versionCharacters.test(text)) {
    throw badVersion('only printable ASCII without the space and / \\ % ? # @ : " < > is allowed');
  }
  if (text === "." || text === "..") throw badVersion("dots alone are a path");
  return text as Version;
}

/** Whether a dist-tag has the characters of a version, so that a record can hold it. Upstreams list any text. */
export function isTag(text: string): boolean {
  return versionCharacters.test(text) && text.length <= maxVersionLength && text !== "." && text !== "..";
}

/** The name without its scope: `pkg` of `@scope/pkg`. */
export function unscopedName(name: PackageName): string {
  return name.slice(name.indexOf("/") + 1);
}

/** The last segment of a tarball's URL: `<name without scope>-<version>.tgz`. */
export function tarballFileName(name: PackageName, version: Version): string {
  return `${unscopedName(name)}-${version}.tgz`;
}

/** A time in whole milliseconds since 1970, from 0 to 2^53 - 1. Throws BAD_FORMAT. */
export function epochMs(value: number): EpochMs {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new AssayError("BAD_FORMAT", {
      what: "A time",
      reason: "whole milliseconds from 0 to 2^53 - 1 are expected",
    });
  }
  return value as EpochMs;
}

/** An index in a log, from 0 to 2^53 - 1. Throws BAD_FORMAT. */
export function logIndex(value: number): LogIndex {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new AssayError("BAD_FORMAT", {
      what: "A log index",
      reason: "a whole number from 0 to 2^53 - 1 is expected",
    });
  }
  return value as LogIndex;
}

function badName(reason: string): AssayError<"BAD_NAME"> {
  return new AssayError("BAD_NAME", { reason });
}

function badVersion(reason: string): AssayError<"BAD_VERSION"> {
  return new AssayError("BAD_VERSION", { reason });
}
