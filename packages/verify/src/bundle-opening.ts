import {
  AssayError,
  bundleDocument,
  decodeUtf8,
  encodeUtf8,
  isAssayError,
  leafHash,
  parseBundle,
  parseJson,
  parseRecord,
  verifyMany,
  type BindRecord,
  type Bundle,
  type LogBundle,
  type Sha256,
} from "@assay/core";
import { maxBundleBytes } from "./log-client-effects.ts";
import { misbehaviour } from "./follow/evidence.ts";
import { openCheckpoint, type SignedCheckpoint } from "./follow/signed-checkpoint.ts";
import type { TrustedLog } from "./trust.ts";

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
    const signed = await proveBundlePart(deps, part);
    const double = findDoubleBind(part);
    if (double !== undefined) throw boundTwice(signed.log, part, double);
    return { signed, binds: placedBinds(part).map((bind) => ({ ...bind, log: signed.log })) };
  } catch (error) {
    if (!isBadInput(error)) throw error;
    return { origin: part.origin, reason: error.details.reason, keys: keysOf(part) };
  }
}

function isBadInput(
  error: unknown,
): error is AssayError<"BAD_FORMAT"> | AssayError<"BAD_NAME"> | AssayError<"BAD_VERSION"> {
  return isAssayError(error, "BAD_FORMAT") || isAssayError(error, "BAD_NAME") || isAssayError(error, "BAD_VERSION");
}

/** Proves that all records are in the tree that the part's log signed, by a trusted key. Throws BAD_FORMAT. */
export async function proveBundlePart(
  deps: { readonly sha256: Sha256; readonly trust: readonly TrustedLog[] },
  part: LogBundle,
): Promise<SignedCheckpoint> {
  const { sha256 } = deps;
  const log = deps.trust.find(({ origin }) => origin === part.origin);
  if (log === undefined) throw refusal(`the log ${part.origin} is not trusted; pin its vkey to accept it`);
  const signed = await openCheckpoint(log, part.checkpoint);
  const leaves = part.records.map(({ index, text }) => ({ index, leafHash: leafHash(sha256, encodeUtf8(text)) }));
  const { size, root } = signed.checkpoint;
  if (!verifyMany(sha256, { size, root, leaves, hashes: part.hashes }))
    throw refusal("its proof does not lead to the root that the log signed");
  return signed;
}

/** Two records of a part that bind one name@version; undefined when there are none. */
export function findDoubleBind(part: LogBundle): readonly [PlacedBind, PlacedBind] | undefined {
  const byKey = new Map<string, PlacedBind>();
  for (const bind of placedBinds(part)) {
    const { ns, name, version } = bind.record;
    const key = `${ns} ${name}@${version}`;
    const earlier = byKey.get(key);
    if (earlier !== undefined) return [earlier, bind];
    byKey.set(key, bind);
  }
  return undefined;
}

interface PlacedBind {
  readonly record: BindRecord;
  readonly index: number;
}

function placedBinds(part: LogBundle): PlacedBind[] {
  return part.records.flatMap(({ index, text }) => {
    const record = parseRecord(text);
    return record.kind === "bind" ? [{ record, index }] : [];
  });
}

function boundTwice(log: TrustedLog, part: LogBundle, [first, second]: readonly [PlacedBind, PlacedBind]): Error {
  const { name, version } = first.record;
  const sentence = `The log ${log.origin} binds ${name}@${version} twice, at ${first.index} and ${second.index}.`;
  const bundle = JSON.stringify(bundleDocument({ bundles: [part], missing: [] }));
  return misbehaviour("bound-twice", log, sentence, { bundle });
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
