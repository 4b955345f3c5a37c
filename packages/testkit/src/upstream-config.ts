import { parseNamePattern } from "@assay/core";
import type { UpstreamConfig } from "@assay/server/config";

/** The configuration of one upstream as `assay.yaml` gives it with a URL only; impatient, for tests. */
export function upstreamConfig(
  changes: Partial<Omit<UpstreamConfig, "names">> &
    Pick<UpstreamConfig, "url"> & { readonly names?: readonly string[] },
): UpstreamConfig {
  return {
    name: "npm",
    kind: "registry",
    of: undefined,
    operator: changes.name ?? "npm",
    tarballHosts: [],
    integrity: "accept-sha1",
    signatures: "prefer",
    keys: [],
    keysFile: undefined,
    tarballs: "serve",
    choose: "order",
    spread: "package",
    seed: "",
    agree: 1,
    auditorsNeeded: 0,
    delegations: "off",
    weight: 1,
    timeouts: { connectMs: 1000, headersMs: 1000, bodyIdleMs: 1000 },
    tls: undefined,
    ...changes,
    names: (changes.names ?? ["*"]).map(parseNamePattern),
  };
}
