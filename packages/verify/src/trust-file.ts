import {
  AssayError,
  decodeUtf8,
  formatPolicy,
  isAssayError,
  noWitnesses,
  parseIntegrity,
  parseJson,
  parsePackageName,
  parsePolicy,
  parseVersion,
  type WitnessPolicy,
} from "@assay/core";
import {
  acceptableCategories,
  checkDistinct,
  trustLog,
  trustLogs,
  type AllowedSupersede,
  type TrustedLog,
  type TrustPolicy,
} from "./trust.ts";

/** Name of the file in a repository that pins logs. */
export const trustFileName: string = "assay.trust.json";

/** Largest trust file, in bytes. */
export const maxTrustFileBytes: number = 262_144;

const maxLogs = 64;
const maxNames = 1_000;
/** A century: more is a slip. */
const maxAgeLimitSeconds = 3_155_760_000;

/** Members of each format; `format` and `logs` must be there. */
const members = {
  "assay-trust/v1": ["format", "logs"],
  "assay-trust/v2": ["format", "logs", "witnesses", "maxAgeSeconds", "supersedes", "accept", "allow"],
  /** As v2; logs may have `names`. */
  "assay-trust/v3": ["format", "logs", "witnesses", "maxAgeSeconds", "supersedes", "accept", "allow"],
} as const;

/**
 * Reads `assay.trust.json`, `assay-trust/v1` (logs alone), `v2`, or `v3` (logs with names): exactly the members of docs/formats/trust-file.md,
 * at most 256 KiB. Throws BAD_FORMAT, naming the place.
 */
export function parseTrustFile(bytes: Uint8Array): TrustPolicy {
  if (bytes.length > maxTrustFileBytes) throw malformed(`larger than ${maxTrustFileBytes} bytes`);
  const { value, duplicateKeys } = parseJson(decodeUtf8(bytes));
  const [twice] = duplicateKeys;
  if (twice !== undefined) throw malformed(`the key ${JSON.stringify(twice)} stands there twice`);
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format !== "assay-trust/v1" && format !== "assay-trust/v2" && format !== "assay-trust/v3")
    throw malformed("format must be assay-trust/v1, v2 or v3");
  const file = onlyFields(value, members[format], "the file");
  const listed = listOf(file, "logs", maxLogs);
  if (listed.length === 0) throw malformed(`logs must be a list of 1 to ${maxLogs}`);
  const logs = checkDistinct(listed.map((log, at) => readLog(log, format, `logs[${at}]`)));
  return {
    ...trustLogs(logs),
    witnesses: readWitnesses(listOf(file, "witnesses", maxNames), logs),
    maxAgeSeconds: readMaxAge(file.get("maxAgeSeconds")),
    supersedes: listOf(file, "supersedes", maxNames).map((entry, at) => readSupersede(entry, `supersedes[${at}]`)),
    accept: new Set(listOf(file, "accept", maxNames).map(readCategory)),
    allow: new Set(listOf(file, "allow", maxNames).map((name, at) => textOf(name, `allow[${at}]`))),
  };
}

/**
 * Writes what `parseTrustFile` reads, for people and for review: `assay-trust/v2`, or `v3` where a log has names; two
 * spaces, a final newline.
 */
export function formatTrustFile(policy: TrustPolicy): string {
  const { logs, witnesses, maxAgeSeconds, supersedes, accept, allow } = policy;
  const lines = witnesses.quorum === "none" && witnesses.witnesses.length === 0 ? [] : policyLines(witnesses);
  const file = {
    format: logs.some(({ names }) => names.length > 0) ? "assay-trust/v3" : "assay-trust/v2",
    logs: logs.map(({ vkey, url, names }) => ({
      vkey,
      ...(url === undefined ? {} : { url }),
      ...(names.length === 0 ? {} : { names }),
    })),
    ...(lines.length === 0 ? {} : { witnesses: lines }),
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
    ...(supersedes.length === 0 ? {} : { supersedes }),
    ...(accept.size === 0 ? {} : { accept: [...accept] }),
    ...(allow.size === 0 ? {} : { allow: [...allow] }),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The lines of a witness policy as the trust file holds them: without logs, `quorum` last. */
function policyLines(witnesses: WitnessPolicy): readonly string[] {
  return formatPolicy({ ...witnesses, logs: [] })
    .trimEnd()
    .split("\n");
}

/** The logs are read with the witnesses, so that none of them can be its own witness. */
function readWitnesses(lines: readonly unknown[], logs: readonly TrustedLog[]): WitnessPolicy {
  if (lines.length === 0) return noWitnesses;
  const texts = lines.map((line, at) => textOf(line, `witnesses[${at}]`));
  const odd = texts.find((text) => !/^(?:witness|group|quorum)[ \t]/.test(text));
  if (odd !== undefined) throw malformed(`witnesses: ${JSON.stringify(odd)} is no witness, group or quorum line`);
  const known = logs.map(({ vkey }) => `log ${vkey}`);
  try {
    return { ...parsePolicy([...known, ...texts, ""].join("\n")), logs: [] };
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    const [, line, rest] = /^line (\d+): (.*)$/s.exec(error.details.reason) ?? [];
    // The logs stand first, one line each.
    const where = line === undefined || Number(line) <= known.length ? "" : `[${Number(line) - known.length - 1}]`;
    throw malformed(`witnesses${where}: ${rest ?? error.details.reason}`, error);
  }
}

function readLog(value: unknown, format: keyof typeof members, where: string): TrustedLog {
  const known = format === "assay-trust/v3" ? ["vkey", "url", "names"] : ["vkey", "url"];
  const log = onlyFields(value, known, where);
  const url = log.get("url");
  const names = listOf(log, "names", maxNames).map((name, i) => textOf(name, `${where}.names[${i}]`));
  // Empty would mean every name; whoever writes the member means some.
  if (log.has("names") && names.length === 0) throw malformed(`${where}.names must be a list of at least one`);
  return at(where, () =>
    trustLog(
      textOf(log.get("vkey"), `${where}.vkey`),
      url === undefined ? undefined : textOf(url, `${where}.url`),
      names,
    ),
  );
}

function readSupersede(value: unknown, where: string): AllowedSupersede {
  const entry = onlyFields(value, ["name", "version", "integrity"], where);
  const text = (field: string): string => textOf(entry.get(field), `${where}.${field}`);
  return at(where, () => ({
    name: parsePackageName(text("name")),
    version: parseVersion(text("version")),
    integrity: parseIntegrity(text("integrity")),
  }));
}

function readMaxAge(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > maxAgeLimitSeconds)
    throw malformed(`maxAgeSeconds must be a whole number from 1 to ${maxAgeLimitSeconds}`);
  return value;
}

function readCategory(value: unknown): (typeof acceptableCategories)[number] {
  const known = acceptableCategories.find((category) => category === value);
  if (known === undefined) throw malformed(`accept: only ${acceptableCategories.join(", ")} can be accepted`);
  return known;
}

function listOf(file: ReadonlyMap<string, unknown>, member: string, most: number): readonly unknown[] {
  const value = file.get(member) ?? (member === "logs" ? undefined : []);
  if (!Array.isArray(value) || value.length > most) throw malformed(`${member} must be a list of at most ${most}`);
  return value;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== "string" || value === "" || value.length > 8_192) throw malformed(`${where} is not a string`);
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(value.replaceAll("\t", " ")))
    throw malformed(`${where} holds a control character`);
  return value;
}

/** Names the place in what a parser of one value throws. */
function at<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) {
      if (error.details.reason.startsWith(where)) throw error;
      throw malformed(`${where}: ${error.details.reason}`, error);
    }
    if (isAssayError(error)) throw malformed(`${where}: ${error.message.replace(/\.$/, "")}`, error);
    throw error;
  }
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
