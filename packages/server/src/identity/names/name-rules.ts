import { mostSpecificPattern, parseNamePattern, patternCovers, type NamePattern, type PackageName } from "@assay/core";
import type { Config, HostedConfig, UpstreamConfig } from "../../config/config.ts";

/** By what a name is hosted here. */
export interface NameRule {
  readonly pattern: NamePattern;
  readonly organisation: string;
  /** The member of `hosted`; undefined for the scope of an organisation that the configuration does not name. */
  readonly said: HostedConfig | undefined;
}

/** What the configuration says of names. */
export interface NameRules {
  /** By pattern, the alias of the registry that owns it. */
  readonly owners: ReadonlyMap<NamePattern, string>;
  /** The pattern by which a name is hosted, whatever upstreams own. `isOrganisation`: its scope is one here. */
  hosted(name: PackageName, isOrganisation: boolean): NameRule | undefined;
  /** The same, unless an upstream's pattern counts: one that is inside the hosted one. */
  ruleOf(name: PackageName, isOrganisation: boolean): NameRule | undefined;
}

/** Pure: the most specific pattern decides. */
export function createNameRules({ hosted: members, upstreams }: Pick<Config, "hosted" | "upstreams">): NameRules {
  const rules = new Map(members.flatMap((member) => member.names.map((pattern) => [pattern, member] as const)));
  const owners = ownersOf(upstreams);

  function hosted(name: PackageName, isOrganisation: boolean): NameRule | undefined {
    const scope = isOrganisation ? parseNamePattern(`@${scopeOf(name)}/*`) : undefined;
    const pattern = mostSpecificPattern(scope === undefined ? rules.keys() : [...rules.keys(), scope], name);
    if (pattern === undefined) return undefined;
    const said = rules.get(pattern);
    return { pattern, organisation: said?.organisation ?? scopeOf(name), said };
  }

  return {
    owners,
    hosted,
    ruleOf(name, isOrganisation) {
      const rule = hosted(name, isOrganisation);
      const theirs = rule && mostSpecificPattern(owners.keys(), name);
      if (rule === undefined || theirs === undefined) return rule;
      return theirs !== rule.pattern && patternCovers(rule.pattern, theirs) ? undefined : rule;
    },
  };
}

/** The member of `hosted` that a name is under, as far as the configuration alone knows organisations. Pure. */
export function hostedSaidOf(
  config: Pick<Config, "hosted" | "upstreams">,
  name: PackageName,
): HostedConfig | undefined {
  const isOrganisation = config.hosted.some(({ organisation }) => organisation === scopeOf(name));
  return createNameRules(config).ruleOf(name, isOrganisation)?.said;
}

function ownersOf(upstreams: readonly UpstreamConfig[]): ReadonlyMap<NamePattern, string> {
  const registries = upstreams.filter(({ kind }) => kind === "registry");
  return new Map(registries.flatMap(({ name, names }) => names.map((pattern) => [pattern, name] as const)));
}

/** Empty for a name without one. */
export function scopeOf(name: PackageName): string {
  return name.startsWith("@") ? name.slice(1, name.indexOf("/")) : "";
}
