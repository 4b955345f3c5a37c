import { AssayError } from "./errors.ts";

/** Deepest nesting that is read or written; deeper documents are refused, so that recursion is bounded. */
export const maxJsonDepth = 1000;

/**
 * A JSON value in its one canonical spelling: members sorted by UTF-16 code units, no white space, numbers and
 * strings as ECMAScript writes them. Source: RFC 8785 (JCS).
 *
 * Throws BAD_FORMAT on what JSON cannot hold exactly: undefined, functions, symbols, bigints, non-finite numbers,
 * lone surrogates, objects with a class (Date, Map, …), holes in arrays, nesting over 1,000; and on a member named
 * `__proto__`, which other readers lose.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** True for an object that is neither an array nor an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of a plain object from another realm is not this realm's, but nothing stands above it.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function write(value: unknown, depth: number): string {
  if (depth > maxJsonDepth) throw malformed(`it is nested deeper than ${maxJsonDepth}`);
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "boolean":
      return String(value);
    case "number":
      if (!Number.isFinite(value)) throw malformed("it holds a number that is not finite");
      return JSON.stringify(value);
    case "object":
      break;
    default:
      throw malformed(`it holds a value of type ${typeof value}`);
  }
  if (value === null) return "null";
  if (Array.isArray(value)) {
    // Array.from visits holes, which map() would skip.
    return `[${Array.from(value, (element: unknown) => write(element, depth + 1)).join(",")}]`;
  }
  if (!isPlainObject(value)) throw malformed("it holds an object that is not plain data");
  const members = Object.keys(value)
    .toSorted()
    .map((name) => {
      if (name === "__proto__") throw malformed("it holds a member named __proto__");
      return `${writeString(name)}:${write(value[name], depth + 1)}`;
    });
  return `{${members.join(",")}}`;
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw malformed("it holds a lone surrogate");
  return JSON.stringify(text);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A JSON value", reason });
}
