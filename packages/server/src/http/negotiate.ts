/** Which document, which encoding, and whether a person asks: pure functions over request headers (RFC 9110 §12.5). */

/** The media type of the abbreviated packument. */
export const abbreviatedType = "application/vnd.npm.install-v1+json";

export type PackumentForm = "full" | "abbreviated";
export type ContentEncoding = "zstd" | "gzip" | "identity";

/** What package managers send, word for word: most requests need no parsing. */
const knownAccepts: ReadonlyMap<string, PackumentForm> = new Map([
  ["application/json", "full"],
  ["*/*", "full"],
  ["application/json, */*", "full"],
  ["application/json; q=1.0, */*", "full"],
  [`${abbreviatedType}; q=1.0, application/json; q=0.8, */*`, "abbreviated"],
  [`${abbreviatedType}; q=1.0, application/json; q=0.8`, "abbreviated"],
]);

/**
 * Abbreviated only when it is named and not ranked below `application/json`; anything else gets the full
 * document, also an Accept that names neither: older clients send strange ones and need an answer.
 */
export function packumentForm(accept: string | undefined): PackumentForm {
  if (accept === undefined) return "full";
  const known = knownAccepts.get(accept);
  if (known !== undefined) return known;
  const ranges = parseWeighted(accept);
  const abbreviated = ranges.get(abbreviatedType);
  if (abbreviated === undefined || abbreviated.weight === 0) return "full";
  return abbreviated.weight >= weightOf(ranges, "application/json") ? "abbreviated" : "full";
}

/**
 * True when `text/html` is named, with a weight above JSON's, or equal and named first. Wildcards ask for
 * nothing: package managers send them.
 */
export function wantsHtml(accept: string | undefined): boolean {
  if (accept === undefined || !/text\/html/i.test(accept)) return false;
  const ranges = parseWeighted(accept);
  const html = ranges.get("text/html");
  if (html === undefined || html.weight === 0) return false;
  for (const type of ["application/json", abbreviatedType]) {
    const named = ranges.get(type);
    const weight = named?.weight ?? weightOf(ranges, type);
    if (weight > html.weight) return false;
    if (named !== undefined && weight === html.weight && named.position < html.position) return false;
  }
  return true;
}

const knownEncodings: ReadonlyMap<string, ContentEncoding> = new Map([
  ["gzip,deflate", "gzip"],
  ["gzip, deflate", "gzip"],
  ["gzip", "gzip"],
  ["gzip, deflate, br", "gzip"],
  ["zstd,gzip,deflate", "zstd"],
  ["zstd, gzip", "zstd"],
  ["identity", "identity"],
]);

/**
 * The encoding with the highest weight among those that exist here; zstd before gzip when they are equal.
 * `*` stands for gzip: a client that does not name zstd may not have it. Nothing acceptable: identity.
 */
export function contentEncoding(acceptEncoding: string | undefined): ContentEncoding {
  if (acceptEncoding === undefined) return "identity";
  const known = knownEncodings.get(acceptEncoding);
  if (known !== undefined) return known;
  const codings = parseWeighted(acceptEncoding);
  const zstd = codings.get("zstd")?.weight ?? 0;
  const gzip = (codings.get("gzip") ?? codings.get("x-gzip") ?? codings.get("*"))?.weight ?? 0;
  // Not named, identity is acceptable but never preferred to something that is named.
  const identity = codings.get("identity")?.weight ?? 0;
  if (zstd > 0 && zstd >= gzip && zstd >= identity) return "zstd";
  if (gzip > 0 && gzip >= identity) return "gzip";
  return "identity";
}

interface Weighted {
  /** 0 to 1. */
  readonly weight: number;
  readonly position: number;
}

const weightPattern = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** Members of a weighted list by lower-case name; parameters other than `q` are ignored, a broken weight counts as 0. */
function parseWeighted(header: string): Map<string, Weighted> {
  const members = new Map<string, Weighted>();
  // More than any client sends; the rest of a longer list is not read.
  const parts = header.split(",", 32);
  for (let position = 0; position < parts.length; position++) {
    const [name = "", ...parameters] = (parts[position] ?? "").split(";");
    const key = name.trim().toLowerCase();
    if (key === "" || members.has(key)) continue;
    let weight = 1;
    for (const parameter of parameters) {
      const match = /^\s*q\s*=\s*(\S*)\s*$/i.exec(parameter);
      if (match !== null) weight = weightPattern.test(match[1] ?? "") ? Number(match[1]) : 0;
    }
    members.set(key, { weight, position });
  }
  return members;
}

function weightOf(ranges: Map<string, Weighted>, type: string): number {
  const found = ranges.get(type) ?? ranges.get(`${type.split("/", 1)[0] ?? ""}/*`) ?? ranges.get("*/*");
  return found?.weight ?? 0;
}
