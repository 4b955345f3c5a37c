/** Conditional requests (RFC 9110 §13). */

/** The validators of what would be sent. */
export interface Validators {
  /** Quoted, `"…"` or `W/"…"`. */
  readonly etag: string;
  /** Epoch milliseconds; undefined when there is no Last-Modified. */
  readonly lastModifiedMs: number | undefined;
}

/**
 * True when 304 is the answer to GET or HEAD. If-None-Match alone decides where it is present
 * (RFC 9110 §13.2.2); a header that cannot be read asks for the whole answer.
 */
export function isNotModified(
  headers: { readonly "if-none-match"?: string | undefined; readonly "if-modified-since"?: string | undefined },
  validators: Validators,
): boolean {
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) return matchesEtag(ifNoneMatch, validators.etag);
  const since = headers["if-modified-since"];
  if (since === undefined || validators.lastModifiedMs === undefined) return false;
  const sinceMs = parseHttpDate(since);
  return sinceMs !== undefined && Math.floor(validators.lastModifiedMs / 1000) * 1000 <= sinceMs;
}

/** One list member, possibly empty, and what ends it. */
const memberPattern = /[ \t]*(?:(?:W\/)?"([!#-~\u0080-\u00ff]*)"[ \t]*)?(,|$)/y;

/** Weak comparison (RFC 9110 §8.8.3.2) against a list of entity tags or `*`. A malformed list matches nothing. */
export function matchesEtag(header: string, etag: string): boolean {
  if (header === etag) return true;
  if (header.trim() === "*") return true;
  const wanted = etag.replace(/^W\//, "").slice(1, -1);
  const member = new RegExp(memberPattern);
  let found = false;
  while (member.lastIndex <= header.length) {
    const match = member.exec(header);
    if (match === null) return false;
    found ||= match[1] === wanted;
    if (match[2] === "") return found;
  }
  return false;
}

const datePattern =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/** Epoch milliseconds of an IMF-fixdate, the only form that clients still send; undefined for anything else. */
export function parseHttpDate(text: string): number | undefined {
  if (!datePattern.test(text)) return undefined;
  const ms = Date.parse(text);
  // Date.parse shifts 31 Feb into March; a date that does not print as it was sent is no date.
  return Number.isNaN(ms) || formatHttpDate(ms) !== text ? undefined : ms;
}

/** IMF-fixdate (RFC 9110 §5.6.7); milliseconds are cut off. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}
