import type { IncomingMessage } from "node:http";
import { isFromOwnPage, isSafeMethod } from "./own-page.ts";

/** What a request shows of who sends it, as it came: nothing in here is believed yet. */
export interface Credentials {
  /** `Authorization: Bearer …`. */
  readonly bearer: string | undefined;
  /** `Authorization: Basic …`: what npm's `_auth`, and `username` with `_password`, are sent as. */
  readonly basic: { readonly user: string; readonly password: string } | undefined;
  /**
   * The browser's session cookie. Browsers send it whoever made them ask: with a method that changes something it
   * counts only when a page of our own did.
   */
  readonly session: string | undefined;
  /** `npm-otp`. */
  readonly otp: string | undefined;
  /** Of the client; behind trusted proxies of the one that the outermost of them saw. */
  readonly address: string;
}

/** With this prefix browsers keep the cookie to our host, our path and https. */
export const secureSessionCookie = "__Host-assay-session";
/** On http, so on loopback only. */
export const plainSessionCookie = "assay-session";

/** Of somebody who is not signed in: what their forms are bound to. */
export const secureFormCookie = "__Host-assay-form";
export const plainFormCookie = "assay-form";

const longestCredential = 4096;
/** Identity tokens of CI carry the groups of whoever started the run. */
const longestBearer = 12_000;

/** Reads the credentials of a request; what is malformed or too long counts as absent. */
export function readCredentials(request: IncomingMessage, address: string, base: string): Credentials {
  const { authorization, cookie, "npm-otp": otp } = request.headers;
  const [scheme = "", value = ""] = authorization === undefined ? [] : splitOnce(authorization.trim(), " ");
  const credential = value.trim();
  const kind = scheme.toLowerCase();
  const longest = kind === "bearer" ? longestBearer : longestCredential;
  const isUsable = credential !== "" && credential.length <= longest;
  return {
    bearer: isUsable && kind === "bearer" && !/\s/.test(credential) ? credential : undefined,
    basic: isUsable && kind === "basic" ? readBasic(credential) : undefined,
    session:
      isSafeMethod(request.method) || isFromOwnPage(request.headers, base)
        ? readCookie(cookie, base.startsWith("https:") ? secureSessionCookie : plainSessionCookie)
        : undefined,
    otp: typeof otp === "string" && otp !== "" && otp.length <= longestCredential ? otp : undefined,
    address,
  };
}

/** RFC 7617: UTF-8, the first colon ends the name. */
function readBasic(credential: string): Credentials["basic"] {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(credential)) return undefined;
  const text = Buffer.from(credential, "base64").toString("utf8");
  if (!text.includes(":") || text.includes("\ufffd")) return undefined;
  const [user, password] = splitOnce(text, ":");
  return { user, password };
}

/** A cookie that came twice is none: one of them is not ours. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  const found = header
    .split(";")
    .map((pair) => splitOnce(pair.trim(), "="))
    .filter(([key]) => key === name);
  const value = found[0]?.[1];
  return found.length === 1 && value !== undefined && /^[\w.~-]{1,512}$/.test(value) ? value : undefined;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
