import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Random } from "../../platform/random.ts";

/** `docs/formats/token.md`: what a token looks like, so that secret scanners find it and a typing error is seen at once. */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefix = "assay_";
/** 214 bits. */
const randomCharacters = 36;
const checksumCharacters = 6;

const form = new RegExp(`^${prefix}[0-9A-Za-z]{${randomCharacters + checksumCharacters}}$`);

export function drawToken(random: Random): string {
  let text = prefix;
  while (text.length < prefix.length + randomCharacters) {
    for (const byte of random.bytes(randomCharacters)) {
      // 248 is the largest multiple of 62: every character is as likely as every other.
      if (byte < 248 && text.length < prefix.length + randomCharacters) text += alphabet[byte % 62];
    }
  }
  return text + checksumOf(text);
}

/** True for the form with a checksum that fits. Says nothing about whether there is such a token. */
export function isToken(text: string): boolean {
  return form.test(text) && text.endsWith(checksumOf(text.slice(0, -checksumCharacters)));
}

/** As it is stored and looked up: whoever reads the database cannot use it. */
export function hashToken(token: string): string {
  return hash("sha256", token, "hex");
}

/** What may be shown of a token later: enough to recognise it. npm knows a pasted token by this beginning. */
export function redactToken(token: string): string {
  return token.slice(0, prefix.length + 6);
}

/** CRC-32 (ISO-HDLC) of all that stands before it, six digits of base 62, the highest first. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let i = 0; i < checksumCharacters; i++) {
    digits = (alphabet[rest % 62] ?? "") + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
