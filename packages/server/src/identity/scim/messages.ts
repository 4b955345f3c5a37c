/** What requests and answers have in common, whatever they are about. */
import { badValue, ScimRefusal } from "./scim-refusal.ts";

export const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
export const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws `invalidSyntax`. */
export function fieldsIn(body: unknown): Fields {
  if (!isFields(body)) throw new ScimRefusal(400, "The body must be a JSON object.", "invalidSyntax");
  return body;
}

/** Attribute names compare without case (RFC 7643 §2.1). Throws `invalidSyntax` for one that comes twice. */
export function attributesIn(fields: Fields, schema: string): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(fields)) {
    const prefix = `${schema.toLowerCase()}:`;
    const lower = name.toLowerCase();
    const plain = lower.startsWith(prefix) ? lower.slice(prefix.length) : lower;
    if (found.has(plain)) throw new ScimRefusal(400, `The attribute ${plain} comes twice.`, "invalidSyntax");
    found.set(plain, value);
  }
  return found;
}

const longest = 200;

/** Whether a text is Unicode without control characters: a database keeps no other. */
export function isPlain(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/** A string of 1 to 200 characters, well-formed and without control characters. Throws `invalidValue`. */
export function textIn(value: unknown, what: string): string {
  if (typeof value !== "string" || value.trim() === "" || value.length > longest || !isPlain(value))
    throw badValue(`${what} must be a string of 1 to ${longest} characters, without control characters.`);
  return value;
}

/** Entra ID sends `"True"` and `"False"`. Throws `invalidValue`. */
export function truthIn(value: unknown, what: string): boolean {
  const word = typeof value === "string" ? value.toLowerCase() : value;
  if (word === true || word === "true") return true;
  if (word === false || word === "false") return false;
  throw badValue(`${what} must be true or false.`);
}

export interface PatchOperation {
  readonly op: "add" | "replace" | "remove";
  readonly path: string | undefined;
  readonly value: unknown;
}

const mostOperations = 100;

/** RFC 7644 §3.5.2; `op` in any case, as Entra ID sends it. Throws `invalidSyntax`, `noTarget`. */
export function parsePatch(body: unknown): readonly PatchOperation[] {
  const operations = attributesIn(fieldsIn(body), "").get("operations");
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > mostOperations)
    throw new ScimRefusal(400, `A patch has 1 to ${mostOperations} Operations.`, "invalidSyntax");
  return operations.map((each: unknown) => {
    const { op, path, value } = fieldsIn(each);
    const name = typeof op === "string" ? op.toLowerCase() : "";
    if ((name !== "add" && name !== "replace" && name !== "remove") || (path !== undefined && typeof path !== "string"))
      throw new ScimRefusal(400, "An operation is add, replace or remove, with a path as text.", "invalidSyntax");
    if (name === "remove" && path === undefined)
      throw new ScimRefusal(400, "What is removed must be named by a path.", "noTarget");
    return { op: name, path, value };
  });
}

export interface Paging {
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

const mostAtOnce = 200;

/** RFC 7644 §3.4.2.4: what is below the least counts as the least. Throws `invalidValue`. */
export function pagingIn({ startIndex, count }: Fields): Paging {
  return {
    startIndex: Math.max(1, wholeIn(startIndex, 1)),
    count: Math.min(mostAtOnce, Math.max(0, wholeIn(count, 100))),
  };
}

function wholeIn(text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (typeof text !== "string" || !/^-?\d{1,9}$/.test(text)) throw badValue("startIndex and count are whole numbers.");
  return Number(text);
}

/** RFC 7644 §3.4.2. */
export function listDocument(
  resources: readonly object[],
  total: number,
  { startIndex }: Pick<Paging, "startIndex">,
): object {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
