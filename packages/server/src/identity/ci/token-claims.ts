import { said, type IdToken } from "./id-token.ts";

export interface TokenRules {
  /** Whom tokens must be meant for: any of these. */
  readonly audiences: readonly string[];
  /** How far clocks may be apart. */
  readonly leewaySeconds: number;
  /** No token is taken that was issued longer ago, whatever it says itself. */
  readonly maxAgeSeconds: number;
}

export interface TokenTimes {
  /** Until then the token could be shown again: expiry and leeway. */
  readonly usableUntilMs: number;
}

/**
 * Holds what a token says of its time and of whom it is meant for against our clock and our names (RFC 7519 §4.1).
 * Each time is compared with the leeway in the caller's favour. Answers what is wrong, as the rest of a sentence
 * about the token.
 */
export function checkTokenClaims(
  { payload }: IdToken,
  { audiences, leewaySeconds, maxAgeSeconds }: TokenRules,
  nowMs: number,
): TokenTimes | { readonly problem: string } {
  const now = nowMs / 1000;
  const { exp, nbf, iat, aud } = payload;
  if (!isTime(exp)) return { problem: "it does not say when it expires (exp)" };
  if (!isTime(iat)) return { problem: "it does not say when it was issued (iat)" };
  if (nbf !== undefined && !isTime(nbf)) return { problem: "its nbf is not a time" };
  if (now >= exp + leewaySeconds) return { problem: `it has expired at ${iso(exp)}` };
  if (nbf !== undefined && now < nbf - leewaySeconds) return { problem: `it is not valid before ${iso(nbf)}` };
  if (now < iat - leewaySeconds) return { problem: `it was issued in the future, at ${iso(iat)}` };
  if (now > iat + maxAgeSeconds + leewaySeconds)
    return { problem: `it was issued at ${iso(iat)}, more than ${maxAgeSeconds} s ago` };
  const meantFor = Array.isArray(aud) ? (aud as readonly unknown[]) : [aud];
  if (!meantFor.some((one) => typeof one === "string" && audiences.includes(one)))
    return { problem: `its audience is ${said(aud)}, but must be ${audiences.join(" or ")}` };
  return { usableUntilMs: Math.ceil((exp + leewaySeconds) * 1000) };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value <= 253_402_300_799;
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/**
 * Whom tokens for the registry under these URLs are meant for: npm, pnpm and vlt ask for the host name, Yarn 4 for
 * host and port.
 */
export function audiencesOf(publicUrls: readonly string[]): readonly string[] {
  const names = publicUrls.flatMap((text) => {
    const { hostname, host, port, protocol } = new URL(text);
    const usual = protocol === "https:" ? "443" : "80";
    return [hostname, host, ...(port === "" ? [`${hostname}:${usual}`] : [])];
  });
  return [...new Set(names)].map((name) => `npm:${name}`);
}
