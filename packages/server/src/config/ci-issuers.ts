import type { CiIssuerConfig } from "./config.ts";
import type { Kind } from "./kinds.ts";
import type { Setting } from "./settings.ts";
import { whole, oneOf } from "./kinds.ts";

/** Where tokens are taken from when the configuration names no issuer. They are worth nothing without a trust rule. */
export const usualIssuers: readonly CiIssuerConfig[] = [
  usual("github", "https://token.actions.githubusercontent.com"),
  usual("gitlab", "https://gitlab.com"),
  usual("circleci", "https://oidc.circleci.com/org/{org-id}"),
];

function usual(kind: "github" | "gitlab" | "circleci", issuer: string): CiIssuerConfig {
  return { name: kind, kind, issuer, audience: undefined, jwks: undefined, claims: {} };
}

const kinds: readonly unknown[] = ["github", "gitlab", "circleci", "generic"];
/** What rules of generic issuers can ask for, in our words. */
const words: readonly string[] = [
  "repository",
  "repository_id",
  "repository_owner_id",
  "workflow",
  "ref",
  "environment",
];
const name = /^[a-z0-9-]{1,32}$/;
const audience = /^[!-~]{1,255}$/;
const claim = /^[!-~]{1,128}$/;

/** Issuers of CI tokens: maps in the file, `name kind issuer` in text sources. Each name and each issuer once. */
function ciIssuers(): Kind {
  return {
    allowed:
      "a list of issuers such as {name: gitlab, kind: gitlab, issuer: https://gitlab.example.com}; kind is github, gitlab, circleci, or generic with claims that hold at least a repository",
    list: true,
    schema: {
      type: "array",
      maxItems: 50,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "kind", "issuer"],
        properties: {
          name: { type: "string", pattern: name.source },
          kind: { enum: kinds },
          issuer: { type: "string" },
          audience: { type: "string", pattern: audience.source },
          jwks: { type: "string" },
          claims: {
            type: "object",
            additionalProperties: false,
            properties: Object.fromEntries(words.map((word) => [word, { type: "string", pattern: claim.source }])),
          },
        },
      },
    },
    read(value) {
      if (!Array.isArray(value) || value.length === 0 || value.length > 50) return undefined;
      const issuers = value.map((item: unknown) => readIssuer(item));
      const good = issuers.filter((one) => one !== undefined);
      const areApart =
        new Set(good.map((one) => one.name)).size === value.length &&
        new Set(good.map((one) => one.issuer)).size === value.length;
      return good.length === value.length && areApart ? good : undefined;
    },
  };
}

function readIssuer(item: unknown): CiIssuerConfig | undefined {
  if (typeof item === "string") {
    const [called, kind, issuer, ...rest] = item.split(/ +/);
    return rest.length === 0 ? readIssuer({ name: called, kind, issuer }) : undefined;
  }
  if (typeof item !== "object" || item === null) return undefined;
  const {
    name: called,
    kind,
    issuer,
    audience: wanted,
    jwks,
    claims = {},
    ...others
  } = item as Record<string, unknown>;
  const isGood =
    typeof called === "string" &&
    name.test(called) &&
    kinds.includes(kind) &&
    isIssuer(issuer) &&
    (wanted === undefined || (typeof wanted === "string" && audience.test(wanted))) &&
    (jwks === undefined || (isIssuer(jwks) && !jwks.includes("{"))) &&
    isMapping(claims) &&
    (kind === "generic") === (claims["repository"] !== undefined) &&
    Object.keys(others).length === 0;
  return isGood
    ? {
        name: called,
        kind: kind as CiIssuerConfig["kind"],
        issuer,
        audience: wanted,
        jwks,
        claims,
      }
    : undefined;
}

/** Compared letter by letter with `iss`, so it is kept as it was written. */
function isIssuer(value: unknown): value is string {
  if (typeof value !== "string" || !/^https?:\/\/[!-~]{1,500}$/.test(value)) return false;
  // One host for all organisations: the way out knows no other.
  if (/^https?:\/\/[^/]*\{/.test(value)) return false;
  const url = URL.parse(value.replace("{org-id}", "org"));
  return url !== null && url.username === "" && url.password === "" && url.hash === "" && url.search === "";
}

function isMapping(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([word, theirs]) => words.includes(word) && typeof theirs === "string" && claim.test(theirs),
    )
  );
}

/** Settings of trusted publishing. */
export const ciSettings: readonly Setting[] = [
  {
    key: "identity.ci",
    env: "ASSAY_IDENTITY_CI",
    kind: ciIssuers(),
    fallback: undefined,
    example: [{ name: "gitlab", kind: "gitlab", issuer: "https://gitlab.example.com" }],
    doc: "CI services whose identity tokens trust rules may name (docs/operations/trusted-publishing.md). Default: GitHub Actions, GitLab.com and CircleCI. In the environment: name kind issuer, separated by commas.",
  },
  {
    key: "identity.trust.leewaySeconds",
    env: "ASSAY_IDENTITY_TRUST_LEEWAY_SECONDS",
    kind: whole(0, 300),
    fallback: 60,
    doc: "How far the clocks of CI and of this server may be apart.",
  },
  {
    key: "identity.trust.maxAgeMinutes",
    env: "ASSAY_IDENTITY_TRUST_MAX_AGE_MINUTES",
    kind: whole(1, 1440),
    fallback: 60,
    doc: "Identity tokens issued longer ago are refused, whatever they say of their expiry.",
  },
  {
    key: "identity.trust.tokenMinutes",
    env: "ASSAY_IDENTITY_TRUST_TOKEN_MINUTES",
    kind: whole(1, 60),
    fallback: 10,
    doc: "How long the token is good for that CI gets in exchange.",
  },
  {
    key: "identity.trust.openRules",
    env: "ASSAY_IDENTITY_TRUST_OPEN_RULES",
    kind: oneOf("warn", "forbid"),
    fallback: "warn",
    doc: "What to do with trust rules that name no workflow file, or neither ref nor environment.",
  },
];
