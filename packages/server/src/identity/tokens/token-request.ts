import { AssayError, isAssayError, parseNamePattern, type EpochMs, type NamePattern } from "@assay/core";
import { isBlock, type TokenBounds } from "./narrow.ts";

/** What a client asks for: npm's bodies of all versions, with both spellings of their fields. */
export interface TokenRequest {
  readonly name: string;
  readonly description: string | undefined;
  /** Of the account, typed again; undefined: not sent. */
  readonly password: string | undefined;
  readonly bounds: TokenBounds;
}

type Body = Readonly<Record<string, unknown>>;

const dayMs = 24 * 3_600_000;
const mostEntries = 50;

/** Throws BAD_REQUEST by the name of the field. Without an end the token gets the longest that may be. */
export function parseTokenRequest(
  sent: unknown,
  { nowMs, maxTokenDays, agent }: { readonly nowMs: EpochMs; readonly maxTokenDays: number; readonly agent: string },
): TokenRequest {
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) throw refuse("its body must be an object");
  const body = sent as Body;
  // No token of ours takes the place of a second factor: what publishes by itself is an identity of CI.
  if (body["bypass_2fa"] === true) throw refuse("bypass_2fa is not possible here; let CI publish by a trust rule");
  return {
    name: textOf(body, ["name"], 100) ?? `made by ${agent}`,
    description: textOf(body, ["description", "token_description"], 500),
    password: textOf(body, ["password"], 1024),
    bounds: {
      ...grantOf(body),
      cidrs: cidrsOf(body),
      expiresAtMs: endOf(body, nowMs, maxTokenDays),
    },
  };
}

function refuse(reason: string): AssayError {
  return new AssayError("BAD_REQUEST", { reason });
}

const levels: Readonly<Record<string, TokenBounds["level"]>> = {
  "read-only": "read-only",
  "read-write": "read-write",
  "read-write-stage-only": "stage-only",
  "no-access": "read-only",
};

type Granted = Pick<TokenBounds, "level" | "packages" | "organisations">;

/** Clients up to npm 11 say `readonly`, those after it name permissions; who says neither may read. */
function grantOf(body: Body): Granted {
  const onPackages = permissionOf(body, "packages_and_scopes_permission");
  const onOrganisations = permissionOf(body, "orgs_permission");
  const packages = packagesOf(body);
  const organisations = organisationsOf(body);
  if (onPackages !== undefined || onOrganisations !== undefined || packages.length + organisations.length > 0)
    return granular(onPackages, packages, onOrganisations, organisations);
  const level = body["readonly"] === false ? "read-write" : "read-only";
  return { level, packages: undefined, organisations: undefined };
}

function granular(
  onPackages: string | undefined,
  packages: readonly NamePattern[],
  onOrganisations: string | undefined,
  organisations: readonly string[],
): Granted {
  const isAnyPackage = packages.length === 0 || packages.includes("*" as NamePattern);
  const granted = onPackages === "no-access" ? [] : isAnyPackage ? undefined : packages;
  const level = levels[onPackages ?? "read-only"] ?? "read-only";
  if (onOrganisations !== "read-write") {
    const isReading = level === "read-only" && onOrganisations === "read-only";
    return { level, packages: granted, organisations: isReading ? organisations : [] };
  }
  if (level === "read-write") return { level, packages: granted, organisations };
  // Who asks to write to organisations alone gets no package: the level is of all that a token is for.
  if (onPackages === "no-access" || (onPackages === undefined && packages.length === 0))
    return { level: "read-write", packages: [], organisations };
  throw refuse("a token has one permission: orgs_permission read-write needs the same for packages");
}

function packagesOf(body: Body): readonly NamePattern[] {
  const scopes = (listOf(body, ["scopes"]) ?? []).map((scope) => `@${scope.replace(/^@/, "")}/*`);
  return [...new Set([...(listOf(body, ["packages"]) ?? []), ...scopes].map(patternOf))];
}

function organisationsOf(body: Body): readonly string[] {
  const names = (listOf(body, ["orgs"]) ?? []).map((name) => name.replace(/^@/, ""));
  if (names.some((name) => !/^[a-z0-9][a-z0-9._-]{0,213}$/.test(name))) throw refuse("orgs holds no name");
  return names;
}

function permissionOf(body: Body, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || !Object.hasOwn(levels, value))
    throw refuse(`${field} must be one of ${Object.keys(levels).join(", ")}`);
  return value;
}

function patternOf(text: string): NamePattern {
  try {
    return parseNamePattern(text);
  } catch (error) {
    if (isAssayError(error, "BAD_NAME")) throw refuse(`packages and scopes: ${error.details.reason}`);
    throw error;
  }
}

function cidrsOf(body: Body): readonly string[] | undefined {
  const cidrs = listOf(body, ["cidr_whitelist", "cidr"]);
  if (cidrs === undefined || cidrs.length === 0) return undefined;
  const wrong = cidrs.find((each) => !isBlock(each));
  if (wrong !== undefined) throw refuse("cidr_whitelist must hold IP addresses and CIDR blocks such as 10.0.0.0/8");
  return cidrs;
}

/** Days from now, or a time (ISO 8601). */
function endOf(body: Body, nowMs: EpochMs, maxTokenDays: number): EpochMs {
  const lastMs = nowMs + maxTokenDays * dayMs;
  const wanted = body["expires"] ?? body["expiry"];
  if (wanted === undefined || wanted === null) return lastMs as EpochMs;
  const isDays = typeof wanted === "number" || (typeof wanted === "string" && /^\d{1,6}$/.test(wanted));
  const endMs = isDays ? nowMs + Number(wanted) * dayMs : typeof wanted === "string" ? Date.parse(wanted) : Number.NaN;
  if (!Number.isSafeInteger(endMs) || endMs <= nowMs)
    throw refuse("expires must be a number of days, or a time that is still to come");
  if (endMs > lastMs) throw refuse(`a token is good for at most ${maxTokenDays} days here (identity.maxTokenDays)`);
  return endMs as EpochMs;
}

function textOf(body: Body, fields: readonly string[], longest: number): string | undefined {
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value !== "string" || value.length > longest || (field !== "password" && /\p{Cc}/u.test(value)))
      throw refuse(`${field} must be text of at most ${longest} characters`);
    return value;
  }
  return undefined;
}

function listOf(body: Body, fields: readonly string[]): readonly string[] | undefined {
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    const isList = Array.isArray(value) && value.length <= mostEntries;
    if (!isList || value.some((each) => typeof each !== "string" || each.length > 300))
      throw refuse(`${field} must be a list of at most ${mostEntries} texts`);
    return value as readonly string[];
  }
  return undefined;
}
