import type { NpmSettings } from "./npm-settings.ts";
import { hostInUrl, isAnyAddress, isLoopbackHost, normalPublicUrl, normalUpstreamUrl, portOf } from "./urls.ts";
import { shown, type Values } from "./values.ts";

/** Where the server listens and under which URLs it is reached. */
export interface Addresses {
  readonly listen: { readonly host: string; readonly port: number };
  /** At least one. */
  readonly publicUrls: readonly string[];
  readonly loopbackOnly: boolean;
}

/**
 * Decides listen address and public URLs; beyond loopback, missing public URLs are a problem that says what to write,
 * and `where`: "in assay.yaml, …".
 */
export function chooseAddresses(
  values: Values,
  problems: string[],
  where = "in assay.yaml, or set ASSAY_PUBLIC_URL or --public-url",
): Addresses {
  const listen = { host: values.text("listen.host"), port: values.number("listen.port") };
  const given = values.optionalList("publicUrls");
  const publicUrls = given !== undefined && given.length > 0 ? given : loopbackUrls(listen);
  const isBroken = given === undefined && values.from("publicUrls") !== "default";
  if (publicUrls !== given && !isLoopbackHost(listen.host) && !isBroken) {
    problems.push(
      `listen.host (${values.from("listen.host")}) is ${listen.host}, which other machines can reach, so the URLs under which they do must be named: write publicUrls: ["https://registry.example.com"] with your own ${where}.`,
    );
  }
  const loopbackOnly = isLoopbackHost(listen.host) && publicUrls.every((url) => isLoopbackHost(new URL(url).hostname));
  return { listen, publicUrls, loopbackOnly };
}

/** The names of loopback, the one listened on first. */
function loopbackUrls(listen: Addresses["listen"]): readonly string[] {
  const hosts = [hostInUrl(listen.host), "localhost", "127.0.0.1", "[::1]"].filter(isLoopbackHost);
  const urls = hosts.map((host) => normalPublicUrl(`http://${host}:${listen.port}`) ?? "");
  return [...new Set(urls)].filter((url) => url !== "");
}

export interface ChosenUpstream {
  readonly url: string;
  readonly source: string;
  readonly fromNpm: boolean;
}

/** Decides the upstream: what was said, else npm's registry. None, or this server itself, is a problem. */
export function chooseUpstream(
  values: Values,
  npm: NpmSettings | { readonly failure: string },
  addresses: Addresses,
  problems: string[],
): ChosenUpstream | undefined {
  const chosen = findUpstream(values, npm, problems);
  if (chosen !== undefined && isSelf(chosen.url, addresses)) {
    problems.push(
      `upstream.url (${chosen.source}) is ${chosen.url}, which is this server itself; write the registry behind it as upstream.url in assay.yaml, or set ASSAY_UPSTREAM.`,
    );
  }
  return chosen;
}

function findUpstream(
  values: Values,
  npm: NpmSettings | { readonly failure: string },
  problems: string[],
): ChosenUpstream | undefined {
  const given = values.optionalText("upstream.url");
  const source = values.from("upstream.url");
  if (given !== undefined) return { url: given, source, fromNpm: false };
  if (source !== "default") return undefined;
  const advice = "write the registry's URL as upstream.url in assay.yaml, or set ASSAY_UPSTREAM or --upstream.";
  if ("failure" in npm) {
    problems.push(`No upstream is configured, and npm's own configuration cannot be read (${npm.failure}); ${advice}`);
    return undefined;
  }
  const url = normalUpstreamUrl(npm.registry);
  if (url === undefined) {
    problems.push(
      `No upstream is configured, and npm's registry is ${shown(npm.registry)}, which is no http or https URL; ${advice}`,
    );
    return undefined;
  }
  return { url, source: "npm's registry", fromNpm: true };
}

/** Same host and port as a public URL, or as the address listened on. */
export function isSelf(upstream: string, { listen, publicUrls }: Addresses): boolean {
  const url = new URL(upstream);
  const port = portOf(url);
  const isPublic = (text: string): boolean => {
    const own = new URL(text);
    return own.hostname === url.hostname && portOf(own) === port;
  };
  if (publicUrls.some(isPublic)) return true;
  if (port !== listen.port) return false;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return host === listen.host || (isLoopbackHost(host) && (isLoopbackHost(listen.host) || isAnyAddress(listen.host)));
}
