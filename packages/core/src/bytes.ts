import { AssayError } from "./errors.ts";

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const hexText = /^(?:[0-9a-f]{2})*$/;

/** Bytes as lower-case hex. Inverse of `fromHex`. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Reads lower-case hex. Throws BAD_FORMAT on any other character and on an odd length. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (!hexText.test(text)) throw malformed("Hex", "pairs of 0-9 and a-f are expected");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Bytes as padded standard base64 (RFC 4648 §4). Inverse of `fromBase64`. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // Spread in slices: an argument list has a limit.
  for (let i = 0; i < bytes.length; i += 4096) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(binary);
}

/**
 * Reads padded standard base64, of which exactly one spelling is accepted: no white space, no missing padding,
 * no stray bits in the last character. Throws BAD_FORMAT.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw malformed("Base64", "it cannot be decoded", cause);
  }
  // atob skips white space and forgives padding and stray bits; a second spelling of a signed value must not pass.
  if (btoa(binary) !== text) throw malformed("Base64", "it is not in canonical form");
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Text as UTF-8. Throws BAD_FORMAT on a lone surrogate, which UTF-8 cannot hold. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) throw malformed("Text", "it holds a lone surrogate");
  return utf8Encoder.encode(text);
}

/** Reads UTF-8 strictly; a byte order mark stays in the text. Throws BAD_FORMAT. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch (cause) {
    throw malformed("Text", "it is not UTF-8", cause);
  }
}

/** One array with the bytes of all parts, in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinBytes(parts);
}

/** As `concatBytes`, for any number of parts: arguments live on the stack. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** True when both hold the same bytes. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Orders byte strings as unsigned bytes, a prefix first: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function malformed(what: string, reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what, reason }, { cause });
}
