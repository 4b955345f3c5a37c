import { lookup as systemLookup } from "node:dns/promises";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { LookupFunction } from "node:net";
import { Pool, ProxyAgent, type Dispatcher } from "undici";
import type { UpstreamConfig } from "../../config/config.ts";
import { addressKind } from "./addresses.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import { NetworkError } from "./network.ts";
import { proxyFor, type NetworkSettings } from "./settings.ts";

/** Turns a host name into addresses: the true outside. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Resolves as the operating system does (hosts file included). */
export const systemResolve: Resolve = (host) => systemLookup(host, { all: true });

/** Connections per origin, made on first use. */
export interface Dispatchers {
  for(url: URL, isOwn: boolean): Dispatcher;
  close(): Promise<void>;
}

/** Most connections to one origin. More than one slow package may occupy without stopping the others. */
const connectionsPerOrigin = 64;

/**
 * Pools whose every connection looks its host up through the address check. Behind a proxy the proxy does the
 * looking up, so that there only literal addresses and host names can be checked (`routes.ts` does both).
 */
export function createDispatchers(
  deps: { readonly resolve: Resolve; readonly settings: NetworkSettings },
  config: Pick<UpstreamConfig, "timeouts"> & { readonly certificate: ClientCertificate | undefined },
): Dispatchers {
  const dispatchers = new Map<string, Dispatcher>();
  const { certificates } = deps.settings;
  const anonymous = trust(certificates, undefined);
  const own = config.certificate === undefined ? anonymous : trust(certificates, config.certificate);
  const limits = {
    connections: connectionsPerOrigin,
    headersTimeout: config.timeouts.headersMs,
    bodyTimeout: config.timeouts.bodyIdleMs,
  };

  function open(url: URL, isOwn: boolean): Dispatcher {
    const tls = isOwn ? own : anonymous;
    const proxy = proxyFor(url, deps.settings.proxy);
    if (proxy !== undefined) {
      return new ProxyAgent({
        ...limits,
        uri: proxy,
        allowH2: false,
        connectTimeout: config.timeouts.connectMs,
        requestTls: { ...tls, timeout: config.timeouts.connectMs },
        proxyTls: { ...anonymous, timeout: config.timeouts.connectMs },
      });
    }
    const lookup = checkedLookup(deps.resolve, isOwn);
    return new Pool(url.origin, {
      ...limits,
      allowH2: false,
      connect: { ...tls, lookup, timeout: config.timeouts.connectMs },
    });
  }

  return {
    for(url, isOwn) {
      let dispatcher = dispatchers.get(url.origin);
      if (dispatcher === undefined) {
        dispatcher = open(url, isOwn);
        dispatchers.set(url.origin, dispatcher);
      }
      return dispatcher;
    },
    async close() {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** One context for all connections: parsing a few hundred roots for each would cost milliseconds a time. */
function trust(
  certificates: readonly string[],
  shown: ClientCertificate | undefined,
): { readonly secureContext?: SecureContext } {
  if (certificates.length === 0 && shown === undefined) return {};
  return { secureContext: createSecureContext({ ca: [...getCACertificates("default"), ...certificates], ...shown }) };
}

/** The addresses that are checked are the ones connected to: a second answer of the DNS changes nothing. */
function checkedLookup(resolve: Resolve, isOwn: boolean): LookupFunction {
  return (host, options, callback) => {
    const refuse = (error: Error): void => callback(error, "", 0);
    void resolve(host).then((addresses) => {
      const allowed = addresses.filter(({ address, family }) => {
        const kind = addressKind(address);
        const fits =
          options.family === undefined ||
          options.family === 0 ||
          options.family === "IPv4" ||
          options.family === "IPv6" ||
          options.family === family;
        return fits && (kind === "public" || (kind === "inward" && isOwn));
      });
      const [first] = allowed;
      if (first === undefined) {
        const listed = addresses.map(({ address }) => address).join(", ");
        refuse(
          new NetworkError(
            "forbidden-address",
            `${host} leads to ${listed === "" ? "no address" : listed}, which is not allowed`,
          ),
        );
      } else if (options.all === true) {
        callback(null, [...allowed]);
      } else {
        callback(null, first.address, first.family);
      }
    }, refuse);
  };
}
