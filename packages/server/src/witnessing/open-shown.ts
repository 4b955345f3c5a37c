import {
  AssayError,
  formatNote,
  formatSignature,
  isAssayError,
  openNote,
  parseNote,
  readCheckpoint,
} from "@assay/core";
import type { NoteVerifier } from "@assay/core";
import type { SignedTree } from "./judge.ts";

/**
 * The log that a checkpoint names, among those that are known, once its key is seen to have signed it. The answered note
 * has the log's line only: others are no business of ours, and may be anything.
 * Throws BAD_FORMAT (400; extension lines too), NOT_FOUND (404), FORBIDDEN (403).
 */
export async function openShown<Log extends { readonly origin: string; readonly verifier: NoteVerifier }>(
  find: (origin: string) => Promise<Log | undefined> | Log | undefined,
  note: string,
): Promise<{ readonly log: Log; readonly tree: SignedTree }> {
  const { text } = parseNote(note);
  const { origin, size, root, extensions } = readCheckpoint(text);
  const log = await find(origin);
  if (log === undefined) throw new AssayError("NOT_FOUND", { what: `A log ${origin} among those watched here` });
  let lines: readonly string[];
  try {
    lines = (await openNote(note, [log.verifier])).verified.map(formatSignature);
  } catch (cause) {
    if (!isAssayError(cause, "BAD_FORMAT")) throw cause;
    throw new AssayError("FORBIDDEN", { reason: `the key of ${origin} did not sign this checkpoint` }, { cause });
  }
  if (extensions.length > 0)
    throw new AssayError("BAD_FORMAT", { what: "The checkpoint", reason: "it has extension lines" });
  return { log, tree: { origin, size, root, note: formatNote(text, lines) } };
}
