import {
  AssayError,
  encodeUtf8,
  mostSpecificPattern,
  noWitnesses,
  parseNamePattern,
  parseVkey,
  toBase64,
} from "@assay/core";
import type { Integrity, NamePattern, PackageName, Sha256, Version, WitnessPolicy } from "@assay/core";

/** One log (a shard) that the user has decided to believe. */
export interface TrustedLog {
  /** `name+hex8+base64(type || key)`, c2sp.org/signed-note. State is kept under it. */
  readonly vkey: string;
  /** Key name = origin line of its checkpoints. */
  readonly origin: string;
  /** Where its checkpoint and tiles are, no trailing slash; undefined: where the registry serves it. */
  readonly url: string | undefined;
  /** The names that this log alone decides; none: all those that no other log of the file names. */
  readonly names: readonly NamePattern[];
}

/** What a project believes, and what it lets pass: docs/formats/trust-file.md. */
export interface TrustPolicy {
  /** At least one, each origin once. */
  readonly logs: readonly TrustedLog[];
  /** Whose cosignatures a checkpoint must carry; its `logs` are not used. */
  readonly witnesses: WitnessPolicy;
  /** Oldest age of a checkpoint that counts, in seconds; undefined: any. */
  readonly maxAgeSeconds: number | undefined;
  /** Replaced versions that were looked at: with these bytes they count. */
  readonly supersedes: readonly AllowedSupersede[];
  /** Categories that may pass although they prove less than `verified`. */
  readonly accept: ReadonlySet<AcceptableCategory>;
  /** Names, or `@scope/*`, that may be unverifiable or in no log, such as a git dependency that was reviewed. */
  readonly allow: ReadonlySet<string>;
}

/** One version that a log replaced, and the bytes that are believed to be the right ones. */
export interface AllowedSupersede {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
}

/** `through-record`: the log binds the version, but the lockfile does not pin the tarball. */
export type AcceptableCategory = "through-record";

/** Every category that can be accepted. */
export const acceptableCategories: readonly AcceptableCategory[] = ["through-record"];

const ed25519 = 1;

/** Believes these logs, asks for no witness, and lets nothing pass. */
export function trustLogs(logs: readonly TrustedLog[]): TrustPolicy {
  const nothing = { maxAgeSeconds: undefined, supersedes: [], accept: new Set<never>(), allow: new Set<string>() };
  return { logs: checkDistinct(logs), witnesses: noWitnesses, ...nothing };
}

/** Whether a package may be unverifiable, by its name or its scope. */
export function isAllowed({ allow }: Pick<TrustPolicy, "allow">, name: string): boolean {
  return allow.has(name) || (name.startsWith("@") && allow.has(`${name.slice(0, name.indexOf("/"))}/*`));
}

/** Takes a vkey as the user gave it. Throws BAD_FORMAT when it is none, or not that of a log (Ed25519, type 1); BAD_NAME on a name that is none. */
export function trustLog(vkey: string, url?: string, names: readonly string[] = []): TrustedLog {
  const { name, type } = parseVkey(vkey);
  if (type !== ed25519) throw malformed(`the key of ${name} has type ${type}; a log signs with Ed25519 (type 1)`);
  return { vkey, origin: name, url: url === undefined ? undefined : checkUrl(url), names: names.map(parseNamePattern) };
}

/** The naming authority that the public namespace's records belong to. */
const publicNamespace = "npm";

/**
 * Whether what this log says of a name counts. The most specific pattern in the file decides which logs are asked; a name
 * that no pattern covers is of the public namespace, and of the logs without patterns. So the log of an organisation
 * can bind nothing of the public namespace, and nobody else an organisation's name.
 */
export function decidesName(
  logs: readonly TrustedLog[],
  log: Pick<TrustedLog, "names">,
  { ns, name }: { readonly ns: string; readonly name: string },
): boolean {
  const pattern = mostSpecificPattern(
    logs.flatMap(({ names }) => names),
    name,
  );
  return pattern === undefined ? log.names.length === 0 && ns === publicNamespace : log.names.includes(pattern);
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

/** What people compare over the telephone: `SHA256:` and the base64 of the vkey's SHA-256, without padding. */
export function vkeyFingerprint(sha256: Sha256, vkey: string): string {
  return `SHA256:${toBase64(sha256(encodeUtf8(vkey))).replace(/=+$/, "")}`;
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw malformed(`not an http or https URL: ${JSON.stringify(text)}`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw malformed("the URL of a log has no user, query or fragment");
  return url.href.replace(/\/+$/, "");
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The trust file or key", reason });
}
