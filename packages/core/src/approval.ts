import { toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { readFields, textLines, writeFields } from "./field-lines.ts";
import { openNote } from "./note.ts";
import { verifier } from "./note-verifier.ts";
import { parseKeyName, parseReason } from "./record-fields.ts";
import { parseIntegrity } from "./integrity.ts";
import { recordFields } from "./record-kinds.ts";
import type { SupersedeRecord } from "./record-kinds.ts";
import type { Integrity } from "./names.ts";
import { parseVkey, signatureType } from "./vkey.ts";

/** What people sign before a bind is replaced. Spec: docs/formats/approval.md. */
export interface Approval extends Omit<SupersedeRecord, "kind" | "approval" | "seq" | "prev" | "time" | "nonce"> {
  /** Origin of the shard that holds the record that is replaced. */
  readonly log: string;
  /** The integrity that the replaced record fixed. */
  readonly from: Integrity;
  /** Why, one line; `-` for none. */
  readonly reason: string;
}

/** Longest statement, in bytes of UTF-8. */
export const maxApprovalBytes = 8192;

const firstLine = "assay-supersede/v1";
const { ns, name, version, supersedes, integrity, tree, manifest, size, source, signer } = recordFields.supersede;
const fields = {
  log: parseKeyName,
  ns,
  name,
  version,
  supersedes,
  from: parseIntegrity,
  integrity,
  tree,
  manifest,
  size,
  source,
  signer,
  reason: parseReason,
};

/** The text that approvers sign; ends in LF. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. */
export function formatApproval(approval: Approval): string {
  const text = `${firstLine}\n${writeFields(fields, approval)}`;
  parseApproval(text);
  return text;
}

/** Inverse of `formatApproval`. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. */
export function parseApproval(text: string): Approval {
  const [first, ...lines] = textLines("An approval", text, maxApprovalBytes);
  if (first !== firstLine) throw refused(`its first line is not ${firstLine}`);
  return readFields("An approval", fields, lines) as unknown as Approval;
}

/**
 * Opens a signed approval: at least `needed` of the approvers signed it, and none of them badly. Answers what it
 * says and who signed, by key name. Two vkeys with one public key are one approver.
 *
 * Throws BAD_FORMAT (a bad signature, too few, a malformed text), BAD_NAME or BAD_VERSION.
 */
export async function openApproval(
  note: string,
  approvers: readonly string[],
  needed: number,
): Promise<{ readonly approval: Approval; readonly approvedBy: readonly string[] }> {
  const keys = approvers.map((vkey) => ({ vkey, ...parseVkey(vkey) }));
  if (keys.some(({ type }) => type !== signatureType.ed25519)) throw refused("an approver's key is not of type 0x01");
  const opened = await openNote(note, await Promise.all(approvers.map(verifier)));
  const people = new Map<string, string>();
  for (const key of keys) {
    const isSigner = opened.verified.some(({ name: by, keyIdHex }) => key.vkey.startsWith(`${by}+${keyIdHex}+`));
    if (isSigner) people.set(toBase64(key.publicKey), key.name);
  }
  if (needed < 1 || people.size < needed) {
    throw refused(`${people.size} of the ${needed} approvers that are needed signed it`);
  }
  return { approval: parseApproval(opened.text), approvedBy: [...people.values()] };
}

function refused(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "An approval", reason });
}
