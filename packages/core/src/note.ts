import { concatBytes, decodeUtf8, encodeUtf8, fromBase64, fromHex, toBase64, toHex } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { NoteVerifier } from "./note-verifier.ts";
import { isKeyName } from "./vkey.ts";

/** More signature lines than this are refused. */
export const maxNoteSignatures = 100;
/** A note of more bytes is refused before it is read. */
export const maxNoteBytes: number = 1024 * 1024;

/** One signature line of a note. */
export interface NoteSignature {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyIdHex: string;
  /** What follows the key ID: 64 bytes for Ed25519, 72 for a cosignature (its time first). */
  readonly signature: Uint8Array;
}

/** A note that was parsed, not verified. */
export interface Note {
  /** What is signed; ends in LF. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A note of which at least one signature by a known key is good, and none by a known key is bad. */
export interface OpenedNote {
  readonly text: string;
  readonly verified: readonly NoteSignature[];
  readonly unverified: readonly NoteSignature[];
}

/** `— <name> <base64 of key ID || signature>` and its LF. Throws BAD_FORMAT on a bad name or key ID. */
export function signatureLine(name: string, keyId: Uint8Array, signature: Uint8Array): string {
  if (!isKeyName(name)) throw badNote("a key name is empty, too long, or holds + or a space");
  if (keyId.length !== 4 || signature.length === 0) throw badNote("a signature has a wrong length");
  return `— ${name} ${toBase64(concatBytes(keyId, signature))}\n`;
}

/** A signature that was read, as the line it was read from. */
export function formatSignature({ name, keyIdHex, signature }: NoteSignature): string {
  return signatureLine(name, fromHex(keyIdHex), signature);
}

/** The note of a text (which ends in LF) and its signature lines (each with its LF). Throws BAD_FORMAT. */
export function formatNote(text: string, lines: readonly string[]): string {
  const note = `${text}\n${lines.join("")}`;
  const parsed = parseNote(note);
  if (parsed.text !== text || parsed.signatures.length !== lines.length) {
    throw badNote("the text does not end in a line feed, or a signature is not one line");
  }
  return note;
}

/**
 * Reads a note without verifying it. The text ends at the last blank line; every line after it must be a signature.
 * Throws BAD_FORMAT on anything else: a missing final LF, another control character than LF, bad UTF-8, malformed
 * base64 in any line, no signature, more than 100, more than 1 MiB. Source: c2sp.org/signed-note.
 */
export function parseNote(note: Uint8Array | string): Note {
  const bytes = typeof note === "string" ? encodeUtf8(note) : note;
  if (bytes.length > maxNoteBytes) throw badNote(`it is larger than ${maxNoteBytes} bytes`);
  const whole = typeof note === "string" ? note : decodeUtf8(bytes);
  // oxlint-disable-next-line no-control-regex -- refusing them is the point
  if (/[\x00-\x09\x0b-\x1f]/.test(whole)) throw badNote("it holds a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split === -1) throw badNote("no blank line separates the text from its signatures");
  const lines = whole.slice(split + 2).split("\n");
  if (lines.pop() !== "" || lines.length === 0) {
    throw badNote("signature lines, each ended by a line feed, are expected after the text");
  }
  if (lines.length > maxNoteSignatures) {
    throw badNote(`it has more than ${maxNoteSignatures} signatures`);
  }
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

/**
 * Verifies a note against known keys. A known key is a (name, key ID) pair; signatures by others are passed on as
 * `unverified`, never trusted. A repeated line of a known key counts once.
 *
 * Throws BAD_FORMAT when the note is malformed, when a known key's signature is bad, and when no known key signed.
 */
export async function openNote(note: Uint8Array | string, verifiers: readonly NoteVerifier[]): Promise<OpenedNote> {
  const known = new Map<string, NoteVerifier>();
  for (const verifier of verifiers) {
    const key = signer(verifier);
    if (known.has(key)) throw badNote(`two verifiers share the key ${key}`);
    known.set(key, verifier);
  }
  const { text, signatures } = parseNote(note);
  const textBytes = encodeUtf8(text);
  const verified: NoteSignature[] = [];
  const unverified: NoteSignature[] = [];
  const seen = new Set<string>();
  for (const signature of signatures) {
    const key = signer(signature);
    const verifier = known.get(key);
    if (verifier === undefined) {
      unverified.push(signature);
      continue;
    }
    if (seen.has(key)) continue;
    seen.add(key);
    if (!(await verifier.verify(textBytes, signature.signature))) {
      throw badNote(`the signature by ${key} is wrong`);
    }
    verified.push(signature);
  }
  if (verified.length === 0) throw badNote("no known key signed it");
  return { text, verified, unverified };
}

function parseSignatureLine(line: string): NoteSignature {
  const match = /^— ([^ ]+) ([A-Za-z0-9+/=]+)$/u.exec(line);
  const name = match?.[1] ?? "";
  if (match === null || !isKeyName(name)) throw badNote("a signature line is malformed");
  const bytes = fromBase64(match[2] ?? "");
  if (bytes.length < 5) throw badNote("a signature is too short");
  return { name, keyIdHex: toHex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

function signer(key: { readonly name: string; readonly keyIdHex: string }): string {
  return `${key.name}+${key.keyIdHex}`;
}

function badNote(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A signed note", reason });
}
