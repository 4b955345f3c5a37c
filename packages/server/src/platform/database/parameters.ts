/** What both engines store and read back alike. Booleans become 0 and 1. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/**
 * The value as both engines take it. Refuses by position what either would store as something else:
 * undefined, objects, dates, NaN and infinities, integers beyond 2^53, text with NUL or lone surrogates.
 */
export function checkParameter(value: unknown, index: number): SqlValue {
  switch (typeof value) {
    case "string":
      return checkText(value, index);
    case "number":
      return checkNumber(value, index);
    case "bigint":
      if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
        throw refused(index, "an integer beyond 2^53");
      return value;
    case "boolean":
      return value ? 1 : 0;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw refused(index, describe(value));
  }
}

/** The same for a whole list; a new array. */
export function checkParameters(values: readonly unknown[]): SqlValue[] {
  return values.map(checkParameter);
}

function checkText(value: string, index: number): string {
  // SQLite stores both kinds, cut short or replaced; PostgreSQL refuses one and replaces the other.
  if (value.includes("\0")) throw refused(index, "text with a NUL character");
  if (!value.isWellFormed()) throw refused(index, "text with a lone surrogate");
  return value;
}

function checkNumber(value: number, index: number): number {
  if (!Number.isFinite(value)) throw refused(index, String(value));
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw refused(index, "an integer beyond 2^53");
  return value;
}

function describe(value: unknown): string {
  if (value === undefined) return "undefined";
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return `an object of type ${value.constructor?.name ?? "unknown"}`;
}

function refused(index: number, what: string): TypeError {
  return new TypeError(
    `parameter ${index + 1} is ${what}; allowed are null, text, bytes, booleans and numbers within 2^53`,
  );
}
