import { dirname } from "node:path";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { nearest } from "./nearest.ts";
import { hostedSettings } from "./hosted.ts";
import { settings, type Layer, type RawValue } from "./settings.ts";
import { upstreamSettings } from "./upstream-settings.ts";

/** The second pass: what a file says, unchecked but with places. */
export interface FilePass {
  readonly layer: Layer;
  /** What stands below `upstreams`, when it says something. */
  readonly upstreams?: RawUpstreams;
  /** The members of `hosted`, when it says something. */
  readonly hosted?: readonly RawHosted[];
  readonly problems: readonly string[];
}

export interface RawUpstreams {
  /** Place of the word `upstreams`. */
  readonly source: string;
  readonly entries: readonly RawUpstream[];
}

export interface RawUpstream {
  readonly alias: string;
  /** Place of the alias. */
  readonly source: string;
  /** By dotted place below the alias. */
  readonly layer: Layer;
}

/** One member of `hosted`. */
export interface RawHosted {
  /** Place of the member. */
  readonly source: string;
  readonly layer: Layer;
}

/** Largest configuration file, characters. */
const longestFile = 256 * 1024;

/**
 * Reads the text of an assay.yaml, or of another file with these keys. Every problem names `path:line:column`. Unknown
 * keys, duplicate keys, anchors and tags are problems; a key with an empty value counts as not set.
 */
export function readConfigFile(text: string, path: string, keys?: readonly string[]): FilePass {
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

  const reading: Reading = { at, folder: dirname(path), problems };
  const layer = new Map<string, RawValue>();
  let upstreams: RawUpstreams | undefined;
  let hosted: readonly RawHosted[] | undefined;
  if (isMap(document.contents)) {
    const table = keys === undefined ? fileTable : tableOf(keys, []);
    readMap(reading, table, document.contents, { layer, prefix: "" }, (key, value) => {
      if (!table.others.includes(key.name)) return false;
      if (key.name === "hosted") hosted = readHosted(reading, key, value);
      else upstreams = readUpstreams(reading, key, value);
      return true;
    });
  } else if (document.contents !== null && !(isScalar(document.contents) && document.contents.value === null))
    problems.push(`${path} must hold settings as key: value.`);
  return { layer, problems, ...(upstreams && { upstreams }), ...(hosted && { hosted }) };
}

interface Reading {
  readonly at: (offset: number) => string;
  readonly folder: string;
  readonly problems: string[];
}

/** Keys that may stand at a place: those that hold a value, and those that hold keys. */
interface Table {
  readonly keys: ReadonlySet<string>;
  readonly places: ReadonlySet<string>;
  /** Keys that are read by themselves. */
  readonly others: readonly string[];
}

function tableOf(keys: readonly string[], others: readonly string[]): Table {
  return { keys: new Set(keys), places: new Set(keys.flatMap(parents)), others };
}

const fileTable = tableOf(
  settings.map(({ key }) => key),
  ["upstreams", "hosted"],
);
const upstreamTable = tableOf(
  upstreamSettings.map(({ key }) => key),
  [],
);

const hostedTable = tableOf(
  hostedSettings.map(({ key }) => key),
  [],
);

interface KeyAt {
  readonly name: string;
  readonly source: string;
}

/** Where the keys of a map go; `shown` stands before them in sentences. */
interface Target {
  readonly layer: Map<string, RawValue>;
  readonly prefix: string;
  readonly shown?: string;
}

/** Reads the keys of one map into the layer. `own` answers true for a key that it has read itself. */
function readMap(
  reading: Reading,
  table: Table,
  map: YAMLMap,
  { layer, prefix, shown = "" }: Target,
  own: (key: KeyAt, value: unknown) => boolean = () => false,
): void {
  const { at, folder, problems } = reading;
  for (const { key, value } of map.items) {
    const source = at(rangeOf(key));
    const name = isScalar(key) && typeof key.value === "string" ? key.value : undefined;
    const full = `${prefix}${name ?? ""}`;
    if (name === undefined) problems.push(`${source}: a key must be a plain word.`);
    else if (hasMagic(key) || hasMagic(value))
      problems.push(`${source}: ${shown}${full} uses an anchor, alias or tag, which are not understood here.`);
    else if (isScalar(value) && value.value === null) continue;
    else if (own({ name: full, source }, value)) continue;
    else if (table.places.has(full)) {
      if (isMap(value)) readMap(reading, table, value, { layer, prefix: `${full}.`, shown });
      else
        problems.push(
          `${source}: ${shown}${full} must hold settings of its own, such as ${shown}${exampleBelow(table, full)}.`,
        );
    } else if (!table.keys.has(full)) problems.push(`${source}: ${unknownKey(table, full, shown)}`);
    else layer.set(full, rawValue(reading, value, folder));
  }
}

function rawValue({ at }: Reading, node: unknown, folder: string): RawValue {
  const items = isSeq(node) ? { items: node.items.map((item) => at(rangeOf(item))) } : {};
  return { value: plainValue(node), source: at(rangeOf(node)), folder, ...items };
}

/** The map of upstreams by alias. What an alias may be is judged where the rest of it is. */
function readUpstreams(reading: Reading, { source }: KeyAt, node: unknown): RawUpstreams {
  const entries: RawUpstream[] = [];
  if (!isMap(node)) {
    reading.problems.push(`${source}: upstreams must hold an upstream by its alias, such as upstreams.npm.url.`);
    return { source, entries };
  }
  const aliases: Table = { keys: new Set(), places: new Set(), others: [] };
  readMap(reading, aliases, node, { layer: new Map(), prefix: "", shown: "upstreams." }, (key, value) => {
    const layer = new Map<string, RawValue>();
    const shown = `upstreams.${key.name}.`;
    if (isMap(value)) {
      readMap(reading, upstreamTable, value, { layer, prefix: "", shown });
      entries.push({ alias: key.name, source: key.source, layer });
    } else
      reading.problems.push(`${key.source}: upstreams.${key.name} must hold settings of its own, such as ${shown}url.`);
    return true;
  });
  return { source, entries };
}

/** The list of hosted names, each with whose they are. */
function readHosted(reading: Reading, { source }: KeyAt, node: unknown): readonly RawHosted[] {
  const entries: RawHosted[] = [];
  if (!isSeq(node)) reading.problems.push(`${source}: hosted must hold a list of names, each with an organisation.`);
  for (const item of isSeq(node) ? node.items : []) {
    const at = reading.at(rangeOf(item));
    const layer = new Map<string, RawValue>();
    if (isMap(item) && !hasMagic(item)) {
      readMap(reading, hostedTable, item, { layer, prefix: "", shown: "hosted." });
      entries.push({ source: at, layer });
    } else reading.problems.push(`${at}: a member of hosted must hold settings of its own, such as names.`);
  }
  return entries;
}

/** `a.b.c` → `a`, `a.b`. */
function parents(key: string): readonly string[] {
  const parts = key.split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}

function exampleBelow({ keys }: Table, place: string): string {
  return [...keys].find((key) => key.startsWith(`${place}.`)) ?? place;
}

function unknownKey({ keys, places, others }: Table, key: string, shown: string): string {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const all = [...keys, ...places, ...others];
  // A setting in the wrong place is found by its last word.
  const close = nearest(key, all) ?? all.find((each) => each.endsWith(`.${last}`));
  return `${shown}${key} is not a setting${close === undefined ? "." : `; did you mean ${shown}${close}?`}`;
}

/** Anchors, aliases and explicit tags: features that make one text mean another. */
function hasMagic(node: unknown): boolean {
  if (isAlias(node)) return true;
  if (!isScalar(node) && !isSeq(node) && !isMap(node)) return false;
  if (node.anchor !== undefined || node.tag !== undefined) return true;
  return isSeq(node) && node.items.some((item) => hasMagic(item) || (isMap(item) && hasMagicInside(item)));
}

function hasMagicInside({ items }: YAMLMap): boolean {
  return items.some(({ key, value }) => hasMagic(key) || hasMagic(value) || (isMap(value) && hasMagicInside(value)));
}

function plainValue(node: unknown): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map(plainValue);
  if (!isMap(node) || !node.items.every(({ key }) => isScalar(key) && typeof key.value === "string")) return undefined;
  return Object.fromEntries(node.items.map(({ key, value }) => [String((key as Scalar).value), plainValue(value)]));
}

function rangeOf(node: unknown): number {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}

function firstLine(message: string): string {
  return (message.split("\n", 1)[0] ?? "").replace(/\.$/, "");
}
