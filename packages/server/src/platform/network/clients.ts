import type { Config, Secrets } from "../../config/config.ts";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { createUpstreamClient } from "./client.ts";
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
