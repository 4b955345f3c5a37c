import { domainToUnicode } from "node:url";
import ipaddr from "ipaddr.js";

/** Characters with exactly one spelling in a URL, so that a prefix can be compared as it stands. */
const prefixPattern = /^(?:\/(?!(?:\.{1,2}|-)(?:\/|$))[A-Za-z0-9._~-]+)*$/;

/** A public URL in normal form: A-label host, no default port, no trailing slash; undefined when it cannot be one. */
export function normalPublicUrl(text: string): string | undefined {
  const url = plainUrl(text);
  if (url === undefined) return undefined;
  const path = url.pathname.replace(/\/$/, "");
  // URL has already folded dot segments and escapes: what was written must have been the same.
  const written = /^[a-z]+:\/\/[^/]*(\/.*)?$/i.exec(text.trim())?.[1] ?? "";
  return prefixPattern.test(path) && written.replace(/\/$/, "") === path ? `${url.origin}${path}` : undefined;
}

/** An upstream's base URL without trailing slash; undefined when it cannot be one. */
export function normalUpstreamUrl(text: string): string | undefined {
  const url = plainUrl(text);
  return url === undefined ? undefined : `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function plainUrl(text: string): URL | undefined {
  const url = URL.parse(text.trim());
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (!/^https?:\/\//i.test(text.trim()) || /[?#\s\\]/.test(text.trim())) return undefined;
  return url.username === "" && url.password === "" && url.hostname !== "" ? url : undefined;
}

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1: what cannot be reached from another machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return ipaddr.isValid(name) && ipaddr.process(name).range() === "loopback";
}

/** True for 0.0.0.0 and ::. */
export function isAnyAddress(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === "unspecified";
}

/** A URL for people: a host with other letters than ASCII in both its forms, for either alone can be mistaken. */
export function urlInWords(url: string): string {
  const { hostname } = new URL(url);
  const unicode = domainToUnicode(hostname);
  return unicode === hostname || unicode === "" ? url : `${url} (${unicode})`;
}

/** A host as it stands in a URL. */
export function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Port of a URL, also when it is the default. */
export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}
