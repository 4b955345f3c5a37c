import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AssayError } from "@assay/core";

/** What the operator's surroundings say about the way out, as values: nothing here reads the environment. */
export interface NetworkValues {
  /** npm's `cafile`: path of a PEM file. */
  readonly caFile?: string | undefined;
  /** npm's `ca`: PEM texts. */
  readonly ca?: readonly string[] | undefined;
  /** NODE_EXTRA_CA_CERTS: path of a PEM file. */
  readonly extraCaFile?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly httpProxy?: string | undefined;
  /** Comma or space separated hosts, `*`, `.suffix`, `*.suffix`, each with an optional port. */
  readonly noProxy?: string | undefined;
}

export interface NetworkSettings {
  /** PEM certificates trusted in addition to the runtime's own roots. */
  readonly certificates: readonly string[];
  readonly proxy: ProxySettings;
}

export interface ProxySettings {
  readonly https: string | undefined;
  readonly http: string | undefined;
  readonly bypass: readonly string[];
}

/** No extra certificates, no proxy. */
export const directSettings: NetworkSettings = {
  certificates: [],
  proxy: { https: undefined, http: undefined, bypass: [] },
};

/**
 * Reads the certificate files and checks the proxy URLs. npm takes `ca` and `cafile` *instead of* the public
 * roots; here they are added to them. Throws CONFIG that names the setting and the file.
 */
export async function loadNetworkSettings(values: NetworkValues): Promise<NetworkSettings> {
  const certificates = [
    ...certificatesIn((values.ca ?? []).join("\n"), "ca", (values.ca ?? []).length > 0),
    ...(await certificateFile(values.caFile, "cafile")),
    ...(await certificateFile(values.extraCaFile, "NODE_EXTRA_CA_CERTS")),
  ];
  return {
    certificates: [...new Set(certificates)],
    proxy: {
      https: proxyUrl(values.httpsProxy, "HTTPS_PROXY"),
      http: proxyUrl(values.httpProxy, "HTTP_PROXY"),
      bypass: (values.noProxy ?? "")
        .toLowerCase()
        .split(/[\s,]+/)
        .filter((entry) => entry !== ""),
    },
  };
}

/** The proxy for a URL, or undefined to go straight. Loopback hosts never go through a proxy: it could not reach them. */
export function proxyFor(url: URL, proxy: ProxySettings): string | undefined {
  const chosen = url.protocol === "https:" ? proxy.https : proxy.http;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (
    chosen === undefined ||
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    /^127\./.test(host)
  )
    return undefined;
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return proxy.bypass.some((entry) => bypasses(entry, host, port)) ? undefined : chosen;
}

function bypasses(entry: string, host: string, port: string): boolean {
  // A bare IPv6 address matches neither form: it has no port.
  const parts = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? /^([^:]+)(?::(\d+))?$/.exec(entry);
  const pattern = parts?.[1] ?? entry;
  const wantedPort = parts?.[2];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (pattern === "*") return true;
  if (pattern.startsWith("*.")) return host.endsWith(pattern.slice(1));
  const suffix = pattern.startsWith(".") ? pattern.slice(1) : pattern;
  return host === suffix || host.endsWith(`.${suffix}`);
}

async function certificateFile(path: string | undefined, setting: string): Promise<string[]> {
  if (path === undefined || path === "") return [];
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new AssayError("CONFIG", { reason: `${setting} names ${path}, which cannot be read.` }, { cause });
  }
  return certificatesIn(text, `${setting} (${path})`, true);
}

function certificatesIn(text: string, where: string, isRequired: boolean): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 && isRequired) {
    throw new AssayError("CONFIG", { reason: `${where} holds no PEM certificate.` });
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new AssayError("CONFIG", { reason: `${where} holds a certificate that cannot be read.` }, { cause });
    }
  }
  return blocks;
}

function proxyUrl(text: string | undefined, setting: string): string | undefined {
  if (text === undefined || text === "") return undefined;
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // The value may hold a password: it is not repeated.
    throw new AssayError("CONFIG", { reason: `${setting} must be an http or https URL.` });
  }
  return url.href;
}
