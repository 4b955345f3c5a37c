import { AssayError, isAssayError } from "./errors.ts";
import { parsePackageName } from "./names.ts";

declare const brand: unique symbol;

/**
 * Which package names a rule is about: one name (`vite`, `@acme/ui`), or all that begin alike (`@acme/*`,
 * `vite-*`, `*`). Of all patterns that match a name the most specific one decides: the name itself, else the one
 * with the longest beginning. Two different patterns are never equally specific for a name, so nothing is left to
 * order.
 */
export type NamePattern = string & { readonly [brand]: "NamePattern" };

/**
 * Reads a pattern: a package name, or a beginning of one and `*` as the last character. A beginning never ends
 * inside a scope: `@acme*` would take in the scope `@acme-evil`. Names are compared byte for byte. Throws BAD_NAME.
 */
export function parseNamePattern(text: string): NamePattern {
  if (text === "*") return text as NamePattern;
  const isPrefix = text.endsWith("*");
  const stem = isPrefix ? text.slice(0, -1) : text;
  if (stem.includes("*")) throw badPattern("only its last character may be *");
  if (isPrefix && stem.startsWith("@") && !stem.includes("/")) {
    throw badPattern(`it must hold the whole scope: ${stem.length > 1 ? stem : "@scope"}/*`);
  }
  try {
    // A beginning is one when some name begins with it.
    parsePackageName(isPrefix ? `${stem}x` : stem);
  } catch (error) {
    if (isAssayError(error, "BAD_NAME")) throw badPattern(`no package can be called that: ${error.details.reason}`);
    throw error;
  }
  return text as NamePattern;
}

/** True when every name that `inner` (a pattern, or a name) matches is matched by `outer`. */
export function patternCovers(outer: NamePattern, inner: string): boolean {
  if (outer === inner) return true;
  return outer.endsWith("*") && inner.startsWith(outer.slice(0, -1));
}

/** The most specific of the patterns that cover a name or a pattern; undefined when none does. */
export function mostSpecificPattern(patterns: Iterable<NamePattern>, of: string): NamePattern | undefined {
  let best: NamePattern | undefined;
  for (const pattern of patterns) {
    if (pattern === of) return pattern;
    // Of patterns with `*` that cover the same text, each covers the shorter ones' names: length decides.
    if (patternCovers(pattern, of) && (best === undefined || pattern.length > best.length)) best = pattern;
  }
  return best;
}

function badPattern(reason: string): AssayError<"BAD_NAME"> {
  return new AssayError("BAD_NAME", { reason });
}
