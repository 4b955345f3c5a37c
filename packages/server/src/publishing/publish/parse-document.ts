import { AssayError, isAssayError, parseJson } from "@assay/core";
import { isJsonObject, printable, type JsonObject } from "./json.ts";

/** Deeper than any manifest, and shallow enough for everything that recurses. */
const maxDepth = 100;

/**
 * A packument from outside, read strictly: a JSON object, no member twice, no key that would be another object's nature.
 * `what` begins the sentence about what is wrong. Throws BAD_REQUEST.
 */
export function parseDocument(text: string, what: string): JsonObject {
  const refused = (reason: string): AssayError<"BAD_REQUEST"> => new AssayError("BAD_REQUEST", { reason });
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text, { maxDepth });
  } catch (cause) {
    const reason = isAssayError(cause, "BAD_FORMAT") ? cause.details.reason : "it is not JSON";
    throw new AssayError("BAD_REQUEST", { reason: `of ${what}, ${reason}` }, { cause });
  }
  const [duplicate] = parsed.duplicateKeys;
  if (duplicate !== undefined) throw refused(`${what} has the member ${printable(duplicate)} twice`);
  if (!isJsonObject(parsed.value)) throw refused(`${what} is not a JSON object`);
  if (hasProto(parsed.value)) throw refused(`${what} has the key __proto__`);
  return parsed.value;
}

/** As a key of anything that is copied, it would be no member but another object's nature. */
function hasProto(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasProto);
}
