import { isAssayError, type ErrorCode } from "@assay/core";

/** Fails the case with this message. */
export function fail(message: string): never {
  throw new Error(message);
}

/** Deep equality of plain data and bytes. */
export function equal(actual: unknown, expected: unknown, what = "value"): void {
  const a = show(actual);
  const b = show(expected);
  if (a !== b) fail(`${what}: got ${a.slice(0, 400)}, expected ${b.slice(0, 400)}`);
}

export function ok(condition: boolean, what: string): void {
  if (!condition) fail(what);
}

/** The call must throw an AssayError, with one of these codes (BAD_FORMAT when none is given). */
export function refuses(what: string, call: () => unknown, ...codes: readonly ErrorCode[]): void {
  try {
    call();
  } catch (error) {
    checkCode(what, error, codes);
    return;
  }
  fail(`${what}: was accepted`);
}

/** As `refuses`, for a promise. */
export async function refusesLater(
  what: string,
  call: () => Promise<unknown>,
  ...codes: readonly ErrorCode[]
): Promise<void> {
  try {
    await call();
  } catch (error) {
    checkCode(what, error, codes);
    return;
  }
  fail(`${what}: was accepted`);
}

function checkCode(what: string, error: unknown, codes: readonly ErrorCode[]): void {
  const allowed: readonly ErrorCode[] = codes.length === 0 ? ["BAD_FORMAT"] : codes;
  if (!isAssayError(error) || !allowed.includes(error.code)) {
    fail(`${what}: refused with ${String(error)} instead of ${allowed.join(" or ")}`);
  }
}

function show(value: unknown): string {
  return JSON.stringify(plain(value)) ?? "undefined";
}

/** Bytes as numbers, whichever class holds them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Array.from(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([name, member]) => [name, plain(member)]);
}
