import { AssayError, encodeUtf8, noWitnesses, parseVkey, toBase64, type Sha256, type WitnessPolicy } from "@assay/core";
import type { Integrity, PackageName, Version } from "@assay/core";

/** One log (a shard) that the user has decided to believe. */
export interface TrustedLog {
  /** `name+hex8+base64(type || key)`, c2sp.org/signed-note. State is kept under it. */
  readonly vkey: string;
  /** Key name = origin line of its checkpoints. */
  readonly origin: string;
  /** Where its checkpoint and tiles are, no trailing slash; undefined: where the registry serves it. */
  readonly url: string | undefined;
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

/** Takes a vkey as the user gave it. Throws BAD_FORMAT when it is none, or not that of a log (Ed25519, type 1). */
export function trustLog(vkey: string, url?: string): TrustedLog {
  const { name, type } = parseVkey(vkey);
  if (type !== ed25519) throw malformed(`the key of ${name} has type ${type}; a log signs with Ed25519 (type 1)`);
  return { vkey, origin: name, url: url === undefined ? undefined : checkUrl(url) };
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
