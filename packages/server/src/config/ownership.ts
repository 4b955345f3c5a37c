import { mostSpecificPattern, patternCovers, type NamePattern } from "@assay/core";
import type { UpstreamConfig } from "./config.ts";

/** What one upstream says about names, and where it says it. */
export interface NameRules {
  readonly alias: string;
  /** `upstreams.npm` with its place, for people. */
  readonly source: string;
  readonly kind: UpstreamConfig["kind"];
  /** Alias of a registry, whether there is one or not; undefined when nothing was said. */
  readonly of: string | undefined;
  /** Undefined: nothing was said. */
  readonly names: readonly PlacedPattern[] | undefined;
}

export interface PlacedPattern {
  readonly pattern: NamePattern;
  /** `file:line:column`. */
  readonly source: string;
}

/** Names that the configuration gives to an organisation here. */
export interface HostedNameRule extends PlacedPattern {
  readonly organisation: string;
}

interface Rule extends PlacedPattern {
  readonly alias: string;
  /** Where it stands, for people: `upstreams.npm.names`. */
  readonly place: string;
  /** Whose the names are, for people: `upstreams.npm`. */
  readonly owner: string;
}

/**
 * What is wrong with who owns which names, a sentence each with the places: a name must have one owner, every rule
 * must be able to decide something, and a mirror or auditor has only names of its registry. Pure.
 */
export function ownershipProblems(
  upstreams: readonly NameRules[],
  hosted: readonly HostedNameRule[] = [],
): readonly string[] {
  const registries = upstreams.filter(({ kind }) => kind === "registry");
  const rules = [
    ...registries.flatMap(({ alias, names = [] }) => names.map((rule) => upstreamRule(alias, rule))),
    ...hosted.map(hostedRule),
  ];
  return [
    ...registries.filter(({ names }) => names === undefined).map(namesMissing),
    ...rulesProblems(rules),
    ...upstreams.filter(({ kind }) => kind !== "registry").flatMap((one) => copyProblems(one, upstreams, rules)),
  ];
}

function upstreamRule(alias: string, { pattern, source }: PlacedPattern): Rule {
  return { alias, pattern, source, place: `upstreams.${alias}.names`, owner: `upstreams.${alias}` };
}

function hostedRule({ organisation, pattern, source }: HostedNameRule): Rule {
  // No alias has a colon.
  return {
    alias: `hosted:${organisation}`,
    pattern,
    source,
    place: "hosted",
    owner: `the organisation ${organisation} here`,
  };
}

function namesMissing({ alias, source }: NameRules): string {
  return `upstreams.${alias} (${source}) is a registry and must say which names it owns: names: ["*"] for all that no other registry owns, or patterns such as "@acme/*".`;
}

/** Given twice, or decides nothing because the same registry owns those names anyway. */
function rulesProblems(rules: readonly Rule[]): string[] {
  const problems: string[] = [];
  const first = new Map<NamePattern, Rule>();
  for (const rule of rules) {
    const earlier = first.get(rule.pattern);
    if (earlier === undefined) first.set(rule.pattern, rule);
    else
      problems.push(`${inWords(rule)} is owned by ${earlier.owner} already (${earlier.source}); a name has one owner.`);
  }
  for (const rule of first.values()) {
    const around = first.get(mostSpecificPattern(without(first.keys(), rule.pattern), rule.pattern) ?? rule.pattern);
    if (around !== undefined && around !== rule && around.alias === rule.alias) {
      problems.push(
        `${inWords(rule)} decides nothing: ${around.owner} owns those names through ${around.pattern} (${around.source}); take one of them out.`,
      );
    }
  }
  return problems;
}

/** Of a mirror or auditor: a registry that is there, and names that are its registry's. */
function copyProblems(copy: NameRules, upstreams: readonly NameRules[], rules: readonly Rule[]): string[] {
  const { alias, kind, of, source, names = [] } = copy;
  const place = `upstreams.${alias} (${source})`;
  if (of === undefined) return [`${place} is a ${kind} and must say of which registry: of: <alias>.`];
  const registry = upstreams.find((one) => one.alias === of);
  if (registry === undefined) return [`${place} is a ${kind} of ${of}, which is no upstream here.`];
  if (registry.kind !== "registry")
    return [`${place} is a ${kind} of ${of} (${registry.source}), which is no registry but a ${registry.kind}.`];
  if (copy.names?.length === 0) return [`${place} has no names: leave names out for all names of its registry.`];
  const owners = new Map(rules.map((rule) => [rule.pattern, rule]));
  const problems: string[] = [];
  for (const [position, rule] of names.entries()) {
    const owner = owners.get(mostSpecificPattern(owners.keys(), rule.pattern) ?? rule.pattern);
    const around = names.find((other, at) =>
      other.pattern === rule.pattern ? at < position : patternCovers(other.pattern, rule.pattern),
    );
    if (owner?.alias !== of) {
      const whose =
        owner === undefined ? "no one registry owns them" : `they belong to ${owner.owner} (${owner.source})`;
      problems.push(`${inWords(upstreamRule(alias, rule))} is outside the names of its registry ${of}: ${whose}.`);
    } else if (around !== undefined) {
      problems.push(
        `${inWords(upstreamRule(alias, rule))} decides nothing: ${around.pattern} (${around.source}) covers it.`,
      );
    }
  }
  return problems;
}

function inWords({ place, pattern, source }: Rule): string {
  return `${place}: ${pattern} (${source})`;
}

function without(patterns: Iterable<NamePattern>, one: NamePattern): readonly NamePattern[] {
  return [...patterns].filter((pattern) => pattern !== one);
}
