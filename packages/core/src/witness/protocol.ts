import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from "../bytes.ts";
import { parseDecimal } from "../decimal.ts";
import { AssayError } from "../errors.ts";
import { formatNote, formatSignature, openNote, parseNote, type NoteSignature } from "../note.ts";
import type { NoteVerifier } from "../note-verifier.ts";
import { hashLength } from "../tlog/hash.ts";
import { cosignatureTime } from "./cosignature.ts";

/** What a log asks a witness to cosign. Spec: docs/formats/witness-protocol.md, c2sp.org/tlog-witness. */
export interface AddCheckpoint {
  /** Size of the last checkpoint that this witness cosigned, as the log believes; 0: none. */
  readonly oldSize: number;
  /** Consistency proof from the old size to the checkpoint's, 32 bytes each, at most 63. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. Parsed as a note, not verified. */
  readonly checkpoint: string;
}

/** Most bytes of an add-checkpoint body: 63 hashes, a checkpoint, and some twenty ML-DSA-44 signatures. */
export const maxAddCheckpointBytes = 131_072;
const maxProofHashes = 63;

/** Content type of the size with which a witness answers 409. */
export const sizeContentType = "text/x.tlog.size";
/** Most bytes of an answer with cosignature lines. */
export const maxCosignatureBytes = 65_536;

/** The body of an add-checkpoint request. Throws BAD_FORMAT on what it cannot hold. */
export function formatAddCheckpoint(request: AddCheckpoint): string {
  const { oldSize, proof, checkpoint } = request;
  const body = `old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join("")}\n${checkpoint}`;
  parseAddCheckpoint(body);
  return body;
}

/**
 * Reads `old <size>`, at most 63 base64 hashes, a blank line and a signed note, each line ended by LF. One spelling
 * of each value; nothing is verified. Throws BAD_FORMAT.
 */
export function parseAddCheckpoint(body: Uint8Array | string): AddCheckpoint {
  const bytes = typeof body === "string" ? encodeUtf8(body) : body;
  if (bytes.length > maxAddCheckpointBytes) throw malformed(`it is larger than ${maxAddCheckpointBytes} bytes`);
  const text = typeof body === "string" ? body : decodeUtf8(bytes);
  const end = text.indexOf("\n\n");
  if (end === -1) throw malformed("no blank line separates the proof from the checkpoint");
  const [first = "", ...hashes] = text.slice(0, end).split("\n");
  const oldSize = first.startsWith("old ") ? parseDecimal(first.slice(4)) : undefined;
  if (oldSize === undefined) throw malformed("its first line is not old and a number from 0 to 2^53 - 1");
  if (hashes.length > maxProofHashes) throw malformed(`its proof has more than ${maxProofHashes} hashes`);
  const proof = hashes.map((line) => {
    const hash = fromBase64(line);
    if (hash.length !== hashLength) throw malformed("a hash of its proof is not 32 bytes");
    return hash;
  });
  const checkpoint = text.slice(end + 2);
  parseNote(checkpoint);
  return { oldSize, proof, checkpoint };
}

/** The body of a 409: the size that the witness cosigned last. */
export function formatTreeSize(size: number): string {
  return `${size}\n`;
}

/** Inverse of `formatTreeSize`. Throws BAD_FORMAT. */
export function parseTreeSize(body: string): number {
  const size = body.endsWith("\n") ? parseDecimal(body.slice(0, -1)) : undefined;
  if (size === undefined) throw malformed("a size and a line feed are expected");
  return size;
}

/**
 * The good cosignatures in a witness's answer to this note, as lines: those by the given keys, each key once, no
 * later than `latestSeconds`. Lines by unknown keys are dropped.
 *
 * Throws BAD_FORMAT when the answer is not signature lines and nothing else, when a known key's line is bad or too
 * late, and when no known key signed.
 */
export async function readCosignatures(
  note: string,
  answer: string,
  keys: readonly NoteVerifier[],
  latestSeconds: number,
): Promise<readonly string[]> {
  if (answer.length > maxCosignatureBytes) throw malformed(`the answer is larger than ${maxCosignatureBytes} bytes`);
  const { text } = parseNote(note);
  const answered = `${text}\n${answer}`;
  // An answer with a blank line in it would move the end of the text.
  if (parseNote(answered).text !== text) throw malformed("the answer is not only signature lines");
  const { verified } = await openNote(answered, keys);
  for (const { signature } of verified) {
    const time = cosignatureTime(signature);
    if (time === undefined || time > latestSeconds) throw malformed("a cosignature has a time in the future");
  }
  return verified.map(formatSignature);
}

/**
 * The note with these lines added at its end; a line of a (name, key ID) that the note or an earlier line has is
 * dropped. Throws BAD_FORMAT on what is no signature line, and above the limits of a note.
 */
export function addSignatures(note: string, lines: readonly string[]): string {
  const { text, signatures } = parseNote(note);
  const added = lines.length === 0 ? { text, signatures: [] } : parseNote(`${text}\n${lines.join("")}`);
  if (added.text !== text) throw malformed("a line is blank");
  const byKey = new Map<string, NoteSignature>();
  for (const signature of [...signatures, ...added.signatures]) {
    const key = `${signature.name}+${signature.keyIdHex}`;
    if (!byKey.has(key)) byKey.set(key, signature);
  }
  return formatNote(text, [...byKey.values()].map(formatSignature));
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A witness message", reason });
}
