import type { Config, Secrets } from "../../config/config.ts";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { createUpstreamClient, noCredentials } from "./client.ts";
import { loadClientCertificate } from "./client-certificate.ts";
import { systemResolve } from "./dispatchers.ts";
import type { UpstreamClient } from "./network.ts";
import { loadNetworkSettings } from "./settings.ts";

/** The client of each upstream, by alias. */
export interface UpstreamClients extends AsyncDisposable {
  readonly byAlias: ReadonlyMap<string, UpstreamClient>;
}

/** One client an upstream, with its credentials. Connects to nobody yet. Throws CONFIG for files that cannot be used. */
export async function openUpstreamClients(
  deps: { readonly clock: Clock; readonly random: Random },
  config: Pick<Config, "upstreams" | "network">,
  secrets: Secrets,
): Promise<UpstreamClients> {
  const settings = await loadNetworkSettings({ ...config.network, ...secrets });
  const byAlias = new Map<string, UpstreamClient>();
  for (const upstream of config.upstreams) {
    const credentials = {
      authorization: secrets.upstreams.get(upstream.name)?.authorization,
      certificate: await loadClientCertificate(upstream),
    };
    byAlias.set(
      upstream.name,
      createUpstreamClient({ ...deps, settings, resolve: systemResolve }, upstream, credentials),
    );
  }
  return {
    byAlias,
    async [Symbol.asyncDispose]() {
      await Promise.all([...byAlias.values()].map((client) => client[Symbol.asyncDispose]()));
    },
  };
}

/** How the keys of CI issuers are asked for: a publish waits for them. */
const issuerTimeouts = { connectMs: 5_000, headersMs: 10_000, bodyIdleMs: 5_000 };

/** The client of each issuer of CI tokens, by its name: its own origin, and the host of its keys where that is another. */
export async function openIssuerClients(
  deps: { readonly clock: Clock; readonly random: Random },
  { trust, network }: Pick<Config, "trust" | "network">,
  secrets: Pick<Secrets, "httpProxy" | "httpsProxy">,
): Promise<UpstreamClients> {
  const settings = await loadNetworkSettings({ ...network, ...secrets });
  const byAlias = new Map<string, UpstreamClient>();
  for (const { name, issuer, jwks } of trust.issuers) {
    const where = {
      url: new URL(issuer.replaceAll(/[{}]/g, "")).origin,
      tarballHosts: jwks === undefined ? [] : [new URL(jwks).host],
      timeouts: issuerTimeouts,
    };
    byAlias.set(name, createUpstreamClient({ ...deps, settings, resolve: systemResolve }, where, noCredentials));
  }
  return {
    byAlias,
    async [Symbol.asyncDispose]() {
      await Promise.all([...byAlias.values()].map((client) => client[Symbol.asyncDispose]()));
    },
  };
}

/** How a followed checksum database is reached: with a lookup it may have to download a lot before it answers. */
const logTimeouts = { connectMs: 10_000, headersMs: 300_000, bodyIdleMs: 30_000 };

/** The client of the followed checksum database, under the same rules as an upstream's; undefined where none is. */
export async function openLogClient(
  deps: { readonly clock: Clock; readonly random: Random },
  config: Pick<Config, "checksums" | "network">,
  secrets: Secrets,
): Promise<AsyncDisposable & { readonly client: UpstreamClient | undefined }> {
  if (config.checksums === undefined) return { client: undefined, async [Symbol.asyncDispose]() {} };
  const settings = await loadNetworkSettings({ ...config.network, ...secrets });
  const where = { url: config.checksums.url, tarballHosts: [], timeouts: logTimeouts };
  const client = createUpstreamClient({ ...deps, settings, resolve: systemResolve }, where, noCredentials);
  return { client, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}
