import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document, type Node } from "yaml";
import type { LocatedNode } from "./located.ts";
import { malformed } from "./reading.ts";

/** Largest YAML that is read, in bytes: its parser takes about half a second for each 1,000,000. */
export const maxYamlBytes: number = 16 * 1024 * 1024;

const maxDocuments = 16;
const maxDepth = 64;

/**
 * Reads YAML (1.2) the way lockfiles use it: maps, lists and scalars, every scalar as the text that stands there, maps
 * as `Map`. What readers of YAML disagree about, or expand, is refused by name: anchors, aliases, tags, merge keys,
 * duplicate keys, keys that are no text. Throws BAD_FORMAT, naming the line.
 */
export function parseYaml(text: string): readonly unknown[] {
  const lineAt = (offset: number | undefined): string => lineOf(text, offset);
  return documentsOf(text).map((document) => valueOf(document.contents, lineAt, 0));
}

/** Where everything stands in a YAML text that `parseYaml` accepts, a node for each document that holds something. */
export function locateYaml(text: string): readonly LocatedNode[] {
  return documentsOf(text).flatMap(({ contents }) => (contents === null ? [] : [locate(contents)]));
}

function documentsOf(text: string): readonly Document.Parsed[] {
  const documents = parseAllDocuments(text, {
    // Linear: the parser's own search for duplicate keys is quadratic.
    uniqueKeys: false,
    schema: "failsafe",
    logLevel: "silent",
    prettyErrors: false,
  });
  if (!Array.isArray(documents)) return [];
  if (documents.length > maxDocuments) throw malformed(`it holds more than ${maxDocuments} YAML documents`);
  for (const { errors, warnings } of documents) {
    const [trouble] = [...errors, ...warnings];
    if (trouble !== undefined) throw malformed(`${lineOf(text, trouble.pos[0])}: ${oneLine(trouble.message)}`, trouble);
  }
  return documents;
}

function locate(node: Node): LocatedNode {
  const [start = 0, end = 0] = node.range ?? [];
  if (isSeq(node)) return { kind: "list", items: node.items.map((item) => locate(item as Node)), start, end };
  if (!isMap(node)) return { kind: "scalar", value: isScalar(node) ? String(node.value) : "", start, end };
  const members = node.items.flatMap(({ key, value }) => {
    const [keyStart = 0, keyEnd = 0] = (key as Node).range ?? [];
    const name = isScalar(key) ? String(key.value) : "";
    return value === null ? [] : [{ key: name, keyStart, keyEnd, node: locate(value as Node) }];
  });
  return { kind: "map", members, start, end };
}

function valueOf(node: Node | null, lineAt: (offset: number | undefined) => string, depth: number): unknown {
  if (node === null) return undefined;
  const refuse = (what: string) => malformed(`${lineAt(node.range?.[0])}: ${what}`);
  if (isAlias(node) || anchorOf(node) !== undefined) throw refuse("anchors and aliases are not allowed");
  if (node.tag !== undefined && !/^tag:yaml\.org,2002:(?:map|seq|str)$/.test(node.tag)) throw refuse("a tag");
  if (depth > maxDepth) throw refuse(`it is nested deeper than ${maxDepth}`);
  if (isScalar(node)) return typeof node.value === "string" ? node.value : "";
  if (isSeq(node)) return node.items.map((item) => valueOf(item as Node | null, lineAt, depth + 1));
  if (!isMap(node)) throw refuse("only maps, lists and scalars are allowed");
  const found = new Map<string, unknown>();
  for (const { key, value } of node.items) {
    const name = valueOf(key as Node | null, lineAt, depth + 1);
    if (typeof name !== "string") throw refuse("a key that is no text");
    if (name === "<<") throw refuse("merge keys are not allowed");
    if (found.has(name)) throw malformed(`the key ${JSON.stringify(name)} stands there twice`);
    found.set(name, valueOf(value as Node | null, lineAt, depth + 1));
  }
  return found;
}

function anchorOf(node: Node): string | undefined {
  return "anchor" in node ? node.anchor : undefined;
}

function lineOf(text: string, offset: number | undefined): string {
  return `line ${text.slice(0, offset ?? 0).split("\n").length}`;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, " ").slice(0, 200);
}
