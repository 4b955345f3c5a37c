/** The witnesses of this log, ready to be asked: composition for the server and for commands that open the log. */
import { hasMldsa, parseVkey, signatureType, verifier } from "@assay/core";
import type { AskedWitness, LogWitnesses } from "./checksums/checksums.ts";
import type { Config, Secrets } from "./config/config.ts";
import type { Clock } from "./platform/clock.ts";
import { noCredentials, createUpstreamClient } from "./platform/network/client.ts";
import { systemResolve } from "./platform/network/dispatchers.ts";
import { loadNetworkSettings } from "./platform/network/settings.ts";
import type { Random } from "./platform/random.ts";

export interface OpenedWitnesses extends LogWitnesses, AsyncDisposable {}

/**
 * One client a witness of the policy; connects to nobody yet. A witness whose kind of key this runtime cannot check is
 * left out: it could not be believed. Throws CONFIG for network settings that cannot be used.
 */
export async function openLogWitnesses(
  deps: { readonly clock: Clock; readonly random: Random },
  { log, network }: Pick<Config, "log" | "network">,
  secrets: Secrets,
): Promise<OpenedWitnesses> {
  const { policy, ...times } = log.witnesses;
  await using stack = new AsyncDisposableStack();
  const witnesses: AskedWitness[] = [];
  const settings = await loadNetworkSettings({ ...network, ...secrets });
  const isMldsa = (vkey: string): boolean => parseVkey(vkey).type === signatureType.mldsaCosignature;
  // Looked into only when somebody has such a key: the runtime warns of an experiment when it is.
  const canUseMldsa = policy.witnesses.some(({ vkey }) => isMldsa(vkey)) && (await hasMldsa());
  for (const { name, vkey, url = "" } of policy.witnesses) {
    if (isMldsa(vkey) && !canUseMldsa) continue;
    const key = await verifier(vkey);
    const timeouts = { connectMs: times.timeoutMs, headersMs: times.timeoutMs, bodyIdleMs: times.timeoutMs };
    const client = stack.use(
      createUpstreamClient(
        { ...deps, settings, resolve: systemResolve },
        { url, tarballHosts: [], timeouts },
        noCredentials,
      ),
    );
    witnesses.push({ name, key, client });
  }
  const opened = stack.move();
  return { policy, ...times, witnesses, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
