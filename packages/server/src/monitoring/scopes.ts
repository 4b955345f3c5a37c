import { AssayError, isAssayError, parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import type { Integrity, PackageName } from "@assay/core";

/** Names whose releases we publish ourselves. */
export interface OwnScopes {
  owns(name: PackageName): boolean;
}

/** `@acme` for a scope, or a whole name. Throws USAGE. */
export function parseScopes(texts: readonly string[]): OwnScopes {
  const scopes = new Set<string>();
  const names = new Set<string>();
  for (const text of texts) {
    try {
      if (/^@[^/]+$/.test(text)) scopes.add(scopeOf(parsePackageName(`${text}/x`)));
      else names.add(parsePackageName(text));
    } catch (error) {
      if (!isAssayError(error, "BAD_NAME")) throw error;
      throw new AssayError(
        "USAGE",
        { reason: `${JSON.stringify(text)} is no scope and no package name.` },
        { cause: error },
      );
    }
  }
  return { owns: (name) => names.has(name) || scopes.has(scopeOf(name)) };
}

function scopeOf(name: PackageName): string {
  return name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "";
}

/** What CI says that it published: integrities by `name@version`; several where a release was replaced. */
export type Expected = ReadonlyMap<string, ReadonlySet<Integrity>>;

const maxExpectedBytes = 64 * 1024 * 1024;

/**
 * Reads lines `<name>@<version> <sha512-…>`; `#` starts a comment line. Throws BAD_FORMAT that names the line, also on a
 * last line without its line feed: a list that was cut off would accuse good releases.
 */
export function parseExpected(text: string): Expected {
  if (text.length > maxExpectedBytes) throw malformed("it is larger than 64 MiB");
  const lines = text.split("\n");
  if (lines.pop() !== "") throw malformed("its last line does not end in a line feed, so it may have been cut off");
  const expected = new Map<string, Set<Integrity>>();
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name = "", version = "", integrity = ""] = /^(.+)@([^@\s]+)[ \t]+(\S+)$/.exec(line.trimEnd()) ?? [];
    try {
      const key = `${parsePackageName(name)}@${parseVersion(version)}`;
      expected.set(key, (expected.get(key) ?? new Set()).add(parseIntegrity(integrity)));
    } catch (error) {
      if (!isAssayError(error)) throw error;
      throw malformed(`line ${i + 1} is not <name>@<version> <sha512-…>`, error);
    }
  }
  return expected;
}

function malformed(reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The list of expected releases", reason }, { cause });
}
