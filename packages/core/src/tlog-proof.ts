import { encodeUtf8, fromBase64, toBase64 } from "./bytes.ts";
import { parseDecimal } from "./decimal.ts";
import { AssayError } from "./errors.ts";
import { logIndex, type LogIndex } from "./names.ts";
import { maxNoteBytes, parseNote } from "./note.ts";
import { hashLength } from "./tlog/hash.ts";

/** A self-contained inclusion proof. Spec: docs/formats/tlog-proof.md, c2sp.org/tlog-proof. */
export interface TlogProof {
  /** Unauthenticated; Assay puts the entry here, which becomes trusted by hashing it into the proof. */
  readonly extra?: Uint8Array;
  readonly index: LogIndex;
  /** Sibling hashes, leaf to root, at most 63. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
}

const header = "c2sp.org/tlog-proof@v1";
const maxProofHashes = 63;
/** `extra` holds at most one entry. */
const maxExtraBytes = 65_535;
const maxProofBytes = maxNoteBytes + 128 * 1024;

/** The text of a proof file. Throws BAD_FORMAT on a value it cannot hold. */
export function formatTlogProof(proof: TlogProof): string {
  const lines = [header];
  if (proof.extra !== undefined) lines.push(`extra ${toBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.proof.map(toBase64), "", proof.checkpoint);
  const text = lines.join("\n");
  parseTlogProof(text);
  return text;
}

/**
 * Reads a proof file; the checkpoint is checked for its form, not opened. Throws BAD_FORMAT.
 */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > maxProofBytes || encodeUtf8(text).length > maxProofBytes) {
    throw malformed("it is too large");
  }
  const split = text.indexOf("\n\n");
  if (split === -1) throw malformed("no blank line precedes the checkpoint");
  const checkpoint = text.slice(split + 2);
  parseNote(checkpoint);
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== header) throw malformed(`its first line is not ${header}`);
  const extraLine = lines[0]?.startsWith("extra ") === true ? lines.shift() : undefined;
  const index = parseDecimal(/^index (.*)$/.exec(lines.shift() ?? "")?.[1] ?? "");
  if (index === undefined) throw malformed("it has no index from 0 to 2^53 - 1");
  if (lines.length > maxProofHashes) throw malformed(`it has more than ${maxProofHashes} hashes`);
  const proof = lines.map((line) => fromBase64(line));
  if (proof.some((hash) => hash.length !== hashLength)) throw malformed("a hash is not 32 bytes");
  const rest = { index: logIndex(index), proof, checkpoint };
  if (extraLine === undefined) return rest;
  const extra = fromBase64(extraLine.slice("extra ".length));
  if (extra.length > maxExtraBytes) throw malformed(`extra is larger than ${maxExtraBytes} bytes`);
  return { extra, ...rest };
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A tlog-proof", reason });
}
