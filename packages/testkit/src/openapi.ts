/** Holds answers against npm's own descriptions of its endpoints (`npm-openapi/`, OpenAPI 3). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";

/** What an answer is and what is described differ in. */
export interface Differences {
  /** Members of another type than described, required ones that are not there, values that are not allowed. */
  readonly wrong: readonly string[];
  /** Members that are described, not required, and nowhere in the answer. */
  readonly absent: readonly string[];
}

export interface Answer {
  readonly method: "get" | "post" | "put" | "delete";
  /** As the description spells it: `/-/npm/v1/tokens/token/{token}`. */
  readonly path: string;
  readonly status: number;
  /** Parsed JSON. */
  readonly body: unknown;
}

type Schema = Readonly<Record<string, unknown>>;

const folder = path.join(import.meta.dirname, "..", "npm-openapi");

export type Description =
  | "search"
  | "audit"
  | "token"
  | "stage"
  | "access"
  | "org"
  | "team"
  | "publish"
  | "oidc"
  | "trust";

/** Compares an answer with what `<file>.yaml` says about it. Throws when nothing is said about that path and status. */
export function compareWithNpm(file: Description, answer: Answer): Differences {
  const document = read(`${file}.yaml`);
  const response = at(document, ["paths", answer.path, answer.method, "responses", String(answer.status)]);
  if (response === undefined)
    throw new Error(`${file}.yaml describes no answer ${answer.status} of ${answer.method} ${answer.path}`);
  return differences(document, schemaOf(document, response), answer.body);
}

/** Compares what is sent with what `<file>.yaml` says about it; that of a test must be what it describes. */
export function compareRequestWithNpm(
  file: Description,
  request: Pick<Answer, "method" | "path" | "body">,
): Differences {
  const document = read(`${file}.yaml`);
  const operation = at(document, ["paths", request.path, request.method]);
  if (operation === undefined) throw new Error(`${file}.yaml describes no ${request.method} ${request.path}`);
  return differences(document, schemaOf(document, at(document, ["requestBody"], operation)), request.body);
}

/** Where no JSON is described, there is nothing. */
function schemaOf(document: Schema, described: Schema | undefined): Schema {
  for (const type of ["application/json", "*/*"]) {
    const schema = at(document, ["content", type, "schema"], described);
    if (schema !== undefined) return schema;
  }
  return { not: {} };
}

function differences(document: Schema, schema: Schema, body: unknown): Differences {
  const wrong: string[] = [];
  const present = new Set<string>();
  const described = new Set<string>();
  check(document, schema, body, "", { wrong, present, described });
  return { wrong, absent: [...described].filter((member) => !present.has(member)) };
}

interface Found {
  readonly wrong: string[];
  readonly present: Set<string>;
  readonly described: Set<string>;
}

function check(document: Schema, schema: Schema, value: unknown, where: string, found: Found): void {
  if (value === null && schema["nullable"] === true) return;
  const alternatives = (schema["oneOf"] ?? schema["anyOf"]) as readonly unknown[] | undefined;
  if (alternatives !== undefined) {
    checkAlternatives(document, alternatives, value, where, found);
    return;
  }
  const problem = problemOf(schema, value);
  if (problem !== undefined) {
    found.wrong.push(`${where === "" ? "the answer" : where}: ${problem}`);
    return;
  }
  if (Array.isArray(value)) {
    const items = resolved(document, schema["items"]);
    if (items !== undefined) for (const item of value) check(document, items, item, `${where}[]`, found);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const members = value as Schema;
  const properties = (schema["properties"] ?? {}) as Schema;
  for (const name of (schema["required"] ?? []) as string[])
    if (!(name in members)) found.wrong.push(`${where}.${name} is required`);
  for (const name of Object.keys(properties)) {
    found.described.add(`${where}.${name}`);
    if (!(name in members)) continue;
    found.present.add(`${where}.${name}`);
    check(document, resolved(document, properties[name]) ?? {}, members[name], `${where}.${name}`, found);
  }
  const others = schema["additionalProperties"];
  if (typeof others !== "object") return;
  const other = resolved(document, others) ?? {};
  for (const name of Object.keys(members))
    if (!(name in properties)) check(document, other, members[name], `${where}.*`, found);
}

/** As the first alternative that fits says, else as the last one. */
function checkAlternatives(
  document: Schema,
  alternatives: readonly unknown[],
  value: unknown,
  where: string,
  found: Found,
): void {
  for (const [index, alternative] of alternatives.entries()) {
    const tried: Found = { wrong: [], present: new Set(), described: new Set() };
    check(document, resolved(document, alternative) ?? {}, value, where, tried);
    if (tried.wrong.length > 0 && index < alternatives.length - 1) continue;
    found.wrong.push(...tried.wrong);
    for (const member of tried.present) found.present.add(member);
    for (const member of tried.described) found.described.add(member);
    return;
  }
}

function problemOf(schema: Schema, value: unknown): string | undefined {
  if ("not" in schema) return value === undefined ? undefined : `nothing is described, this is ${typeof value}`;
  const type = schema["type"];
  const actual = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const isOfType =
    type === undefined || type === actual || (type === "integer" && Number.isInteger(value)) || Array.isArray(type);
  if (!isOfType) return `${JSON.stringify(type)} is described, this is ${actual}`;
  const allowed = schema["enum"];
  if (Array.isArray(allowed) && !allowed.includes(value)) return `${String(value)} is not one of ${allowed.join(", ")}`;
  if (schema["format"] === "date-time" && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(String(value)))
    return `${String(value)} is no time`;
  return undefined;
}

/** The member of a document at a path; references on the way are followed. */
function at(document: Schema, steps: readonly string[], from: Schema | undefined = document): Schema | undefined {
  let here: Schema | undefined = from;
  for (const step of steps) here = resolved(document, here?.[step]);
  return here;
}

function resolved(document: Schema, value: unknown): Schema | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const reference = (value as Schema)["$ref"];
  if (typeof reference !== "string") return value as Schema;
  const [file = "", pointer = ""] = reference.split("#/");
  // Those to another file are relative to npm's own folders; what they name here refers to nothing further.
  return at(file === "" ? document : read(path.basename(file)), pointer.split("/"));
}

function read(file: string): Schema {
  return parse(readFileSync(path.join(folder, file), "utf8")) as Schema;
}
