/**
 * Counts the `?` of one SQL statement, because node:sqlite binds NULL for every parameter that is missing.
 *
 * Knows SQLite's literals, quoted names and comments (sqlite.org/lang.html). Refuses a second statement,
 * which node:sqlite would drop without a word, and every other form of parameter (`?1`, `:a`, `@a`, `$a`).
 */
export function countParameters(sql: string): number {
  let count = 0;
  let ended = false;
  for (let at = 0; at < sql.length; at += 1) {
    const character = sql.charAt(at);
    if (/\s/.test(character)) continue;
    const comment = endOfComment(sql, at);
    if (comment !== undefined) {
      at = comment;
      continue;
    }
    if (character === ";") {
      ended = true;
      continue;
    }
    if (ended) throw new TypeError("more than one statement");
    const closing = closings[character];
    if (closing !== undefined) at = endOfQuoted(sql, at, closing);
    else if (character === "?") {
      if (/[0-9]/.test(sql.charAt(at + 1))) throw new TypeError("a numbered parameter");
      count += 1;
    } else if (wordStart.test(character)) at = endOfWord(sql, at);
    else if (":@$#".includes(character)) throw new TypeError(`a parameter named with ${character}`);
  }
  return count;
}

const closings: Readonly<Record<string, string | undefined>> = {
  "'": "'",
  '"': '"',
  "`": "`",
  "[": "]",
};

// A dollar sign inside a word belongs to the word.
const wordStart = /[A-Za-z_0-9\u0080-\uffff]/;
const wordRest = /[A-Za-z_0-9$\u0080-\uffff]/;

function endOfWord(sql: string, start: number): number {
  let at = start;
  while (at + 1 < sql.length && wordRest.test(sql.charAt(at + 1))) at += 1;
  return at;
}

/** Index of the last character of the comment that starts here, or undefined when none does. */
function endOfComment(sql: string, start: number): number | undefined {
  if (sql.startsWith("--", start)) {
    const end = sql.indexOf("\n", start);
    return end < 0 ? sql.length : end;
  }
  if (sql.startsWith("/*", start)) {
    const end = sql.indexOf("*/", start + 2);
    return end < 0 ? sql.length : end + 1;
  }
  return undefined;
}

/** Index of the closing quote; a doubled one stands for itself, except in square brackets. */
function endOfQuoted(sql: string, start: number, closing: string): number {
  for (let at = start + 1; at < sql.length; at += 1) {
    if (sql.charAt(at) !== closing) continue;
    if (closing !== "]" && sql.charAt(at + 1) === closing) at += 1;
    else return at;
  }
  throw new TypeError("a quote that does not end");
}

/** True for statements after which the columns of prepared statements may have changed. */
export function changesSchema(sql: string): boolean {
  return /^\s*(?:create|alter|drop)\b/i.test(sql);
}
