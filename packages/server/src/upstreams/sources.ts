import { mostSpecificPattern, patternCovers, type NamePattern, type PackageName } from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Auditing } from "../releases/releases.ts";
import { keepingOwnNames, noOwnNames, type OwnNames } from "./own-names.ts";
import type { Agreement } from "./upstreams.ts";

/** An upstream with the way there. */
export interface Source {
  readonly config: UpstreamConfig;
  readonly client: UpstreamClient;
}

/** Who has what: decided by the configuration, and by delegations, so the same for everybody. */
export interface Sources {
  /**
   * The registry that owns a name: that with the most specific pattern (core's `mostSpecificPattern`). Undefined when
   * none does: then nobody is asked.
   */
  ownerOf(name: PackageName): Source | undefined;
  /** The same as if no name lived here. */
  ownerElsewhere(name: PackageName): Source | undefined;
  /** The owner and its mirrors that may have a name's bytes, in the order of the configuration. Empty without owner. */
  sourcesOf(name: PackageName): readonly Source[];
  /** The auditors that examine a name's versions for its owner, in the order of the configuration. */
  auditorsOf(name: PackageName): readonly Source[];
  readonly registries: readonly Source[];
  /** In the order of the configuration. */
  readonly all: readonly Source[];
  /** Throws TypeError for an alias that is not configured. */
  named(alias: string): Source;
}

/** Who owns a name, and who copies or examines what its owner has. */
export interface Ownership {
  ownerOf(name: PackageName): UpstreamConfig | undefined;
  /** Mirrors or auditors of the owner that have this name, in the order of the configuration. */
  copiesOf(name: PackageName, kind: "mirror" | "auditor"): readonly UpstreamConfig[];
}

/** Alias of the registry that a name was handed to; undefined: the configuration decides. */
export type DelegatedTo = (name: PackageName) => string | undefined;

/** Pure but for `delegatedTo` and `own`. */
export function createOwnership(
  upstreams: readonly UpstreamConfig[],
  delegatedTo: DelegatedTo = () => undefined,
  own: Pick<OwnNames, "has"> = noOwnNames,
): Ownership {
  const registries = new Map(upstreams.filter(({ kind }) => kind === "registry").map((one) => [one.name, one]));
  const owners = new Map<NamePattern, UpstreamConfig>();
  for (const config of upstreams)
    if (config.kind === "registry") for (const pattern of config.names) owners.set(pattern, config);

  function ownerOf(name: PackageName): UpstreamConfig | undefined {
    if (own.has(name)) return undefined;
    const alias = delegatedTo(name);
    if (alias !== undefined) return registries.get(alias);
    const pattern = mostSpecificPattern(owners.keys(), name);
    return pattern === undefined ? undefined : owners.get(pattern);
  }

  return {
    ownerOf,
    copiesOf(name, kind) {
      const owner = ownerOf(name);
      if (owner === undefined) return [];
      return upstreams.filter(
        (one) =>
          one.kind === kind && one.of === owner.name && one.names.some((pattern) => patternCovers(pattern, name)),
      );
    },
  };
}

/** Who must have examined a name's versions: `ReleasesOptions.auditingOf` by this configuration. Pure. */
export function createAuditing(
  upstreams: readonly UpstreamConfig[],
  delegatedTo?: DelegatedTo,
  own?: Pick<OwnNames, "has">,
): (name: PackageName) => Auditing | undefined {
  const ownership = createOwnership(upstreams, delegatedTo, own);
  if (!upstreams.some(({ kind }) => kind === "auditor")) return () => undefined;
  return (name) => {
    const auditors = ownership.copiesOf(name, "auditor").map((auditor) => auditor.name);
    // Of a name that fewer of them are asked for, all of those: the others cannot list it.
    const needed = Math.min(ownership.ownerOf(name)?.auditorsNeeded ?? 0, auditors.length);
    return needed === 0 ? undefined : { needed, auditors };
  };
}

/** Every upstream needs its client. Pure. */
export function createSources(
  upstreams: readonly UpstreamConfig[],
  clients: ReadonlyMap<string, UpstreamClient>,
  delegatedTo?: DelegatedTo,
  own: OwnNames = noOwnNames,
): Sources {
  const ownership = createOwnership(upstreams, delegatedTo, own);
  const byAlias = new Map<string, Source>();
  for (const config of upstreams) {
    const client = clients.get(config.name);
    if (client === undefined) throw new TypeError(`the upstream ${config.name} has no client`);
    byAlias.set(config.name, { config, client: keepingOwnNames(own, client) });
  }

  const asIfNoneLivedHere = createOwnership(upstreams, delegatedTo);
  const sourceOf = (owner: UpstreamConfig | undefined): Source | undefined => owner && byAlias.get(owner.name);

  return {
    ownerOf: (name) => sourceOf(ownership.ownerOf(name)),
    ownerElsewhere: (name) => sourceOf(asIfNoneLivedHere.ownerOf(name)),
    sourcesOf(name) {
      const aliases = [ownership.ownerOf(name), ...ownership.copiesOf(name, "mirror")].map((one) => one?.name);
      return [...byAlias.values()].filter(({ config }) => aliases.includes(config.name));
    },
    auditorsOf: (name) => ownership.copiesOf(name, "auditor").flatMap(({ name: alias }) => byAlias.get(alias) ?? []),
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
