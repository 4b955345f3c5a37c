/**
 * Filters (RFC 7644 §3.4.2.2): one attribute, `eq`, one string. That is what providers look people and groups up with;
 * own code, because a parser of the whole grammar would take what no index answers.
 */
import { isPlain } from "./messages.ts";
import { ScimRefusal } from "./scim-refusal.ts";

export interface Filter<Attribute extends string> {
  readonly attribute: Attribute;
  readonly value: string;
}

const form = /^\s*([A-Za-z][\w:.-]{0,100})\s+eq\s+("(?:[^"\\\p{Cc}]|\\.){0,512}")\s*$/iu;

/** Attribute names and operators compare without case. Throws `invalidFilter`. */
export function parseFilter<Attribute extends string>(
  text: string,
  { schema, attributes }: { readonly schema: string; readonly attributes: readonly Attribute[] },
): Filter<Attribute> {
  const [, name = "", quoted = ""] = form.exec(text.length > 1000 ? "" : text) ?? [];
  const attribute = attributes.find((one) => isAttribute(name, schema, one));
  const value = attribute === undefined ? undefined : stringIn(quoted);
  if (attribute === undefined || value === undefined || !isPlain(value))
    throw new ScimRefusal(400, `A filter here is one of ${attributes.join(", ")}, eq, and a string.`, "invalidFilter");
  return { attribute, value };
}

/** Whether a path names this attribute, with its schema in front or without. */
export function isAttribute(path: string, schema: string, attribute: string): boolean {
  return plainPath(path, schema) === attribute.toLowerCase();
}

/** A path in lower case, without its schema. */
export function plainPath(path: string, schema: string): string {
  const [lower, prefix] = [path.toLowerCase(), `${schema.toLowerCase()}:`];
  return lower.startsWith(prefix) ? lower.slice(prefix.length) : lower;
}

function stringIn(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}
