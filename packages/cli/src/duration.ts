import { wrongUse } from "./errors.ts";

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90s`, `15m`, `24h`, `7d` as seconds. Throws USAGE. */
export function parseDuration(text: string): number {
  const [, count = "", unit = ""] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (unitSeconds[unit] ?? Number.NaN);
  if (!Number.isSafeInteger(seconds) || seconds === 0)
    throw wrongUse(`${JSON.stringify(text)} is no duration such as 90s, 15m, 24h or 7d.`);
  return seconds;
}
