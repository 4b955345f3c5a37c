import { malformed } from "./reading.ts";

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * JSON with comments and trailing commas as plain JSON of the same length: what JSON does not have becomes blanks, so
 * that every offset still means the same place. What is wrong otherwise stays wrong, for the JSON reader to refuse.
 * Throws BAD_FORMAT on a comment or string without an end.
 */
export function blankJsonc(text: string): string {
  const blanks: Range[] = [];
  /** A comma behind which only blanks and comments have come; one that follows no value is none. */
  let comma: Range | undefined;
  let previous = "{";
  for (let start = 0; start < text.length;) {
    const range = { start, end: endOfToken(text, start) };
    const first = text[start] ?? "";
    if (first === "/") {
      blanks.push(range);
    } else if (!/\s/.test(first)) {
      if (comma !== undefined && (first === "}" || first === "]")) blanks.push(comma);
      comma = first === "," && !"{[,:".includes(previous) ? range : undefined;
      previous = first;
    }
    start = range.end;
  }
  return blanked(
    text,
    blanks.toSorted((a, b) => a.start - b.start),
  );
}

function blanked(text: string, ranges: readonly Range[]): string {
  const parts: string[] = [];
  let copied = 0;
  for (const { start, end } of ranges) {
    parts.push(text.slice(copied, start), text.slice(start, end).replaceAll(/[^\r\n]/g, " "));
    copied = end;
  }
  return parts.join("") + text.slice(copied);
}

/** Strings and comments are one token each, everything else is one a character. */
function endOfToken(text: string, at: number): number {
  if (text[at] === '"') return endOfString(text, at);
  if (text[at] !== "/") return at + 1;
  const isLine = text[at + 1] === "/";
  if (!isLine && text[at + 1] !== "*") throw malformed("it is not valid JSON with comments");
  const end = text.indexOf(isLine ? "\n" : "*/", at + 2);
  if (end >= 0) return isLine ? end : end + 2;
  if (isLine) return text.length;
  throw malformed("a comment does not end");
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  throw malformed("a string does not end");
}
