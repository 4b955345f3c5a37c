import {
  AssayError,
  encodeUtf8,
  equalBytes,
  isAssayError,
  leafHash,
  logIndex,
  parseRecord,
  proveInclusion,
  toBase64,
  type KnownRecord,
  type LogIndex,
  type PackageName,
  type Sha256,
  type Version,
} from "@assay/core";
import { hashLines, refused } from "./evidence.ts";
import type { TrustedLog } from "../trust.ts";
import type { ProvenTree } from "./tree.ts";

/** A lookup's answer, read and not yet believed. Spec: docs/formats/lookup.md. */
export interface LookupBody {
  readonly index: LogIndex;
  readonly text: string;
  /** The signed checkpoint, verbatim. */
  readonly note: string;
}

/** A record that says what a name@version is: its bind, or what superseded that. */
export type StandingRecord = Extract<KnownRecord, { readonly kind: "bind" | "supersede" }>;

/** What was looked up, and is in the newest proven tree of its log. */
export interface LookedUp {
  readonly index: LogIndex;
  readonly text: string;
  readonly record: StandingRecord;
  readonly tree: ProvenTree;
}

/**
 * Splits `<index>LF<record text>LF<signed checkpoint>`; the record ends in its own LF, so a blank line follows it.
 * Throws BAD_FORMAT.
 */
export function parseLookup(body: string): LookupBody {
  const lineEnd = body.indexOf("\n");
  const index = /^(?:0|[1-9][0-9]{0,15})$/.test(body.slice(0, Math.max(lineEnd, 0)))
    ? Number(body.slice(0, lineEnd))
    : -1;
  if (!Number.isSafeInteger(index) || index < 0) throw malformed("its first line is not an index");
  // A record has no blank line, so the first one is where it ends.
  const recordEnd = body.indexOf("\n\n", lineEnd);
  if (recordEnd === -1) throw malformed("no blank line ends its record");
  return {
    index: logIndex(index),
    text: body.slice(lineEnd + 1, recordEnd + 1),
    note: body.slice(recordEnd + 2),
  };
}

/** What was asked and what came, to be held against a tree. */
export interface LookupToProve {
  readonly name: PackageName;
  readonly version: Version;
  /** The body, verbatim. */
  readonly body: string;
  readonly answer: LookupBody;
}

/**
 * Proves that the answer's record says what was asked for is, and entry `index` of this tree.
 * Throws LOG_REFUSED (`wrong-answer`).
 */
export async function proveLookup(
  deps: { readonly sha256: Sha256 },
  tree: ProvenTree,
  asked: LookupToProve,
): Promise<LookedUp> {
  const { sha256 } = deps;
  const { index, text } = asked.answer;
  const { log, note, checkpoint } = tree.signed;
  const record = readBind(log, asked);
  if (index >= checkpoint.size)
    throw wrongAnswer(log, asked, `its answer says entry ${index}, and its tree has only ${checkpoint.size}`);
  const expected = await tree.leafHash(index);
  if (!equalBytes(expected, leafHash(sha256, encodeUtf8(text)))) {
    const proof = await proveInclusion(sha256, checkpoint.size, index, tree.hashes);
    throw wrongAnswer(log, asked, `the record in its answer is not entry ${index} of its tree`, {
      checkpoint: note,
      leafHash: toBase64(expected),
      proof: hashLines(proof),
    });
  }
  return { index, text, record, tree };
}

/** A refusal of a lookup's answer, with the answer as evidence. */
export function wrongAnswer(
  log: TrustedLog,
  asked: Pick<LookupToProve, "name" | "version" | "body">,
  reason: string,
  members: Readonly<Record<string, string>> = {},
): AssayError<"LOG_REFUSED"> {
  const { name, version, body } = asked;
  const all = { asked: `${name}@${version}`, answer: body, ...members };
  return refused("wrong-answer", log, `asked for ${name}@${version}, ${reason}`, all);
}

/** The bind in an answer, or what superseded it, of what was asked. Throws LOG_REFUSED (`wrong-answer`). */
export function readBind(log: TrustedLog, asked: LookupToProve): StandingRecord {
  const record = readRecord(log, asked);
  if (record.kind !== "bind" && record.kind !== "supersede")
    throw wrongAnswer(log, asked, "it answers a record that binds nothing");
  if (record.name !== asked.name || record.version !== asked.version)
    throw wrongAnswer(log, asked, `it answers the record of ${record.name}@${record.version}`);
  return record;
}

function readRecord(log: TrustedLog, asked: LookupToProve): ReturnType<typeof parseRecord> {
  try {
    return parseRecord(asked.answer.text);
  } catch (error) {
    if (!isAssayError(error)) throw error;
    throw wrongAnswer(log, asked, `its answer holds no record (${error.message.replace(/\.$/, "")})`);
  }
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A lookup's answer", reason });
}
