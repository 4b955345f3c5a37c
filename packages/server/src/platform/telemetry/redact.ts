/** Removes what must never reach a log line: values under telling names, and credentials inside strings. */

const secretName = /authorization|token|password|passwd|secret|cookie|credential|_auth$|npm-otp|\botp\b|private.?key/i;

/** Deepest nesting that is written; below that stands `[deep]`. */
const maxDepth = 5;
const maxItems = 100;

/**
 * A copy of the value that is safe to write: strings under secret names become `[redacted]`, URLs lose their
 * userinfo, bearer and basic credentials their value; errors become plain objects with their causes; cycles,
 * deep nesting and long lists are cut.
 */
export function redact(value: unknown, name = ""): unknown {
  return copy(value, name, 0, new Set());
}

function copy(value: unknown, name: string, depth: number, above: Set<object>): unknown {
  if (typeof value === "string") return secretName.test(name) ? "[redacted]" : redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "[circular]";
  if (depth >= maxDepth) return "[deep]";
  above.add(value);
  try {
    if (value instanceof Error) return copyError(value, depth, above);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof URL) return redactText(value.href);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => copy(item, name, depth + 1, above));
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(
      entries.slice(0, maxItems).map(([key, item]) => [String(key), copy(item, String(key), depth + 1, above)]),
    );
  } finally {
    above.delete(value);
  }
}

function copyError(error: Error, depth: number, above: Set<object>): Record<string, unknown> {
  const fields: Record<string, unknown> = { type: error.name, message: redactText(error.message) };
  if ("code" in error && (typeof error.code === "string" || typeof error.code === "number"))
    fields["code"] = error.code;
  if (error.stack !== undefined) fields["stack"] = redactText(error.stack);
  if (error instanceof AggregateError) fields["errors"] = copy(error.errors, "", depth + 1, above);
  if (error.cause !== undefined) fields["cause"] = copy(error.cause, "", depth + 1, above);
  return fields;
}

/** The text without userinfo in URLs, without values of Bearer and Basic, npm tokens and private keys. */
export function redactText(text: string): string {
  if (!/@|bearer|basic|npm_|PRIVATE KEY/i.test(text)) return text;
  return text
    .replace(/([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/?#@"']{1,500}@/gi, "$1[redacted]@")
    .replace(/\b(bearer|basic)[ \t]+[A-Za-z0-9\-._~+/=]{4,}/gi, "$1 [redacted]")
    .replace(/\bnpm_[A-Za-z0-9]{10,}/g, "[redacted]")
    .replace(/-----BEGIN ([A-Z ]{0,40})PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, "[redacted]");
}
