import { AssayError } from "./errors.ts";
import { maxJsonDepth } from "./jcs.ts";

/** A parsed document and what JSON.parse does not tell about it. */
export interface ParsedJson {
  /** Equal to `JSON.parse(text)`; `__proto__` is an own member. */
  readonly value: unknown;
  /** RFC 6901 pointers of members that occur twice in one object, each once; the last one won. */
  readonly duplicateKeys: readonly string[];
}

/** All pointers together may have this many characters; a document with more duplicates is refused. */
const maxPointerCharacters = 1024 * 1024;

/**
 * Reads a JSON document (RFC 8259) and lists duplicate members, which readers disagree about. Linear in the length
 * of the text. Throws BAD_FORMAT on anything that is not JSON (a byte order mark included), on nesting over
 * `maxDepth` (default 1,000) and on absurd numbers of duplicates. Limit the size of the text before the call.
 */
export function parseJson(text: string, options: { readonly maxDepth?: number } = {}): ParsedJson {
  const maxDepth = options.maxDepth ?? maxJsonDepth;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed("it is not valid JSON", cause);
  }
  // The text is valid JSON from here on, so the scan needs to know strings and brackets only.
  return { value, duplicateKeys: findDuplicateKeys(text, maxDepth) };
}

/** An RFC 6901 pointer: `/versions/1.0.0/bin` for "versions", "1.0.0", "bin". */
export function jsonPointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** An open object or array: the members seen (objects only), and the member or element being read. */
interface Container {
  readonly names: Set<string> | undefined;
  at: string | number;
  expectsName: boolean;
}

function findDuplicateKeys(text: string, maxDepth: number): string[] {
  const open: Container[] = [];
  const found = new Set<string>();
  let characters = 0;
  let current: Container | undefined;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: {
        // [
        const isObject = text.charCodeAt(i) === 0x7b;
        current = isObject
          ? { names: new Set(), at: "", expectsName: true }
          : { names: undefined, at: 0, expectsName: false };
        open.push(current);
        if (open.length > maxDepth) throw malformed(`it is nested deeper than ${maxDepth}`);
        break;
      }
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        current = open.at(-1);
        break;
      case 0x2c: // ,
        if (current?.names === undefined) {
          if (typeof current?.at === "number") current.at += 1;
        } else {
          current.expectsName = true;
        }
        break;
      case 0x22: {
        // "
        const end = endOfString(text, i);
        if (current?.names !== undefined && current.expectsName) {
          const name = readName(text, i, end);
          current.at = name;
          current.expectsName = false;
          if (current.names.has(name)) {
            const pointer = jsonPointer(...open.map((container) => container.at));
            found.add(pointer);
            // Repeats count too: each costs the work of writing its pointer.
            characters += pointer.length;
            if (characters > maxPointerCharacters) throw malformed("it repeats too many members");
          }
          current.names.add(name);
        }
        i = end;
        break;
      }
      default:
    }
  }
  return [...found];
}

/** Position of the quote that ends the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (;;) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
}

function readName(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

function malformed(reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A JSON document", reason }, { cause });
}
