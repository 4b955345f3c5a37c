import type { Token } from "./store.ts";

/** A token as clients are shown it, in both spellings: npm's own documents and its clients do not agree. */
export function tokenDocument(token: Token): Readonly<Record<string, unknown>> {
  const created = new Date(token.createdAtMs).toISOString();
  const expires = isoOrNull(token.expiresAtMs);
  const isReadOnly = token.level === "read-only";
  const packages = token.packages ?? [];
  return {
    key: token.key,
    token: token.redacted,
    name: token.name,
    description: token.description ?? null,
    token_description: token.description ?? null,
    created,
    updated: created,
    accessed: isoOrNull(token.usedAtMs),
    revoked: null,
    expires,
    expiry: expires,
    readonly: isReadOnly,
    automation: false,
    bypass_2fa: false,
    cidr_whitelist: token.cidrs ?? null,
    cidr: token.cidrs ?? null,
    packages_all: token.packages === undefined,
    packages_and_scopes_permission: token.level === "stage-only" ? "read-write-stage-only" : token.level,
    permissions: [{ name: "package", action: isReadOnly ? "read" : "write" }],
    scopes: [
      ...packages.map((name) => ({ type: "package", name })),
      ...(token.organisations ?? []).map((name) => ({ type: "org", name })),
    ],
  };
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
