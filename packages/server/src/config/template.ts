import { stringify } from "yaml";
import { settings } from "./settings.ts";
import { upstreamSettings } from "./upstream-settings.ts";

/**
 * The file that `assay init` writes: every setting with what it means, commented out at its default (or at an
 * example, where the default is found out at start). As it stands it changes nothing.
 */
export function renderTemplate(): string {
  const lines = [
    "# Configuration of Assay. Everything is optional: a line such as `#port: 4873` shows a default (or an example);",
    "# take the # away to change it.",
    "# Each setting can also be given as an environment variable, named in brackets, which wins.",
    "# Passwords and tokens never stand here: ASSAY_UPSTREAM_AUTHORIZATION, ASSAY_UPSTREAM_<ALIAS>_AUTHORIZATION and",
    "# ASSAY_DATABASE_URL, or *_FILE.",
    ...settingLines(settings, (depth) => "  ".repeat(depth), ""),
    "",
    "# Several registries and mirrors behind this address, by alias, instead of `upstream`; docs/operations/upstreams.md.",
    "#upstreams:",
    "  #npm:",
    ...settingLines(upstreamSettings, (depth) => "  ".repeat(depth + 2), "#").filter((line) => line !== ""),
  ];
  return `${lines.join("\n")}\n`;
}

interface Shown {
  readonly key: string;
  readonly env?: string;
  readonly fallback: unknown;
  readonly example?: unknown;
  readonly doc: string;
}

/** Each setting with its sentence; `mark` stands before the words that only hold other settings. */
function settingLines(table: readonly Shown[], indent: (depth: number) => string, mark: string): string[] {
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const setting of table) {
    const parts = setting.key.split(".");
    const above = parts.slice(0, -1);
    const shared = above.findIndex((part, i) => part !== open[i]);
    const from = shared === -1 ? above.length : shared;
    if (from === 0 || above.length === 0) lines.push("");
    for (let i = from; i < above.length; i++) lines.push(`${indent(i)}${mark}${above[i] ?? ""}:`);
    lines.push(
      `${indent(above.length)}# ${setting.doc}${setting.env === undefined ? "" : ` [${setting.env}]`}`,
      `${indent(above.length)}#${parts.at(-1) ?? ""}: ${shownValue(setting)}`,
    );
    open = above;
  }
  return lines;
}

function shownValue({ fallback, example }: Shown): string {
  return stringify(fallback ?? example, { collectionStyle: "flow", lineWidth: 0 }).trim();
}
