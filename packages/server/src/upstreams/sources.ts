import { mostSpecificPattern, patternCovers, type NamePattern, type PackageName } from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Agreement } from "./upstreams.ts";

/** An upstream with the way there. */
export interface Source {
  readonly config: UpstreamConfig;
  readonly client: UpstreamClient;
}

/** Who has what: decided by the configuration alone, so the same for everybody and at every time. */
export interface Sources {
  /**
   * The registry that owns a name: that with the most specific pattern (core's `mostSpecificPattern`). Undefined when
   * none does: then nobody is asked.
   */
  ownerOf(name: PackageName): Source | undefined;
  /** The owner and its mirrors that may have a name's bytes, in the order of the configuration. Empty without owner. */
  sourcesOf(name: PackageName): readonly Source[];
  readonly registries: readonly Source[];
  /** In the order of the configuration. */
  readonly all: readonly Source[];
  /** Throws TypeError for an alias that is not configured. */
  named(alias: string): Source;
}

/** Every upstream needs its client. Pure. */
export function createSources(
  upstreams: readonly UpstreamConfig[],
  clients: ReadonlyMap<string, UpstreamClient>,
): Sources {
  const byAlias = new Map<string, Source>();
  const owners = new Map<NamePattern, Source>();
  for (const config of upstreams) {
    const client = clients.get(config.name);
    if (client === undefined) throw new TypeError(`the upstream ${config.name} has no client`);
    const source = { config, client };
    byAlias.set(config.name, source);
    if (config.kind === "registry") for (const pattern of config.names) owners.set(pattern, source);
  }

  function ownerOf(name: PackageName): Source | undefined {
    const pattern = mostSpecificPattern(owners.keys(), name);
    return pattern === undefined ? undefined : owners.get(pattern);
  }

  return {
    ownerOf,
    sourcesOf(name) {
      const owner = ownerOf(name);
      if (owner === undefined) return [];
      return [...byAlias.values()].filter(
        (source) =>
          source === owner ||
          (source.config.kind === "mirror" &&
            source.config.of === owner.config.name &&
            source.config.names.some((pattern) => patternCovers(pattern, name))),
      );
    },
    all: [...byAlias.values()],
    registries: [...byAlias.values()].filter(({ config }) => config.kind === "registry"),
    named(alias) {
      const source = byAlias.get(alias);
      if (source === undefined) throw new TypeError(`${alias} is no configured upstream`);
      return source;
    },
  };
}

/** `Upstreams.agreementOf`. Pure. */
export function agreementOf(sources: Sources, name: PackageName): Agreement {
  const owner = sources.ownerOf(name);
  const described = sources.sourcesOf(name).map((source) => ({
    alias: source.config.name,
    operator: source.config.operator,
    isOwner: source === owner,
  }));
  return {
    needed: owner?.config.agree ?? 1,
    sources: [...described.filter(({ isOwner }) => isOwner), ...described.filter(({ isOwner }) => !isOwner)],
  };
}
