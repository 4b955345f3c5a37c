import { AssayError } from "@assay/core";
import type { JWK } from "jose";
import type { CiIssuerConfig } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import { readCiIdentity, type CiIdentity } from "./identity-claims.ts";
import { readIdToken, said, type IdToken } from "./id-token.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import { findIssuer, type NamedIssuer } from "./issuers.ts";
import { audiencesOf, checkTokenClaims, type TokenRules } from "./token-claims.ts";

/** A token whose signature, time and audience are good. */
export interface VerifiedToken {
  readonly issuer: NamedIssuer;
  readonly identity: CiIdentity;
  /** What makes it this token and no other: the same for every spelling of its signature. */
  readonly uniqueAs: string;
  /** Until then it could be shown again. */
  readonly usableUntilMs: number;
}

export interface VerifyTokenDeps {
  readonly clock: Clock;
  readonly keys: IssuerKeys;
  /** Whether any rule names this URL: issuers of a service with one for each customer are asked for keys only then. */
  readonly isNamedByRule: (issuer: NamedIssuer) => Promise<boolean>;
}

export interface VerifyTokenOptions extends Omit<TokenRules, "audiences"> {
  readonly issuers: readonly CiIssuerConfig[];
}

/**
 * Verifies an identity token of a CI run, step by step: form, issuer, time and audience, key, signature, who runs.
 * Throws ID_TOKEN_REFUSED with what is wrong, ISSUER_UNAVAILABLE when it cannot be found out.
 */
export async function verifyIdToken(
  { clock, keys, isNamedByRule }: VerifyTokenDeps,
  { issuers, leewaySeconds, maxAgeSeconds }: VerifyTokenOptions,
  text: string,
  publicUrls: readonly string[],
): Promise<VerifiedToken> {
  const token = good(readIdToken(text));
  const issuer = findIssuer(issuers, token.issuer);
  if (issuer === undefined || (issuer.isOneOfMany && !(await isNamedByRule(issuer))))
    throw refuse(`its issuer ${said(token.issuer)} is none that is trusted here`);
  const { audience } = issuer.config;
  const audiences = audience === undefined ? audiencesOf(publicUrls) : [audience];
  const { usableUntilMs } = good(checkTokenClaims(token, { audiences, leewaySeconds, maxAgeSeconds }, clock.now()));
  const key = await keys.find(issuer, token.keyId);
  if (key === undefined) throw refuse(`its issuer has no key ${said(token.keyId)}`);
  if (!(await isSigned(token, key))) throw refuse(`its signature is not that of its issuer`);
  const identity = good(readCiIdentity(issuer.config, issuer.url, token.payload));
  return { issuer, identity, usableUntilMs, uniqueAs: uniqueOf(token) };
}

/** RFC 7515 §5.2; the algorithm is the one that the token was read with, and the key must be made for it. */
async function isSigned({ text, algorithm }: IdToken, jwk: JWK): Promise<boolean> {
  const { compactVerify, importJWK, errors } = await import("jose");
  if (jwk.alg !== undefined && jwk.alg !== algorithm) return false;
  try {
    await compactVerify(text, await importJWK({ ...jwk, alg: algorithm }, algorithm), { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return false;
    throw error;
  }
}

/** The signature is left out: others of the same text may be good too (ECDSA), and base64url can be spelled in two ways. */
function uniqueOf({ text, payload, issuer }: IdToken): string {
  const { jti } = payload;
  const isNamed = typeof jti === "string" && jti !== "" && jti.length <= 256;
  return isNamed ? `${issuer} ${jti}` : text.slice(0, text.lastIndexOf("."));
}

function good<T extends object>(read: T | { readonly problem: string }): T {
  if ("problem" in read) throw refuse(read.problem);
  return read;
}

function refuse(reason: string): AssayError {
  return new AssayError("ID_TOKEN_REFUSED", { reason });
}
