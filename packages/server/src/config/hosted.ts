import { patternCovers, type NamePattern } from "@assay/core";
import type { HostedConfig } from "./config.ts";
import type { RawHosted } from "./file.ts";
import { allowedSecrets, namePatterns, oneOf, organisationName, type Kind } from "./kinds.ts";
import type { HostedNameRule } from "./ownership.ts";
import { readValues } from "./values.ts";

/** What a member of `hosted` is configured by. */
interface HostedSetting {
  readonly key: string;
  readonly kind: Kind;
  readonly fallback: unknown;
  readonly doc: string;
}

/** The table of one member of `hosted` in assay.yaml. */
export const hostedSettings: readonly HostedSetting[] = [
  {
    key: "names",
    kind: namePatterns(),
    fallback: undefined,
    doc: "Names that are published here and asked of no upstream: `left-pad`, `acme-*`, `@acme/*`; the most specific pattern decides, also against upstreams.",
  },
  {
    key: "organisation",
    kind: organisationName(),
    fallback: undefined,
    doc: "The organisation whose names they are; it is made when there is none. Its own scope is hosted without being named here.",
  },
  {
    key: "visibility",
    kind: oneOf("public", "restricted"),
    fallback: undefined,
    doc: "What a new package is where its publisher does not say. Default: restricted.",
  },
  {
    key: "publish",
    kind: oneOf("direct", "stage-only"),
    fallback: "direct",
    doc: "How versions come in: direct, by npm publish or staged; stage-only, staged alone, and somebody who may approves each.",
  },
  {
    key: "provenance",
    kind: oneOf("require", "warn", "off"),
    fallback: undefined,
    doc: "Whether a version needs a provenance statement. Default: publish.provenance.",
  },
  {
    key: "allowedSecrets",
    kind: allowedSecrets(),
    fallback: undefined,
    doc: "Files of these packages that may be published though a rule about secrets names them: package, rule and path. Default: publish.allowedSecrets.",
  },
];

/** The members of `hosted`, and where their patterns stand. Problems are added to the list. */
export function readHostedNames(
  entries: readonly RawHosted[],
  cwd: string,
  problems: string[],
): { readonly hosted: readonly HostedConfig[]; readonly rules: readonly HostedNameRule[] } {
  const hosted: HostedConfig[] = [];
  const rules: HostedNameRule[] = [];
  for (const { source, layer } of entries) {
    const values = readValues(hostedSettings, [layer], cwd, problems, "hosted.");
    const names = values.list("names") as readonly NamePattern[];
    const organisation = values.text("organisation");
    if (names.length === 0 && !layer.has("names")) problems.push(`hosted (${source}) must have names.`);
    if (organisation === "" && !layer.has("organisation"))
      problems.push(`hosted (${source}) must say whose the names are: organisation.`);
    const places = layer.get("names")?.items;
    rules.push(...names.map((pattern, at) => ({ pattern, organisation, source: places?.[at] ?? source })));
    const secrets = values.optionalList("allowedSecrets");
    for (const entry of secrets ?? []) {
      const [of = ""] = entry.split(" ");
      if (!names.some((pattern) => patternCovers(pattern, of)))
        problems.push(
          `hosted.allowedSecrets (${values.from("allowedSecrets")}) has ${of}, which is none of the names beside it.`,
        );
    }
    hosted.push({
      names,
      organisation,
      visibility: values.optionalText("visibility") as HostedConfig["visibility"],
      publish: values.text("publish") as HostedConfig["publish"],
      provenance: values.optionalText("provenance") as HostedConfig["provenance"],
      allowedSecrets: secrets,
    });
  }
  return { hosted, rules };
}
