import type { NamePattern } from "@assay/core";
import { isSelf, type Addresses, type ChosenUpstream } from "./addresses.ts";
import type { UpstreamConfig } from "./config.ts";
import type { RawUpstream, RawUpstreams } from "./file.ts";
import { upstreamAlias } from "./kinds.ts";
import { ownershipProblems, type HostedNameRule, type NameRules } from "./ownership.ts";
import { upstreamSettings } from "./upstream-settings.ts";
import { readValues, shown, type Values } from "./values.ts";

/** The short form: one registry that owns every name. Its values stand below `upstream.`. */
export function loneUpstream(values: Values, chosen: ChosenUpstream | undefined, problems: string[]): UpstreamConfig {
  const at = (key: string): string => `upstream.${key}`;
  return {
    ...sharedSettings(values, at, problems),
    ...loneDefaults,
    name: values.text("upstream.name"),
    operator: values.text("upstream.name"),
    url: chosen?.url ?? "",
  };
}

const loneDefaults = {
  kind: "registry",
  names: ["*" as NamePattern],
  of: undefined,
  choose: "order",
  spread: "package",
  seed: "",
  agree: 1,
  auditorsNeeded: 0,
  delegations: "off",
  weight: 1,
} as const;

/**
 * The upstreams of the long form. Problems are added to the list, each with the key, its place and what is allowed;
 * then what is answered must not be used.
 */
export function manyUpstreams(
  { source, entries }: RawUpstreams,
  addresses: Addresses,
  cwd: string,
  problems: string[],
  hosted: readonly HostedNameRule[] = [],
): readonly UpstreamConfig[] {
  const read = entries.map((entry) => readEntry(entry, addresses, cwd, problems));
  const isReadable = problems.length === 0;
  // Sentences that follow from earlier ones would only confuse.
  if (isReadable && read.length > 0 && !read.some(({ rules }) => rules.kind === "registry"))
    problems.push(`upstreams (${source}) names no registry: one of them must own names.`);
  if (isReadable)
    problems.push(
      ...ownershipProblems(
        read.map(({ rules }) => rules),
        hosted,
      ),
    );
  if (problems.length === 0) for (const one of read) problems.push(...betweenProblems(one, read));
  return read.map(({ config }) => completed(config, read));
}

interface ReadEntry {
  readonly config: UpstreamConfig;
  readonly rules: NameRules;
  readonly values: Values;
}

function readEntry(
  { alias, source, layer }: RawUpstream,
  addresses: Addresses,
  cwd: string,
  problems: string[],
): ReadEntry {
  const prefix = `upstreams.${alias}.`;
  if (upstreamAlias().read(alias) === undefined) {
    problems.push(`upstreams (${source}) has the alias ${shown(alias)}, but it must be ${upstreamAlias().allowed}.`);
  }
  const values = readValues(upstreamSettings, [layer], cwd, problems, prefix);
  const kind = values.text("kind") as UpstreamConfig["kind"];
  const url = values.text("url");
  if (values.from("url") === "default") problems.push(`upstreams.${alias} (${source}) must have a url.`);
  else if (url !== "" && isSelf(url, addresses))
    problems.push(`${prefix}url (${values.from("url")}) is ${url}, which is this server itself.`);
  for (const { key, of } of upstreamSettings) {
    if (of === undefined || of.includes(kind) || !layer.has(key)) continue;
    problems.push(`${prefix}${key} (${values.from(key)}) means nothing for a ${kind}; only for a ${of.join(" or ")}.`);
  }
  const names = values.optionalList("names") as readonly NamePattern[] | undefined;
  const places = layer.get("names");
  const config: UpstreamConfig = {
    ...sharedSettings(values, (key) => key, problems, prefix),
    name: alias,
    kind,
    url,
    names: names ?? [],
    of: values.optionalText("of"),
    operator: values.optionalText("operator") ?? alias,
    choose: values.text("choose") as UpstreamConfig["choose"],
    spread: values.text("spread") as UpstreamConfig["spread"],
    seed: values.text("seed"),
    agree: values.number("agree"),
    auditorsNeeded: 0,
    delegations: values.text("delegations") as UpstreamConfig["delegations"],
    weight: values.number("weight"),
  };
  const placed = names?.map((pattern, at) => ({ pattern, source: places?.items?.[at] ?? places?.source ?? source }));
  return { config, values, rules: { alias, source, kind, of: config.of, names: placed } };
}

/** What the short form knows too; `at` says where a key stands. */
function sharedSettings(values: Values, at: (key: string) => string, problems: string[], prefix = "") {
  const certFile = values.path(at("tls.certFile"));
  const keyFile = values.path(at("tls.keyFile"));
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [given, missing] = certFile === undefined ? ["tls.keyFile", "tls.certFile"] : ["tls.certFile", "tls.keyFile"];
    const key = at(given);
    problems.push(`${prefix}${key} (${values.from(key)}) is given, so ${prefix}${at(missing)} must be given too.`);
  }
  return {
    tarballHosts: values.list(at("tarballHosts")),
    integrity: values.text(at("integrity")) as UpstreamConfig["integrity"],
    signatures: values.text(at("signatures")) as UpstreamConfig["signatures"],
    keys: values.list(at("keys")),
    keysFile: values.path(at("keysFile")),
    tarballs: values.text(at("tarballs")) as UpstreamConfig["tarballs"],
    timeouts: {
      connectMs: values.number(at("timeouts.connectMs")),
      headersMs: values.number(at("timeouts.headersMs")),
      bodyIdleMs: values.number(at("timeouts.bodyIdleMs")),
    },
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
  };
}

/** With what follows from the others: a mirror has all names of its registry, a registry hears all its auditors. */
function completed(config: UpstreamConfig, read: readonly ReadEntry[]): UpstreamConfig {
  if (config.kind !== "registry") {
    const registry = read.find((one) => one.config.name === config.of)?.config;
    return { ...config, names: config.names.length > 0 ? config.names : (registry?.names ?? []) };
  }
  const auditors = copiesOf(config, read).filter((one) => one.config.kind === "auditor").length;
  const needed = read.find((one) => one.config === config)?.values.optionalNumber("auditorsNeeded");
  return { ...config, auditorsNeeded: needed ?? auditors };
}

function copiesOf({ name }: UpstreamConfig, read: readonly ReadEntry[]): readonly ReadEntry[] {
  return read.filter(({ config }) => config.of === name);
}

/** More needed than there are, or one place under two aliases. */
function betweenProblems({ config, values }: ReadEntry, read: readonly ReadEntry[]): string[] {
  if (config.kind !== "registry") return [];
  const problems: string[] = [];
  const prefix = `upstreams.${config.name}.`;
  const copies = copiesOf(config, read);
  const sources = [config, ...copies.filter((one) => one.config.kind === "mirror").map((one) => one.config)];
  const operators = new Set(sources.map(({ operator }) => operator)).size;
  if (config.agree > operators) {
    problems.push(
      `${prefix}agree (${values.from("agree")}) is ${config.agree}, but it and its mirrors have ${operators} ${operators === 1 ? "operator" : "operators"}.`,
    );
  }
  const auditors = copies.length - sources.length + 1;
  const needed = values.optionalNumber("auditorsNeeded") ?? 0;
  if (needed > auditors) {
    problems.push(
      `${prefix}auditorsNeeded (${values.from("auditorsNeeded")}) is ${needed}, but it has ${auditors} auditors.`,
    );
  }
  const byUrl = new Map<string, string>([[config.url, config.name]]);
  for (const copy of copies) {
    const other = byUrl.get(copy.config.url);
    if (other === undefined) byUrl.set(copy.config.url, copy.config.name);
    else
      problems.push(
        `upstreams.${copy.config.name}.url (${copy.values.from("url")}) is that of upstreams.${other} too; one place cannot vouch for itself.`,
      );
  }
  return problems;
}
