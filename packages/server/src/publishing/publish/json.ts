/** A JSON object of a body that was parsed strictly. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text from outside in a sentence: printable ASCII, at most 100 characters. */
export function printable(text: string): string {
  const safe = text.replace(/[^ -~]/gu, "?");
  return safe.length > 100 ? `${safe.slice(0, 97)}...` : safe;
}
