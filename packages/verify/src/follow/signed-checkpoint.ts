import { AssayError, encodeUtf8, openNote, parseCheckpoint, verifier, type Checkpoint } from "@assay/core";
import type { TrustedLog } from "../trust.ts";

/** A checkpoint whose signature is good under a trusted key. Its relation to older ones is not yet known. */
export interface SignedCheckpoint {
  readonly log: TrustedLog;
  /** The signed note, byte for byte. */
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/**
 * Checks the signature under the log's key, and that the checkpoint is of this log.
 * Throws BAD_FORMAT. Spec: docs/formats/checkpoint.md.
 */
export async function openCheckpoint(log: TrustedLog, note: string): Promise<SignedCheckpoint> {
  const opened = await openNote(encodeUtf8(note), [await verifier(log.vkey)]);
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint.origin !== log.origin) throw refusal(`it is of ${checkpoint.origin}, not of ${log.origin}`);
  if (checkpoint.extensions.length > 0) throw refusal("it has extension lines, which this log never writes");
  return { log, note, checkpoint };
}

function refusal(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The checkpoint", reason });
}
