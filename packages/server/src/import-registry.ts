/** The way to a registry whose packages move here: named at the terminal, in no configuration. */
import type { LoadedConfig } from "./config/load.ts";
import { createUpstreamClient } from "./platform/network/client.ts";
import { systemResolve } from "./platform/network/dispatchers.ts";
import { loadNetworkSettings } from "./platform/network/settings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { createRegistrySource, type ImportSource } from "./publishing/publishing.ts";

const timeouts = { connectMs: 10_000, headersMs: 60_000, bodyIdleMs: 30_000 };

/** `url` without a trailing slash; `authorization` is sent there and nowhere else. Throws CONFIG for certificates that cannot be read. */
export async function openRegistrySource(
  { config, secrets }: LoadedConfig,
  { url, authorization }: { readonly url: string; readonly authorization: string | undefined },
): Promise<ImportSource & AsyncDisposable> {
  const client = createUpstreamClient(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      settings: await loadNetworkSettings({ ...config.network, ...secrets }),
      resolve: systemResolve,
    },
    { url, tarballHosts: [], timeouts },
    { authorization, certificate: undefined },
  );
  return {
    ...createRegistrySource({ url, client, isKnown: authorization !== undefined, limits: config.limits }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
