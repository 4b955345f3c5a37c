/** An identity token taken apart. Nothing in it is believed yet. */
export interface IdToken {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string;
  /** `iss`. */
  readonly issuer: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Signatures that are taken. No symmetric ones: their key would be a public one. */
export const algorithms: readonly string[] = ["RS256", "ES256", "EdDSA"];

/** Characters; those of services with long group lists have a few thousand. */
const longest = 12_000;

/**
 * Reads the compact form of a signed JWT (RFC 7519, RFC 7515 §7.1) strictly, or says what is wrong, as the rest of
 * a sentence about the token.
 */
export function readIdToken(text: string): IdToken | { readonly problem: string } {
  if (text.length > longest) return { problem: `it is longer than ${longest} characters` };
  const parts = text.split(".");
  const [head = "", body = ""] = parts;
  if (parts.length !== 3) return { problem: "it is not a signed JWT of three parts" };
  const header = readPart(head);
  const payload = readPart(body);
  if (header === undefined || payload === undefined) return { problem: "it is not JSON in base64url" };
  const { alg, kid, crit } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg))
    return { problem: `its alg is ${said(alg)}, but must be one of ${algorithms.join(", ")}` };
  if (crit !== undefined) return { problem: "it has critical header fields, and none is understood here" };
  if (typeof kid !== "string" || kid === "" || kid.length > 256) return { problem: "it names no key (kid)" };
  const { iss } = payload;
  if (typeof iss !== "string" || iss === "" || iss.length > 512) return { problem: "it names no issuer (iss)" };
  return { text, algorithm: alg, keyId: kid, issuer: iss, payload };
}

function readPart(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "base64url")));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.assign(Object.create(null) as Record<string, unknown>, value)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A value of the caller's own token, short and in quotes, for a sentence. */
export function said(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}
