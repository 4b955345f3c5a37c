import {
  AssayError,
  bundleDocument,
  decodeUtf8,
  encodeUtf8,
  isAssayError,
  leafHash,
  openNote,
  parseBundle,
  parseCheckpoint,
  parseJson,
  parseRecord,
  verifier,
  verifyMany,
  MisbehaviourError,
  type BindRecord,
  type Bundle,
  type Checkpoint,
  type LogBundle,
  type Sha256,
} from "@assay/core";
import { maxBundleBytes } from "./log-client-effects.ts";
import type { TrustedLog } from "./trust.ts";

/** A checkpoint whose signature is good under a trusted key. Its relation to older ones is not yet known. */
export interface SignedCheckpoint {
  readonly log: TrustedLog;
  /** The signed note, byte for byte. */
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/** A bind that is in the tree of a signed checkpoint. */
export interface ProvenBind {
  readonly record: BindRecord;
  readonly index: number;
  readonly log: TrustedLog;
}

/** One shard's part of a bundle, proven. */
export interface OpenedBundle {
  readonly signed: SignedCheckpoint;
  readonly binds: readonly ProvenBind[];
}

/** A part that proves nothing, with why; `keys` are the `name@version` it spoke of. */
export interface RefusedBundle {
  readonly origin: string;
  readonly reason: string;
  readonly keys: readonly string[];
}

/** Reads the text of an `assay-bundle/v1` strictly. Throws BAD_FORMAT. */
export function readBundle(bytes: Uint8Array): Bundle {
  if (bytes.length > maxBundleBytes) throw refusal(`it is larger than ${maxBundleBytes} bytes`);
  const { value, duplicateKeys } = parseJson(decodeUtf8(bytes));
  const [twice] = duplicateKeys;
  if (twice !== undefined) throw refusal(`the member ${JSON.stringify(twice)} occurs twice`);
  return parseBundle(value);
}

/**
 * Proves one part of a bundle: one signature, then all records by one multiproof
 * (docs/formats/bundle.md). A part that fails is refused whole; nothing of it is used.
 *
 * Throws MisbehaviourError when the log itself signed a tree that binds one name@version twice.
 */
export async function openBundlePart(
  deps: { readonly sha256: Sha256; readonly trust: readonly TrustedLog[] },
  part: LogBundle,
): Promise<OpenedBundle | RefusedBundle> {
  try {
    const log = deps.trust.find(({ origin }) => origin === part.origin);
    if (log === undefined) throw refusal(`the log ${part.origin} is not trusted; pin its vkey to accept it`);
    const signed = await openCheckpoint(log, part.checkpoint);
    proveRecords(deps.sha256, signed.checkpoint, part);
    return { signed, binds: bindsOf(part, signed) };
  } catch (error) {
    if (!isBadInput(error)) throw error;
    return { origin: part.origin, reason: error.details.reason, keys: keysOf(part) };
  }
}

/** Checks the signature under the log's key, and that the checkpoint is of this log. Throws BAD_FORMAT. */
export async function openCheckpoint(log: TrustedLog, note: string): Promise<SignedCheckpoint> {
  const opened = await openNote(encodeUtf8(note), [await verifier(log.vkey)]);
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint.origin !== log.origin)
    throw refusal(`the checkpoint is of ${checkpoint.origin}, not of ${log.origin}`);
  if (checkpoint.extensions.length > 0)
    throw refusal("the checkpoint has extension lines, which this log never writes");
  return { log, note, checkpoint };
}

function isBadInput(
  error: unknown,
): error is AssayError<"BAD_FORMAT"> | AssayError<"BAD_NAME"> | AssayError<"BAD_VERSION"> {
  return isAssayError(error, "BAD_FORMAT") || isAssayError(error, "BAD_NAME") || isAssayError(error, "BAD_VERSION");
}

function proveRecords(sha256: Sha256, checkpoint: Checkpoint, part: LogBundle): void {
  const leaves = part.records.map(({ index, text }) => ({
    index,
    leafHash: leafHash(sha256, encodeUtf8(text)),
  }));
  const { size, root } = checkpoint;
  if (!verifyMany(sha256, { size, root, leaves, hashes: part.hashes }))
    throw refusal("its proof does not lead to the root that the log signed");
}

function bindsOf(part: LogBundle, signed: SignedCheckpoint): ProvenBind[] {
  const byKey = new Map<string, ProvenBind & { readonly text: string }>();
  for (const { index, text } of part.records) {
    const record = parseRecord(text);
    if (record.kind !== "bind") continue;
    const key = `${record.ns} ${record.name}@${record.version}`;
    const earlier = byKey.get(key);
    if (earlier !== undefined) {
      throw new MisbehaviourError(
        `The log ${signed.log.origin} binds ${record.name}@${record.version} twice, at ${earlier.index} and ${index}.`,
        {
          checkpoint: signed.note,
          first: `${earlier.index}\n${earlier.text}`,
          second: `${index}\n${text}`,
          bundle: JSON.stringify(bundleDocument({ bundles: [part], missing: [] })),
        },
      );
    }
    byKey.set(key, { record, index, text, log: signed.log });
  }
  return [...byKey.values()];
}

/** Best effort, for the report only. */
function keysOf(part: LogBundle): string[] {
  return part.records.flatMap(({ text }) => {
    const name = /^name (.*)$/m.exec(text)?.[1];
    const version = /^version (.*)$/m.exec(text)?.[1];
    return name === undefined || version === undefined ? [] : [`${name}@${version}`];
  });
}

function refusal(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The bundle", reason });
}
