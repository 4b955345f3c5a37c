import { AssayError, decodeUtf8, isAssayError, parseJson, parseVkey } from "@assay/core";

/** One log (a shard) that the user has decided to believe. */
export interface TrustedLog {
  /** `name+hex8+base64(type || key)`, c2sp.org/signed-note. State is kept under it. */
  readonly vkey: string;
  /** Key name = origin line of its checkpoints. */
  readonly origin: string;
  /** Where its checkpoint and tiles are, no trailing slash; undefined: where the registry serves it. */
  readonly url: string | undefined;
}

/** Name of the file in a repository that pins logs. */
export const trustFileName: string = "assay.trust.json";

const format = "assay-trust/v1";
const maxBytes = 65_536;
const maxLogs = 64;
const ed25519 = 1;

/** Takes a vkey as the user gave it. Throws BAD_FORMAT when it is none, or not that of a log (Ed25519, type 1). */
export function trustLog(vkey: string, url?: string): TrustedLog {
  const { name, type } = parseVkey(vkey);
  if (type !== ed25519) throw malformed(`the key of ${name} has type ${type}; a log signs with Ed25519 (type 1)`);
  return { vkey, origin: name, url: url === undefined ? undefined : checkUrl(url) };
}

/**
 * Reads `assay.trust.json`: `{"format":"assay-trust/v1","logs":[{"vkey":"…","url":"…"}]}`, `url` optional,
 * no other fields, at most 64 logs, each origin once. Throws BAD_FORMAT, naming the place.
 */
export function parseTrustFile(bytes: Uint8Array): readonly TrustedLog[] {
  if (bytes.length > maxBytes) throw malformed(`larger than ${maxBytes} bytes`);
  const { value, duplicateKeys } = parseJson(decodeUtf8(bytes));
  const [twice] = duplicateKeys;
  if (twice !== undefined) throw malformed(`the key ${JSON.stringify(twice)} stands there twice`);
  const file = onlyFields(value, ["format", "logs"], "the file");
  if (file.get("format") !== format) throw malformed(`format must be ${format}`);
  const logs = file.get("logs");
  if (!Array.isArray(logs) || logs.length === 0 || logs.length > maxLogs)
    throw malformed(`logs must be a list of 1 to ${maxLogs}`);
  return checkDistinct(logs.map((log: unknown, at) => readLog(log, `logs[${at}]`)));
}

/** Writes what `parseTrustFile` reads, for people: two spaces, a final newline. */
export function formatTrustFile(logs: readonly TrustedLog[]): string {
  const listed = logs.map(({ vkey, url }) => (url === undefined ? { vkey } : { vkey, url }));
  return `${JSON.stringify({ format, logs: listed }, undefined, 2)}\n`;
}

/** Refuses two keys for one origin: a log that changes its key opens a new shard, with a new origin. Throws BAD_FORMAT. */
export function checkDistinct(logs: readonly TrustedLog[]): readonly TrustedLog[] {
  const origins = new Set<string>();
  for (const { origin } of logs) {
    if (origins.has(origin)) throw malformed(`two keys for the log ${origin}; keep the right one`);
    origins.add(origin);
  }
  return logs;
}

function readLog(value: unknown, where: string): TrustedLog {
  const log = onlyFields(value, ["vkey", "url"], where);
  const vkey = log.get("vkey");
  const url = log.get("url");
  if (typeof vkey !== "string") throw malformed(`${where}.vkey is not a string`);
  if (url !== undefined && typeof url !== "string") throw malformed(`${where}.url is not a string`);
  try {
    return trustLog(vkey, url);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    throw malformed(`${where}: ${error.details.reason}`, error);
  }
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw malformed(`not an http or https URL: ${JSON.stringify(text)}`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw malformed("the URL of a log has no user, query or fragment");
  return url.href.replace(/\/+$/, "");
}

function onlyFields(value: unknown, allowed: readonly string[], where: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${where} is not an object`);
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const field of fields.keys()) {
    if (!allowed.includes(field))
      throw malformed(`${where} has the unknown field ${JSON.stringify(field)}; known: ${allowed.join(", ")}`);
  }
  return fields;
}

function malformed(reason: string, cause?: unknown): AssayError {
  return new AssayError("BAD_FORMAT", { what: "The trust file or key", reason }, { cause });
}
