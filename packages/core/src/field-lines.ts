import { encodeUtf8 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { FieldParser } from "./record-fields.ts";

/** The fields of a text, in their order, each with what reads its value. */
export type FieldTable = Readonly<Record<string, FieldParser<unknown>>>;

/** One `field SP value LF` for each field of the table. */
export function writeFields(table: FieldTable, values: object): string {
  const byField: Readonly<Record<string, unknown>> = { ...values };
  return Object.keys(table)
    .map((field) => `${field} ${String(byField[field])}\n`)
    .join("");
}

/**
 * Reads lines (without their LF) that must be exactly the fields of the table, in order; the first of them is line 2
 * of the text. `what` names the text in errors. Throws BAD_FORMAT and what the parsers throw.
 */
export function readFields(what: string, table: FieldTable, lines: readonly string[]): Record<string, unknown> {
  const fields = Object.entries(table);
  const values = fields.map(([field, parse], i) => {
    const line = /^([a-z][a-z0-9-]{0,31}) (.+)$/u.exec(lines[i] ?? "");
    if (line?.[1] !== field) {
      throw new AssayError("BAD_FORMAT", { what, reason: `line ${i + 2} is not the field ${field}` });
    }
    return [field, parse(line[2] ?? "", field)] as const;
  });
  if (lines.length !== fields.length) {
    throw new AssayError("BAD_FORMAT", { what, reason: "it has lines that are not its fields" });
  }
  return Object.fromEntries(values);
}

/**
 * The lines of a text, without the empty one after its last LF. Throws BAD_FORMAT when it is larger than `maxBytes`
 * of UTF-8, does not end in LF, or holds another control character.
 */
export function textLines(what: string, text: string, maxBytes: number): string[] {
  if (encodeUtf8(text).length > maxBytes) {
    throw new AssayError("BAD_FORMAT", { what, reason: `it is larger than ${maxBytes} bytes` });
  }
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new AssayError("BAD_FORMAT", { what, reason: "it does not end in a line feed" });
  if (/\p{Cc}/u.test(lines.join(""))) {
    throw new AssayError("BAD_FORMAT", { what, reason: "it holds a control character" });
  }
  return lines;
}
