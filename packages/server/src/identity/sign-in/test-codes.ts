import { codeAt, stepAt } from "./totp.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code that an authenticator app shows which read this otpauth URL. For tests only. */
export function codeOfUrl(url: string, nowMs: number): string {
  const secret = new URL(url).searchParams.get("secret") ?? "";
  const bits = secret
    .split("")
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const bytes = (bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2));
  return codeAt(Buffer.from(bytes), stepAt(nowMs));
}
