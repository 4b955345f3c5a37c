import {
  encodeUtf8,
  formatNote,
  parseApproval,
  parseNote,
  parseVkey,
  signatureLine,
  toHex,
  type Approval,
} from "@assay/core";
import { createSystemRandom } from "../platform/system-random.ts";
import { createNoteKey, openNoteKey } from "../signing/signing.ts";

/**
 * Adds the signature of a key to a statement, or to a note with the signatures of others, whose lines are kept as
 * they are. The same key again changes nothing. Throws BAD_FORMAT, CONFIG.
 */
export async function approve(
  text: string,
  keyFile: string,
): Promise<{ readonly note: string; readonly approval: Approval; readonly vkey: string }> {
  const signer = await openNoteKey(keyFile);
  const isSigned = text.includes("\n\n");
  const statement = isSigned ? parseNote(text).text : text;
  const approval = parseApproval(statement);
  const { keyId } = parseVkey(signer.vkey);
  const isMine =
    isSigned && parseNote(text).signatures.some((line) => line.name === signer.name && line.keyIdHex === toHex(keyId));
  if (isMine) return { note: text, approval, vkey: signer.vkey };
  const line = signatureLine(signer.name, keyId, await signer.sign(encodeUtf8(statement)));
  return { note: isSigned ? `${text}${line}` : formatNote(statement, [line]), approval, vkey: signer.vkey };
}

/** Makes the key of an approver in a file of its own, and answers its vkey for `log.approvers`. Throws CONFIG, BAD_FORMAT. */
export async function createApproverKey(path: string, name: string): Promise<string> {
  return await createNoteKey({ random: createSystemRandom() }, path, name);
}
