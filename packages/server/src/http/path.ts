/**
 * The one reader of request targets. What it accepts has exactly one spelling afterwards; what could be
 * read in two ways by two programs is refused, never repaired.
 *
 * Accepted: origin-form (RFC 9112 §3.2.1) of at most 2048 bytes. A segment is made of the characters that
 * `encodeURIComponent` leaves alone, of `@ : + , = $ &`, and of percent escapes of other characters in valid UTF-8.
 * `%2f` is a slash only between a scope and a name. `/@s/n`, `/@s%2fn` and `/@s%2Fn` are the same path,
 * canonically `/@s%2Fn`, wherever a scope stands.
 */

/** The canonical form, or why there is none (a phrase that fits into BAD_PATH). */
export type PathResult =
  | {
      readonly ok: true;
      /** `path`, and `?query` when there is one. */
      readonly url: string;
      /** Canonical and still encoded: decode each segment once with `decodeURIComponent`. */
      readonly path: string;
      /** Without `?`; empty when there is none. As sent: checked, not normalised. */
      readonly query: string;
    }
  | { readonly ok: false; readonly reason: string };

/** Longest target, in bytes, query included. */
export const maxTargetBytes = 2048;

/** Paths besides `/` that end in a slash. All others must not. */
const slashPaths: ReadonlySet<string> = new Set(["/-/log/"]);

const plainSegment = /^[A-Za-z0-9\-_.!~*'()@:+,=$&]+$/;
const foreignCharacter = /[^A-Za-z0-9\-_.!~*'()@:+,=$&%]/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;
const asciiEscape = /%[0-7][0-9A-Fa-f]/g;
/** What encodeURIComponent escapes although it is unambiguous within a segment: stands raw canonically. */
const rawAgain = /%(?:40|3A|2B|2C|3D|24|26)/g;
const queryCharacters = /^[!"$-[\]-~]*$/;

/** Reads a request target as it stood in the request line. Never throws. */
export function readPath(target: string): PathResult {
  if (target.length > maxTargetBytes) return refuse(`it is longer than ${maxTargetBytes} bytes`);
  if (target.charCodeAt(0) !== 0x2f) return refuse("it must start with a slash");
  const mark = target.indexOf("?");
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? "" : target.slice(mark + 1);
  const queryProblem = query === "" ? undefined : problemOfQuery(query);
  if (queryProblem !== undefined) return refuse(queryProblem);
  const path = rawPath === "/" ? "/" : canonicalPath(rawPath);
  if (typeof path !== "string") return path;
  return { ok: true, url: query === "" ? path : `${path}?${query}`, path, query };
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

function canonicalPath(rawPath: string): string | { readonly ok: false; readonly reason: string } {
  const endsInSlash = rawPath.endsWith("/");
  const raw = (endsInSlash ? rawPath.slice(1, -1) : rawPath.slice(1)).split("/");
  let path = "";
  for (let i = 0; i < raw.length; i++) {
    const segment = readSegment(raw[i] ?? "");
    if (typeof segment !== "string") return segment;
    path += `/${segment}`;
    const next = raw[i + 1];
    if (next === undefined || next === "-" || !isScope(segment)) continue;
    const name = readSegment(next);
    if (typeof name !== "string") return name;
    if (name.includes("%2F")) return refuse("a scope is followed by another scoped name");
    path += `%2F${name}`;
    i++;
  }
  if (!endsInSlash) return path;
  return slashPaths.has(`${path}/`) ? `${path}/` : refuse("it ends in a slash");
}

function isScope(segment: string): boolean {
  return segment.length > 1 && segment.charCodeAt(0) === 0x40 && !segment.includes("%2F");
}

function readSegment(raw: string): string | { readonly ok: false; readonly reason: string } {
  if (raw === "") return refuse("it has an empty segment");
  if (raw === "." || raw === "..") return refuse("it has a dot segment");
  if (plainSegment.test(raw)) return raw;
  if (foreignCharacter.test(raw)) {
    return refuse(`it holds ${describe(foreignCharacter.exec(raw)?.[0] ?? "")} unencoded`);
  }
  if (brokenEscape.test(raw)) return refuse("it has a broken percent escape");
  for (const [escape] of raw.matchAll(asciiEscape)) {
    const problem = problemOfEscape(Number.parseInt(escape.slice(1), 16), escape);
    if (problem !== undefined) return refuse(problem);
  }
  const decoded = decodeOnce(raw);
  if (decoded === undefined) return refuse("its percent escapes are not valid UTF-8");
  // C1 controls: invisible, and no name holds them.
  if (/[\u0080-\u009f]/.test(decoded)) return refuse("it holds a control character");
  if (decoded.includes("/") && !isScopedName(decoded)) {
    return refuse("%2F may only stand between a scope and a name");
  }
  return encodeURIComponent(decoded).replace(rawAgain, (escape) =>
    String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
  );
}

function problemOfEscape(code: number, escape: string): string | undefined {
  if (code < 0x20 || code === 0x7f) return `it holds a control character (${escape})`;
  if (code === 0x25) return "it is encoded twice (%25)";
  if (code === 0x5c) return "it holds a backslash (%5C)";
  if (code === 0x3b) return "it holds a semicolon (%3B)";
  const character = String.fromCharCode(code);
  if (encodeURIComponent(character) === character) return `${escape} needs no encoding`;
  return undefined;
}

/** `@scope/name`: one slash; the name is neither a dot segment nor `-`, which has a meaning of its own after a slash. */
function isScopedName(decoded: string): boolean {
  const match = /^@[^/]+\/([^/]+)$/.exec(decoded);
  return match !== null && match[1] !== "-" && match[1] !== "." && match[1] !== "..";
}

function problemOfQuery(query: string): string | undefined {
  if (!queryCharacters.test(query)) {
    const found = Array.from(query).find((character) => !queryCharacters.test(character)) ?? "";
    return `its query holds ${describe(found)} unencoded`;
  }
  if (!query.includes("%")) return undefined;
  if (brokenEscape.test(query)) return "its query has a broken percent escape";
  if (/%(?:[01][0-9A-Fa-f]|7[Ff])/.test(query)) return "its query holds a control character";
  if (decodeOnce(query) === undefined) return "the percent escapes of its query are not valid UTF-8";
  return undefined;
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function describe(character: string): string {
  if (character === "\\") return "a backslash";
  if (character === ";") return "a semicolon";
  if (character === "#") return "a fragment (#)";
  if (/^[!-~]$/.test(character)) return `the character ${character}`;
  if (/^[\u0000-\u0020\u007f]$/.test(character)) return "a space or control character";
  return "a character outside ASCII";
}
