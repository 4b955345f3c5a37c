import { hostedSettings } from "./hosted.ts";
import { upstreamAlias } from "./kinds.ts";
import { settings } from "./settings.ts";
import { upstreamSettings, type UpstreamSetting } from "./upstream-settings.ts";

/** JSON Schema (2020-12) of assay.yaml, for editors: the same table that the server reads. Ends in a newline. */
export function renderSchema(): string {
  const root = branch("Configuration of Assay. Everything is optional.");
  for (const setting of settings) place(root, setting, ` (${setting.env})`);
  root.properties["upstreams"] = upstreamsSchema();
  root.properties["hosted"] = hostedSchema();
  return `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "assay.yaml", ...root }, null, 2)}\n`;
}

function upstreamsSchema(): object {
  const one = branch("One upstream.");
  for (const setting of upstreamSettings) place(one, setting, "");
  return {
    description: "Several registries and mirrors, by alias, instead of upstream.",
    type: ["object", "null"],
    propertyNames: upstreamAlias().schema,
    additionalProperties: { ...one, required: ["url"] },
  };
}

function hostedSchema(): object {
  const one = branch(undefined);
  for (const setting of hostedSettings) place(one, setting, "");
  return {
    description: "Names that are published here and asked of no upstream, besides the scopes of organisations.",
    type: ["array", "null"],
    items: { ...one, required: ["names", "organisation"] },
  };
}

/** Puts a setting where its key says. */
function place(root: Branch, { key, kind, fallback, doc }: Omit<UpstreamSetting, "of">, note: string): void {
  const parts = key.split(".");
  let at = root;
  for (const part of parts.slice(0, -1)) {
    at.properties[part] ??= branch(undefined);
    at = at.properties[part] as Branch;
  }
  at.properties[parts.at(-1) ?? ""] = {
    description: `${doc}${note}`,
    ...kind.schema,
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

interface Branch {
  readonly description?: string;
  readonly type: readonly string[];
  readonly additionalProperties: false;
  readonly properties: Record<string, unknown>;
}

function branch(description: string | undefined): Branch {
  return {
    ...(description === undefined ? {} : { description }),
    type: ["object", "null"],
    additionalProperties: false,
    properties: {},
  };
}
