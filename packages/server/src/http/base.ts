import type { IncomingMessage } from "node:http";
import { domainToASCII } from "node:url";
import { inBlocks } from "./peers.ts";

/** Which public URL a request came in under, or why it came in under none. */
export type BaseChoice =
  | {
      readonly outcome: "chosen";
      /** The public URL, no trailing slash. */
      readonly base: string;
      /** The request target below the base; starts with `/`. */
      readonly target: string;
    }
  /** No public URL has this host and path prefix: 421. */
  | { readonly outcome: "unknown"; readonly host: string }
  /** The headers contradict each other: 400. */
  | { readonly outcome: "refused"; readonly reason: string };

export interface Bases {
  /** Chooses by Host and target; X-Forwarded-Host and -Proto count only when the peer is a trusted proxy. */
  choose(request: IncomingMessage): BaseChoice;
  /** The first public URL. */
  readonly canonical: string;
}

interface PublicUrl {
  readonly base: string;
  readonly scheme: string;
  /** Empty, or `/a/b`. */
  readonly prefix: string;
}

/** What clients ask at the root of the host although the registry is mounted below a path: the rest is as below it. */
const rootPaths: readonly string[] = ["/-/npm/v1/oidc/token/exchange/package/"];

/**
 * The allow-list of URLs under which clients reach the server.
 *
 * A host is compared as its A-label in lower case, with its port unless that is the scheme's default. Among
 * several URLs of one host the longest path prefix wins; X-Forwarded-Proto only decides between URLs that
 * differ in nothing but the scheme, for TLS may end in front of the proxy that we see. `rootPaths` are let through
 * at the root of every known host, under its first URL.
 */
export function createBases(publicUrls: readonly string[], trustedProxies: readonly string[]): Bases {
  const byHost = new Map<string, readonly PublicUrl[]>();
  for (const text of publicUrls) {
    const url = new URL(text);
    const entry: PublicUrl = {
      base: text,
      scheme: url.protocol.slice(0, -1),
      prefix: url.pathname === "/" ? "" : url.pathname,
    };
    const hosts = url.port === "" ? [url.host, `${url.host}:${url.protocol === "https:" ? 443 : 80}`] : [url.host];
    for (const host of hosts) {
      const entries = [...(byHost.get(host) ?? []), entry];
      byHost.set(
        host,
        entries.sort((a, b) => b.prefix.length - a.prefix.length),
      );
    }
  }
  const isTrusted = inBlocks(trustedProxies);
  const canonical = publicUrls[0];
  if (canonical === undefined) throw new TypeError("a server needs a public URL");

  return {
    canonical,
    choose(request) {
      const headers = readHostHeaders(request.rawHeaders);
      if (typeof headers === "string") return { outcome: "refused", reason: headers };
      let host = headers.host;
      let scheme: string | undefined;
      if (headers.forwarded && isTrusted !== undefined && isTrusted(request.socket.remoteAddress)) {
        const forwardedHost = request.headers["x-forwarded-host"];
        const forwardedProto = request.headers["x-forwarded-proto"];
        // Node joins repeated headers with a comma: two hops that disagree are no answer.
        if (typeof forwardedHost === "string") host = forwardedHost;
        if (typeof forwardedProto === "string") scheme = forwardedProto.toLowerCase();
        if (host.includes(",") || scheme?.includes(",") === true) {
          return { outcome: "refused", reason: "X-Forwarded-Host and X-Forwarded-Proto must each hold one value" };
        }
      }
      const entries = byHost.get(host) ?? byHost.get(normalHost(host) ?? "");
      const target = request.url ?? "";
      if (entries === undefined) return { outcome: "unknown", host };
      const entry = pick(entries, target, scheme);
      if (entry === undefined) return chooseRoot(entries, target, scheme, host);
      if (entry.prefix === "") return { outcome: "chosen", base: entry.base, target };
      const rest = target.slice(entry.prefix.length);
      return { outcome: "chosen", base: entry.base, target: rest.startsWith("/") ? rest : `/${rest}` };
    },
  };
}

function chooseRoot(
  entries: readonly PublicUrl[],
  target: string,
  scheme: string | undefined,
  host: string,
): BaseChoice {
  const root = rootPaths.some((path) => target.startsWith(path)) ? pick(entries, undefined, scheme) : undefined;
  return root === undefined
    ? { outcome: "unknown", host: `${host} under this path` }
    : { outcome: "chosen", base: root.base, target };
}

/** Without a target any entry will do. */
function pick(
  entries: readonly PublicUrl[],
  target: string | undefined,
  scheme: string | undefined,
): PublicUrl | undefined {
  let found: PublicUrl | undefined;
  for (const entry of entries) {
    if (target !== undefined && !isBelow(target, entry.prefix)) continue;
    if (found !== undefined && found.prefix !== entry.prefix) break;
    if (scheme === undefined || entry.scheme === scheme) return entry;
    found ??= entry;
  }
  return found;
}

/** The prefix is compared as raw bytes: it holds only characters with one spelling, and what follows is read strictly. */
function isBelow(target: string, prefix: string): boolean {
  if (prefix === "") return true;
  if (!target.startsWith(prefix)) return false;
  const after = target.charCodeAt(prefix.length);
  return Number.isNaN(after) || after === 0x2f || after === 0x3f;
}

/** One pass over the raw headers, because Node silently keeps the first of several Host headers. */
function readHostHeaders(raw: readonly string[]): { readonly host: string; readonly forwarded: boolean } | string {
  let host: string | undefined;
  let forwarded = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (name.length === 4) {
      if (name.toLowerCase() !== "host") continue;
      if (host !== undefined) return "it has more than one Host header";
      host = raw[i + 1] ?? "";
    } else if (name.charCodeAt(1) === 0x2d && name.length > 15) {
      forwarded ||= name.toLowerCase().startsWith("x-forwarded-");
    }
  }
  return host === undefined || host === "" ? "it has no Host header" : { host, forwarded };
}

const hostPattern = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]\\%,]+)(:[0-9]{1,5})?$/;

/** Lower case, IDN as A-label; undefined when it is no host. */
function normalHost(header: string): string | undefined {
  const match = hostPattern.exec(header);
  if (match === null) return undefined;
  const [, name = "", port = ""] = match;
  if (/^[!-~]+$/.test(name)) return name.toLowerCase() + port;
  // A header is Latin-1 to Node; clients that send an IDN raw send UTF-8.
  const utf8 = Buffer.from(name, "latin1").toString("utf8");
  const label = domainToASCII(utf8.includes("\ufffd") ? name : utf8);
  return label === "" ? undefined : label + port;
}
