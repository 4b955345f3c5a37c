import { asText, checkCount, malformed } from "./reading.ts";

/** One entry of a yarn.lock of Yarn 1. */
export interface YarnEntry {
  /** The descriptors that it satisfies: `a@^1.0.0`, `b@npm:a@^1.0.0`. */
  readonly descriptors: readonly string[];
  /** `version`, `resolved`, `integrity` and whatever else is text. */
  readonly fields: ReadonlyMap<string, YarnField>;
}

/** A value, and where it stands in the text: with its quotes, `end` exclusive. A block has the value "". */
export interface YarnField {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The entries of a yarn.lock of Yarn 1: at the margin the descriptors, two spaces in the fields, four spaces in the
 * dependencies of that entry. Nothing else is allowed but blank lines and comments. Throws BAD_FORMAT, naming the line.
 */
export function readYarnEntries(text: string): readonly YarnEntry[] {
  const reader: Reader = { entries: [], descriptors: new Set(), fields: undefined, block: undefined };
  let start = 0;
  for (const [at, row] of text.split("\n").entries()) {
    readRow(reader, row.endsWith("\r") ? row.slice(0, -1) : row, { line: at + 1, start });
    start += row.length + 1;
  }
  return reader.entries;
}

type Refuse = (reason: string) => Error;

interface Reader {
  readonly entries: YarnEntry[];
  /** All of the file: of two entries for one descriptor Yarn takes the later. */
  readonly descriptors: Set<string>;
  /** Of the entry being read. */
  fields: Map<string, YarnField> | undefined;
  /** Names in the block being read, such as `dependencies:`. */
  block: Set<string> | undefined;
}

function readRow(
  reader: Reader,
  row: string,
  { line, start }: { readonly line: number; readonly start: number },
): void {
  const refuse: Refuse = (reason) => malformed(`line ${line}: ${reason}`);
  if (/^# yarn lockfile v(?!1$)/.test(row)) throw refuse("only yarn lockfile v1 is known");
  if (/^ *(?:#|$)/.test(row)) return;
  if (/^(?:<{7}|={7}|>{7}|\|{7})(?: |$)/.test(row)) throw refuse("a merge conflict; solve it with yarn install");
  const indent = row.length - row.trimStart().length;
  const tokens = tokensOf(row.trimStart(), refuse);
  if (indent === 0) return openEntry(reader, headOf(tokens, refuse), refuse);
  const [name, value] = tokens;
  const isBlock = value === colon;
  if (indent === 2 && reader.fields !== undefined) {
    if (tokens.length !== 2 || typeof name !== "string") throw refuse("a name and a value are expected");
    if (reader.fields.has(name)) throw twice(name, refuse);
    reader.block = isBlock ? new Set() : undefined;
    const text = typeof value === "string" ? value : "";
    // The value is what the row ends in, in quotes or bare.
    const end = start + row.trimEnd().length;
    const isQuoted = row.trimEnd().endsWith('"');
    reader.fields.set(name, { value: text, start: end - text.length - (isQuoted ? 2 : 0), end });
  } else if (indent === 4 && reader.block !== undefined) {
    if (tokens.length !== 2 || typeof name !== "string" || isBlock) throw refuse("a name and a range are expected");
    if (reader.block.has(name)) throw twice(name, refuse);
    reader.block.add(name);
  } else {
    throw refuse(`it is indented by ${indent}`);
  }
}

function openEntry(reader: Reader, descriptors: readonly string[], refuse: Refuse): void {
  for (const descriptor of descriptors) {
    if (reader.descriptors.has(descriptor)) throw twice(descriptor, refuse);
    reader.descriptors.add(descriptor);
  }
  reader.fields = new Map();
  reader.block = undefined;
  reader.entries.push({ descriptors, fields: reader.fields });
  checkCount(reader.entries.length, "packages");
}

function twice(name: string, refuse: Refuse): Error {
  return refuse(`${JSON.stringify(name)} stands there twice`);
}

const colon = Symbol("colon");
const comma = Symbol("comma");
type Token = string | typeof colon | typeof comma;

/** What Yarn 1 writes: strings without escapes, numbers, bare words that are none of them; commas and colons. */
const token =
  /(?<quoted>"[^"\\]*")|(?<bare>(?:\d+|true|false)(?=[\s:,]|$)|(?!true|false)[A-Za-z/.-][^\s:,]*)|(?<mark>[:,])/y;

function tokensOf(row: string, refuse: Refuse): readonly Token[] {
  const found: Token[] = [];
  for (let at = 0; at < row.length;) {
    if (row[at] === " ") {
      at += 1;
      continue;
    }
    token.lastIndex = at;
    const groups = token.exec(row)?.groups;
    if (groups === undefined) throw refuse(`${JSON.stringify(row.slice(at, at + 20))} is not understood`);
    at = token.lastIndex;
    const { quoted, bare, mark } = groups;
    const word = quoted?.slice(1, -1) ?? bare;
    if (word === undefined) found.push(mark === ":" ? colon : comma);
    else found.push(asText(word, "a string"));
  }
  return found;
}

/** `a, "b":` → the descriptors. */
function headOf(tokens: readonly Token[], refuse: Refuse): readonly string[] {
  const found = tokens.filter((each) => typeof each === "string");
  const expected = found.flatMap((each, at): Token[] => [each, at === found.length - 1 ? colon : comma]);
  if (found.length === 0 || tokens.length !== expected.length || tokens.some((each, at) => each !== expected[at]))
    throw refuse("descriptors and a colon are expected");
  for (const each of found) {
    if (each.indexOf("@", 1) < 0) throw refuse(`${JSON.stringify(each)} is not <name>@<range>`);
  }
  return found;
}
