import { dirname } from "node:path";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";
import { nearest } from "./nearest.ts";
import { settingOf, settings, type Layer, type RawValue } from "./settings.ts";

/** The second pass: what a file says, unchecked but with places. */
export interface FilePass {
  readonly layer: Layer;
  readonly problems: readonly string[];
}

/** Largest configuration file, characters. */
const longestFile = 256 * 1024;

/**
 * Reads the text of an assay.yaml. Every problem names `path:line:column`. Unknown keys, duplicate keys, anchors
 * and tags are problems; a key with an empty value counts as not set.
 */
export function readConfigFile(text: string, path: string): FilePass {
  if (text.length > longestFile) {
    return { layer: new Map(), problems: [`${path} is larger than ${longestFile} characters.`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    version: "1.2",
    prettyErrors: false,
    logLevel: "silent",
  });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const problems = [...document.errors, ...document.warnings].map(
    (error) => `${at(error.pos[0])} is not valid YAML: ${firstLine(error.message)}.`,
  );
  if (problems.length > 0) return { layer: new Map(), problems };

  const layer = new Map<string, RawValue>();
  const folder = dirname(path);
  const places = new Set(settings.flatMap(({ key }) => parents(key)));
  const walk = (map: YAMLMap, prefix: string): void => {
    for (const { key, value } of map.items) {
      const offset = rangeOf(key);
      const name = isScalar(key) && typeof key.value === "string" ? key.value : undefined;
      const full = `${prefix}${name ?? ""}`;
      if (name === undefined) problems.push(`${at(offset)}: a key must be a plain word.`);
      else if (hasMagic(key) || hasMagic(value))
        problems.push(`${at(offset)}: ${full} uses an anchor, alias or tag, which are not understood here.`);
      else if (isScalar(value) && value.value === null) continue;
      else if (places.has(full)) {
        if (isMap(value)) walk(value, `${full}.`);
        else problems.push(`${at(offset)}: ${full} must hold settings of its own, such as ${exampleBelow(full)}.`);
      } else if (settingOf(full) === undefined) problems.push(`${at(offset)}: ${unknownKey(full)}`);
      else layer.set(full, { value: plainValue(value), source: at(rangeOf(value)), folder });
    }
  };
  if (isMap(document.contents)) walk(document.contents, "");
  else if (document.contents !== null && !(isScalar(document.contents) && document.contents.value === null))
    problems.push(`${path} must hold settings as key: value.`);
  return { layer, problems };
}

/** `a.b.c` → `a`, `a.b`. */
function parents(key: string): readonly string[] {
  const parts = key.split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}

function exampleBelow(place: string): string {
  return settings.find(({ key }) => key.startsWith(`${place}.`))?.key ?? place;
}

function unknownKey(key: string): string {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const all = settings.flatMap((setting) => [setting.key, ...parents(setting.key)]);
  // A setting in the wrong place is found by its last word.
  const close = nearest(key, all) ?? all.find((each) => each.endsWith(`.${last}`));
  return `${key} is not a setting${close === undefined ? "." : `; did you mean ${close}?`}`;
}

/** Anchors, aliases and explicit tags: features that make one text mean another. */
function hasMagic(node: unknown): boolean {
  if (isAlias(node)) return true;
  if (!isScalar(node) && !isSeq(node) && !isMap(node)) return false;
  return node.anchor !== undefined || node.tag !== undefined || (isSeq(node) && node.items.some(hasMagic));
}

function plainValue(node: unknown): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map(plainValue);
  return undefined;
}

function rangeOf(node: unknown): number {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}

function firstLine(message: string): string {
  return (message.split("\n", 1)[0] ?? "").replace(/\.$/, "");
}
