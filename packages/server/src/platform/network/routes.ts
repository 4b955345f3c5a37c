import type { UpstreamConfig } from "../../config/config.ts";
import { addressKind, isAddress } from "./addresses.ts";
import { NetworkError } from "./network.ts";

/** Which URLs one upstream may be asked for: every hop of every request passes here. */
export interface Routes {
  /** The URL of a path below the upstream's own (`/vite`) or of an absolute URL. Throws NetworkError. */
  resolve(target: string): URL;
  /** Where a redirect leads. Throws NetworkError (`redirects`, `forbidden-host`, `forbidden-address`). */
  follow(from: URL, location: string | undefined): URL;
  /** True for the upstream's own scheme, host and port: only there go credentials. */
  isOwn(url: URL): boolean;
}

/**
 * Allowed are the upstream's own origin, and the listed hosts over https (over http too when the upstream's own
 * URL is http). A host that is a literal address is judged at once; names are judged when connecting.
 */
export function createRoutes(config: Pick<UpstreamConfig, "url" | "tarballHosts">): Routes {
  const own = new URL(config.url);
  const ownPath = own.pathname.endsWith("/") ? own.pathname.slice(0, -1) : own.pathname;
  const hosts = new Set(config.tarballHosts.map((host) => host.toLowerCase()));

  function check(url: URL): URL {
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw new NetworkError("forbidden-host", `the scheme ${url.protocol} is not allowed`);
    }
    if (url.username !== "" || url.password !== "") {
      throw new NetworkError("forbidden-host", `credentials inside a URL are not allowed (${url.host})`);
    }
    const isOwn = url.origin === own.origin;
    const isListed = hosts.has(url.host) && (url.protocol === "https:" || own.protocol === "http:");
    if (!isOwn && !isListed) {
      throw new NetworkError("forbidden-host", `${url.origin} is neither the upstream's own origin nor a listed host`);
    }
    if (isAddress(url.hostname)) {
      const kind = addressKind(url.hostname);
      if (kind === "never" || (kind === "inward" && !isOwn)) {
        throw new NetworkError("forbidden-address", `the address ${url.hostname} is not allowed`);
      }
    }
    return url;
  }

  return {
    resolve(target) {
      if (!target.startsWith("/")) return check(parse(target, undefined, "forbidden-host"));
      const url = check(parse(`${own.origin}${ownPath}${target}`, undefined, "forbidden-host"));
      if (url.origin !== own.origin || !url.pathname.startsWith(`${ownPath}/`)) {
        throw new NetworkError("forbidden-host", "the path climbs out of the upstream's URL");
      }
      return url;
    },
    follow(from, location) {
      if (location === undefined || location === "")
        throw new NetworkError("redirects", `${from.origin} redirects to nowhere`);
      const next = parse(location, from, "redirects");
      if (from.protocol === "https:" && next.protocol !== "https:") {
        throw new NetworkError("redirects", `${from.origin} redirects from https to ${next.protocol}`);
      }
      next.hash = "";
      return check(next);
    },
    isOwn: (url) => url.origin === own.origin,
  };
}

function parse(text: string, from: URL | undefined, reason: "forbidden-host" | "redirects"): URL {
  try {
    return new URL(text, from);
  } catch (cause) {
    throw new NetworkError(reason, "not a URL", { cause });
  }
}
