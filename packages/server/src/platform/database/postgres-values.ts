/** Object ids of types, from PostgreSQL's pg_type.dat; they never change. */
const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, float4: 700, float8: 701, numeric: 1700 } as const;

/**
 * A value in PostgreSQL's text form, as SQLite would have answered it: whole numbers as numbers within 2^53,
 * booleans as 0 and 1, bytes as Uint8Array, everything else as text. Throws RangeError for what cannot be
 * held exactly.
 */
export function parsePostgresValue(type: number, text: string): string | number | Uint8Array {
  switch (type) {
    case oid.int2:
    case oid.int4:
    case oid.int8:
    case oid.numeric:
      return safeInteger(text);
    case oid.float4:
    case oid.float8:
      return Number(text);
    case oid.bool:
      return text === "t" ? 1 : 0;
    case oid.bytea:
      return bytes(text);
    default:
      return text;
  }
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!/^-?[0-9]+$/.test(text) || !Number.isSafeInteger(value))
    throw new RangeError(`${text} is not a whole number within 2^53`);
  return value;
}

function bytes(text: string): Uint8Array {
  if (!/^\\x(?:[0-9a-f]{2})*$/.test(text)) throw new RangeError("bytes that are not in hex form");
  // Copied out of Buffer's shared pool.
  return new Uint8Array(Buffer.from(text.slice(2), "hex"));
}
