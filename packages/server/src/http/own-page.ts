import type { IncomingHttpHeaders } from "node:http";

/**
 * True when a browser says that a page of this very origin sent the request. What neither `Origin` nor
 * `Sec-Fetch-Site` vouches for is no: then it is no browser of today, or somebody hides where it comes from.
 */
export function isFromOwnPage(headers: IncomingHttpHeaders, base: string): boolean {
  const { origin, "sec-fetch-site": site } = headers;
  if (origin !== undefined && origin !== new URL(base).origin) return false;
  return site === undefined ? origin !== undefined : site === "same-origin";
}

/** Methods that change nothing (RFC 9110 §9.2.1): what another site's link or picture may make a browser send. */
export function isSafeMethod(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}
