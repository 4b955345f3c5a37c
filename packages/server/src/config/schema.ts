import { settings } from "./settings.ts";

/** JSON Schema (2020-12) of assay.yaml, for editors: the same table that the server reads. Ends in a newline. */
export function renderSchema(): string {
  const root = branch("Configuration of Assay. Everything is optional.");
  for (const { key, kind, fallback, doc, env } of settings) {
    const parts = key.split(".");
    let place = root;
    for (const part of parts.slice(0, -1)) {
      place.properties[part] ??= branch(undefined);
      place = place.properties[part] as Branch;
    }
    place.properties[parts.at(-1) ?? ""] = {
      description: `${doc} (${env})`,
      ...kind.schema,
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  }
  return `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "assay.yaml", ...root }, null, 2)}\n`;
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
