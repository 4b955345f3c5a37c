/**
 * Reads a decimal number as log formats write it: digits only, no leading zero, from 0 to 2^53 - 1.
 * Undefined on anything else.
 */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
