import { AssayError } from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";

/**
 * The URL to download a listed tarball from. Must be an absolute http(s) URL; whether its host may be asked is the
 * client's to say. An http URL on the host of an https upstream is asked for by https, as old documents have them.
 * Throws UPSTREAM_BAD_ANSWER.
 */
export function tarballUrl(listed: string, upstream: Pick<UpstreamConfig, "name" | "url">): string {
  const url = URL.parse(listed);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new AssayError("UPSTREAM_BAD_ANSWER", {
      source: upstream.name,
      reason: "the listed tarball URL is not an absolute http or https URL",
    });
  }
  const own = new URL(upstream.url);
  if (own.protocol === "https:" && url.protocol === "http:" && url.hostname === own.hostname && url.port === "") {
    url.protocol = "https:";
    url.port = own.port;
  }
  url.hash = "";
  return url.href;
}
