import { stringify } from "yaml";
import { settings, type Setting } from "./settings.ts";

/**
 * The file that `assay init` writes: every setting with what it means, commented out at its default (or at an
 * example, where the default is found out at start). As it stands it changes nothing.
 */
export function renderTemplate(): string {
  const lines = [
    "# Configuration of Assay. Everything is optional: a line such as `#port: 4873` shows a default (or an example);",
    "# take the # away to change it.",
    "# Each setting can also be given as an environment variable, named in brackets, which wins.",
    "# Passwords and tokens never stand here: ASSAY_UPSTREAM_AUTHORIZATION and ASSAY_DATABASE_URL, or *_FILE.",
  ];
  let open: readonly string[] = [];
  for (const setting of settings) {
    const parts = setting.key.split(".");
    const above = parts.slice(0, -1);
    const shared = above.findIndex((part, i) => part !== open[i]);
    const from = shared === -1 ? above.length : shared;
    if (from === 0 || above.length === 0) lines.push("");
    for (let i = from; i < above.length; i++) lines.push(`${indent(i)}${above[i] ?? ""}:`);
    lines.push(
      `${indent(above.length)}# ${setting.doc} [${setting.env}]`,
      `${indent(above.length)}#${parts.at(-1) ?? ""}: ${shownValue(setting)}`,
    );
    open = above;
  }
  return `${lines.join("\n")}\n`;
}

function indent(depth: number): string {
  return "  ".repeat(depth);
}

function shownValue({ fallback, example }: Setting): string {
  return stringify(fallback ?? example, { collectionStyle: "flow", lineWidth: 0 }).trim();
}
