import { isAbsolute } from "node:path";
import { isAssayError, parseNamePattern, parseRegistryPublicKey, parseVkey, signatureType } from "@assay/core";
import ipaddr from "ipaddr.js";
import type { ApprovalRule, GroupPlace, QuotaRule } from "./config.ts";
import { normalPublicUrl, normalUpstreamUrl } from "./urls.ts";

/**
 * What a setting may be: how its text (environment, flags) and its YAML value are read, how it is described to
 * people and to editors.
 */
export interface Kind {
  /** Completes "must be …". */
  readonly allowed: string;
  readonly schema: Readonly<Record<string, unknown>>;
  /** The value, or undefined when it is not allowed. `value` is a string from text sources, anything from YAML. */
  readonly read: (value: unknown) => unknown;
  /** Text sources separate members by commas. */
  readonly list: boolean;
}

function single(allowed: string, schema: Readonly<Record<string, unknown>>, read: (value: unknown) => unknown): Kind {
  return { allowed, schema, read, list: false };
}

/** A whole number. */
export function whole(min: number, max: number): Kind {
  return single(`a whole number from ${min} to ${max}`, { type: "integer", minimum: min, maximum: max }, (value) => {
    const number = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
    return Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max ? number : undefined;
  });
}

const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, plain or with a unit; at least 1 KiB, at most 1 TiB. */
export function size(): Kind {
  const pattern = "^[0-9]{1,13} ?(KiB|MiB|GiB)?$";
  return single(
    "a number of bytes from 1 KiB to 1024 GiB, such as 65536, 64KiB, 64MiB or 2GiB",
    {
      anyOf: [
        { type: "integer", minimum: 1024, maximum: 1024 ** 4 },
        { type: "string", pattern },
      ],
    },
    (value) => {
      const match = new RegExp(pattern).exec(String(value));
      if (match === null || (typeof value !== "string" && typeof value !== "number")) return undefined;
      const bytes = Number.parseInt(match[0], 10) * (units[match[1] ?? ""] ?? 1);
      return bytes >= 1024 && bytes <= 1024 ** 4 ? bytes : undefined;
    },
  );
}

/** One of several words. */
export function oneOf(...words: readonly string[]): Kind {
  const all = `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
  return single(all, { enum: words }, (value) => (words.includes(value as string) ? value : undefined));
}

/** Text that a test accepts. */
export function text(allowed: string, pattern: string): Kind {
  const expression = new RegExp(pattern, "u");
  return single(allowed, { type: "string", pattern }, (value) =>
    typeof value === "string" && expression.test(value) ? value : undefined,
  );
}

/** A path; resolved later against the folder of the file, or the current one. */
export function path(): Kind {
  return single("a path", { type: "string", minLength: 1, maxLength: 4096 }, (value) =>
    typeof value === "string" && value !== "" && value.length <= 4096 && !value.includes("\0") ? value : undefined,
  );
}

function listOf(allowed: string, item: (text: string) => string | undefined): Kind {
  return {
    allowed,
    list: true,
    schema: { type: "array", items: { type: "string" }, maxItems: 100 },
    read: (value) => {
      if (!Array.isArray(value) || value.length > 100) return undefined;
      const items = value.map((each: unknown) => (typeof each === "string" ? item(each) : undefined));
      return items.includes(undefined) ? undefined : [...new Set(items)];
    },
  };
}

/** Bases under which clients reach the server. */
export function publicUrls(): Kind {
  return listOf(
    "a list of http or https URLs without user, query or fragment, whose path holds only letters, digits and . _ ~ -",
    normalPublicUrl,
  );
}

export function upstreamUrl(): Kind {
  return single("an http or https URL without user, query or fragment", { type: "string", format: "uri" }, (value) =>
    typeof value === "string" ? normalUpstreamUrl(value) : undefined,
  );
}

/** Short name of an upstream. `hosted` stands in records for packages published here, `import` for imported ones. */
export function upstreamAlias(): Kind {
  return text(
    "1 to 32 characters of a-z, 0-9 and -, and not hosted or import",
    "^(?!(?:hosted|import)$)[a-z0-9-]{1,32}$",
  );
}

/** A name that an organisation can have, so that its scope is one. */
export function organisationName(): Kind {
  return text(
    "1 to 64 characters of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit",
    "^[a-z0-9](?:[a-z0-9_-]|\\.(?!\\.)){0,63}$",
  );
}

const mostPatterns = 1000;

/** Patterns of package names, each once. */
export function namePatterns(): Kind {
  const isPattern = (item: unknown): boolean => {
    try {
      return typeof item === "string" && parseNamePattern(item) === item;
    } catch (error) {
      if (isAssayError(error, "BAD_NAME")) return false;
      throw error;
    }
  };
  return {
    allowed: "a list of package names, or beginnings of names that end in *, such as vite, vite-*, @acme/* or *",
    list: true,
    schema: { type: "array", items: { type: "string" }, maxItems: mostPatterns },
    read: (value) => {
      const isGood = Array.isArray(value) && value.length <= mostPatterns && value.every(isPattern);
      return isGood ? value : undefined;
    },
  };
}

/** Keys of signed notes (c2sp.org/signed-note) that sign the text itself. */
export function vkeys(): Kind {
  return listOf("a list of Ed25519 vkeys, such as team.example+f4e2a1b0+Aa…", (item) => {
    try {
      return parseVkey(item).type === signatureType.ed25519 ? item : undefined;
    } catch (error) {
      if (isAssayError(error, "BAD_FORMAT")) return undefined;
      throw error;
    }
  });
}

/** Paths that mean the same wherever the server is started. */
export function absolutePaths(): Kind {
  return listOf("a list of absolute paths", (item) => (isAbsolute(item) && !item.includes("\0") ? item : undefined));
}

/** Packages as `assay mirror` takes them; what stands behind the name is read there. */
export function packagesWanted(): Kind {
  return listOf("a list of packages, such as express, @acme/ui or express@^5", (item) =>
    /^(?:@[^@/\s]+\/)?[^@/\s]+(?:@[^@/\s]+)?$/.test(item) ? item : undefined,
  );
}

/** Files of a package that a rule about secrets would refuse: package, rule and path. */
export function allowedSecrets(): Kind {
  return listOf("a list of package, rule and path, such as @acme/x secrets/private-key test/key.pem", (item) =>
    /^\S+ secrets\/[a-z-]+ \S.*$/.test(item) ? item : undefined,
  );
}

/** Addresses and CIDR blocks. */
export function addressBlocks(): Kind {
  return listOf("a list of IP addresses and CIDR blocks, such as 10.0.0.0/8 or ::1", (item) =>
    (item.includes("/") ? ipaddr.isValidCIDR(item) : ipaddr.isValid(item) && /[.:]/.test(item)) ? item : undefined,
  );
}

/** Hosts, each with an optional port. */
export function hosts(): Kind {
  return listOf(
    "a list of hosts, each with an optional port, such as cdn.example.com or cdn.example.com:8443",
    (item) => {
      const url = URL.parse(`https://${item}/`);
      return url !== null && /^[^\s/?#@\\]+$/.test(item) && url.host !== "" ? url.host : undefined;
    },
  );
}

/** Signing keys of a registry. */
export function registryKeys(): Kind {
  return listOf("a list of ECDSA P-256 keys as base64 of their SubjectPublicKeyInfo, such as MFkwEwYHKoZI…", (item) => {
    try {
      parseRegistryPublicKey(item);
      return item;
    } catch (error) {
      if (isAssayError(error, "BAD_FORMAT")) return undefined;
      throw error;
    }
  });
}

/** Logs that a witness watches: `<vkey>`, or `<vkey>=<url>`; kept as written, read by `parseWatchedLog`. */
export function watchedLogs(): Kind {
  return listOf(
    "a list of a log's verifier keys (name+8 hex digits+base64, type 1), each with an optional =URL behind it",
    (item) => (parseWatchedLog(item) === undefined ? undefined : item),
  );
}

/** A log to watch and, where it was said, the URL below which its checkpoint and tiles are. */
export interface WatchedLogSetting {
  readonly vkey: string;
  readonly url: string | undefined;
}

/** Undefined on anything else than `<vkey of type 0x01>` or `<vkey>=<http(s) URL>`. */
export function parseWatchedLog(text: string): WatchedLogSetting | undefined {
  const [, vkey = "", given] = /^(.+?)(?:=(https?:\/\/.*))?$/i.exec(text) ?? [];
  const url = given === undefined ? undefined : normalUpstreamUrl(given);
  if (given !== undefined && url === undefined) return undefined;
  try {
    return parseVkey(vkey).type === signatureType.ed25519 ? { vkey, url } : undefined;
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}

/** What needs approval, as `parseApprovalRule` reads it. */
export function approvalRules(): Kind {
  return listOf(
    "a list of rules such as unpublish needs 2, or publish in acme needs 1 by olga acme:release, over the operations publish, tag, deprecate, unpublish, owner, policy and trust",
    (item) => (parseApprovalRule(item) === undefined ? undefined : item),
  );
}

const approvalRule =
  /^(?<operation>publish|tag|deprecate|unpublish|owner|policy|trust)(?: in (?<organisation>[a-z0-9][a-z0-9._-]{0,213}))? needs (?<needed>[1-9][0-9]?)(?: by (?<approvers>[A-Za-z0-9@._:-]+(?: [A-Za-z0-9@._:-]+)*))?$/;

/** Where members of a provider's groups belong, as `parseGroupPlace` reads it. */
export function groupPlaces(): Kind {
  return listOf("a list such as platform engineers = acme:platform, or everybody = acme", (item) =>
    parseGroupPlace(item) === undefined ? undefined : item,
  );
}

const groupPlace =
  /^(?<group>[^\p{Cc}]{1,200}) = (?<organisation>[a-z0-9][a-z0-9._-]{0,63})(?::(?<team>[a-z0-9][a-z0-9._-]{0,63}))?$/u;

/** Undefined for a text that is none. */
export function parseGroupPlace(text: string): GroupPlace | undefined {
  const { group, organisation, team = "" } = groupPlace.exec(text)?.groups ?? {};
  return group === undefined || organisation === undefined ? undefined : { group, organisation, team };
}

/** What organisations may have at most, as `parseQuotaRule` reads it; two rules about the same are refused. */
export function quotaRules(): Kind {
  const rules = listOf(
    "a list such as 500 packages, 20GiB, acme 100GiB or acme 5000 versions, each about something else",
    (item) => (parseQuotaRule(item) === undefined ? undefined : item),
  );
  return {
    ...rules,
    read(value) {
      const items = rules.read(value) as readonly string[] | undefined;
      const about = items?.map((item) => {
        const { organisation, measure } = parseQuotaRule(item) ?? {};
        return `${organisation ?? ""} ${measure}`;
      });
      return new Set(about).size === about?.length ? items : undefined;
    },
  };
}

const quotaRule =
  /^(?:(?<organisation>[a-z0-9][a-z0-9._-]{0,63}) )?(?<most>[0-9]{1,9})(?: (?<measure>package|version)s?|(?<unit>KiB|MiB|GiB|TiB))$/;

/** `500 packages`, `acme 20GiB`: of every organisation, or the one. Undefined for a text that is none. */
export function parseQuotaRule(text: string): QuotaRule | undefined {
  const { organisation, most, measure, unit } = quotaRule.exec(text)?.groups ?? {};
  if (most === undefined) return undefined;
  if (measure !== undefined)
    return { organisation, measure: measure === "package" ? "packages" : "versions", most: Number(most) };
  const bytes = Number(most) * (unit === "TiB" ? 1024 ** 4 : (units[unit ?? ""] ?? 1));
  return Number.isSafeInteger(bytes) ? { organisation, measure: "sizeBytes", most: bytes } : undefined;
}

/** Undefined for a text that is none. */
export function parseApprovalRule(text: string): ApprovalRule | undefined {
  const { operation, organisation, needed, approvers } = approvalRule.exec(text)?.groups ?? {};
  if (operation === undefined || needed === undefined) return undefined;
  const named = approvers?.split(" ");
  // More than there are would never be met; how many are in a team nobody can tell here.
  if (named !== undefined && !named.some((name) => name.includes(":")) && new Set(named).size < Number(needed))
    return undefined;
  return {
    operation: operation as ApprovalRule["operation"],
    organisation,
    needed: Number(needed),
    approvers: named,
  };
}
