import { decodeUtf8, equalBytes, fromBase64, toBase64 } from "../bytes.ts";
import { parseCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { AssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { parseJson } from "../json.ts";
import { isPlainObject } from "../jcs.ts";
import { maxNoteBytes, openNote, parseNote } from "../note.ts";
import type { NoteVerifier } from "../note-verifier.ts";
import { hashLength } from "../tlog/hash.ts";
import { verifyConsistency } from "../tlog/proof.ts";

/**
 * Two checkpoints that one key signed and that exclude each other: what anybody can check without asking anybody.
 * Spec: docs/formats/gossip.md.
 */
export interface Fork {
  /** Signed notes, verbatim; the size of `smaller` is not above that of `larger`. */
  readonly smaller: string;
  readonly larger: string;
  /** The root that the larger tree has at the smaller size; another than `smaller` says. */
  readonly root: Uint8Array;
  /** Consistency proof from that root to the larger one; none when the sizes are equal. */
  readonly proof: readonly Uint8Array[];
}

/** The value of `format` in the JSON. */
export const forkFormat = "assay-fork/v1";
const maxProofHashes = 64;

/** A fork as JSON text, for people: two spaces, a final line feed. */
export function formatFork(fork: Fork): string {
  const { smaller, larger, root, proof } = fork;
  const document = { format: forkFormat, smaller, larger, root: toBase64(root), proof: proof.map(toBase64) };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Reads what `formatFork` writes: exactly these members. Nothing is verified. Throws BAD_FORMAT. */
export function parseFork(text: Uint8Array | string): Fork {
  const { value, duplicateKeys } = parseJson(typeof text === "string" ? text : decodeUtf8(text));
  if (duplicateKeys.length > 0) throw malformed("a member is there twice");
  const names = ["format", "smaller", "larger", "root", "proof"];
  if (
    !isPlainObject(value) ||
    Object.keys(value).length !== names.length ||
    !names.every((n) => Object.hasOwn(value, n))
  )
    throw malformed(`it has other members than ${names.join(", ")}`);
  const { format, smaller, larger, root, proof } = value;
  if (format !== forkFormat) throw malformed(`its format is not ${forkFormat}`);
  if (!Array.isArray(proof) || proof.length > maxProofHashes) throw malformed("its proof is not a list of 0 to 64");
  return { smaller: readNote(smaller), larger: readNote(larger), root: readHash(root), proof: proof.map(readHash) };
}

/**
 * True when both notes are signed by this key about one origin, and the larger tree has another root at the smaller
 * size than the smaller note says. Never throws.
 */
export async function verifyFork(sha256: Sha256, fork: Fork, key: NoteVerifier): Promise<boolean> {
  try {
    return excludes(sha256, fork, await openSigned(fork.smaller, key), await openSigned(fork.larger, key));
  } catch {
    return false;
  }
}

function excludes(sha256: Sha256, { root, proof }: Fork, smaller: Checkpoint, larger: Checkpoint): boolean {
  const isOfLarger = verifyConsistency(sha256, {
    oldSize: smaller.size,
    oldRoot: root,
    newSize: larger.size,
    newRoot: larger.root,
    proof,
  });
  return smaller.origin === larger.origin && isOfLarger && !equalBytes(root, smaller.root);
}

async function openSigned(note: string, key: NoteVerifier): Promise<Checkpoint> {
  return parseCheckpoint((await openNote(note, [key])).text);
}

function readNote(value: unknown): string {
  if (typeof value !== "string" || value.length > maxNoteBytes) throw malformed("a note is not a string within 1 MiB");
  parseNote(value);
  return value;
}

function readHash(value: unknown): Uint8Array {
  const hash = typeof value === "string" && value.length <= 44 ? fromBase64(value) : undefined;
  if (hash?.length !== hashLength) throw malformed("a hash is not base64 of 32 bytes");
  return hash;
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The evidence of a fork", reason });
}
