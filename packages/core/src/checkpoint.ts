import { encodeUtf8, equalBytes, fromBase64, toBase64 } from "./bytes.ts";
import { parseDecimal } from "./decimal.ts";
import { AssayError } from "./errors.ts";
import { sha256Portable } from "./hash.ts";

/** Size and root hash of a log at one moment. Spec: docs/formats/checkpoint.md, c2sp.org/tlog-checkpoint. */
export interface Checkpoint {
  /** Names the log; not empty, one line. */
  readonly origin: string;
  /** Number of entries, from 0 to 2^53 - 1. */
  readonly size: number;
  /** 32 bytes; of an empty log SHA-256 of nothing. */
  readonly root: Uint8Array;
}

/** A checkpoint as read; our own logs never have extension lines, so a reader that knows one refuses any. */
export interface ParsedCheckpoint extends Checkpoint {
  readonly extensions: readonly string[];
}

const maxCheckpointBytes = 16_384;

/** The note text of a checkpoint, which ends in LF. Throws BAD_FORMAT on a value it cannot hold. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${toBase64(checkpoint.root)}\n`;
  const parsed = parseCheckpoint(text);
  if (parsed.origin !== checkpoint.origin || parsed.extensions.length > 0) {
    throw malformed("the origin is not one line");
  }
  return text;
}

/**
 * Reads the text of a checkpoint note (`parseNote(…).text`): origin, size, root, and any extension lines.
 * Throws BAD_FORMAT. Compare `origin` with the pinned one before trusting size and root.
 */
export function parseCheckpoint(text: string): ParsedCheckpoint {
  const checkpoint = readCheckpoint(text);
  if (!isPossibleRoot(checkpoint)) throw malformed("the root of an empty log must be the SHA-256 of nothing");
  return checkpoint;
}

/** False for the one root that is known to be wrong: of an empty log another than the SHA-256 of nothing. */
export function isPossibleRoot({ size, root }: Pick<Checkpoint, "size" | "root">): boolean {
  return size > 0 || equalBytes(root, sha256Portable(new Uint8Array(0)));
}

/** As `parseCheckpoint`, whatever root an empty log has: for a witness, which must name that fault apart. */
export function readCheckpoint(text: string): ParsedCheckpoint {
  if (encodeUtf8(text).length > maxCheckpointBytes) {
    throw malformed(`it is larger than ${maxCheckpointBytes} bytes`);
  }
  const lines = text.split("\n");
  if (lines.pop() !== "") throw malformed("it does not end in a line feed");
  const [origin, sizeText, rootText, ...extensions] = lines;
  if (origin === undefined || sizeText === undefined || rootText === undefined) {
    throw malformed("origin, size and root are expected, a line each");
  }
  if (lines.includes("")) throw malformed("a line is empty");
  if (/\p{Cc}/u.test(lines.join(""))) throw malformed("it holds a control character");
  const size = parseDecimal(sizeText);
  if (size === undefined) throw malformed("its size is not a number from 0 to 2^53 - 1");
  const root = fromBase64(rootText);
  if (root.length !== 32) throw malformed("its root is not 32 bytes");
  return { origin, size, root, extensions };
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A checkpoint", reason });
}
