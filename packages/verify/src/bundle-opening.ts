import {
  AssayError,
  bundleDocument,
  decodeUtf8,
  encodeUtf8,
  isAssayError,
  leafHash,
  namesSuccessor,
  parseBundle,
  parseJson,
  parseRecord,
  verifyMany,
  type BindRecord,
  type Bundle,
  type LogBundle,
  type LogRecord,
  type Sha256,
  type WitnessedBy,
} from "@assay/core";
import { maxBundleBytes } from "./log-client-effects.ts";
import { evidenceIn, misbehaviour, type Evidence } from "./follow/evidence.ts";
import { checkWitnessed, quorumOf } from "./follow/policy.ts";
import { openCheckpoint, type SignedCheckpoint } from "./follow/signed-checkpoint.ts";
import type { TileDeps } from "./follow/tile-chain.ts";
import { checkAge, type CheckpointAge } from "./freshness.ts";
import type { ProvenStatement } from "./standing.ts";
import type { TrustedLog, TrustPolicy } from "./trust.ts";

/** One shard's part of a bundle, proven. */
export interface OpenedBundle {
  readonly signed: SignedCheckpoint;
  readonly statements: readonly ProvenStatement[];
  /** Who cosigned the checkpoint, of the policy's witnesses. */
  readonly cosignatures: readonly WitnessedBy[];
  readonly age: CheckpointAge | undefined;
  /** Origin of the shard that the log goes on in; undefined while this one is open, or its end is not in the part. */
  readonly successor: string | undefined;
}

/** A part that proves nothing, with why; `keys` are the `name@version` it spoke of. */
export interface RefusedBundle {
  readonly origin: string;
  readonly reason: string;
  readonly keys: readonly string[];
  /** What a second party can check of it; undefined where there is nothing to show. */
  readonly evidence: Evidence | undefined;
}

/** What opening a part needs. `tiles` undefined: offline, nothing is fetched. */
export interface OpeningDeps {
  readonly sha256: Sha256;
  readonly policy: Pick<TrustPolicy, "logs" | "witnesses" | "maxAgeSeconds">;
  readonly nowSeconds: number;
  readonly tiles: TileDeps | undefined;
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
 * Proves one part of a bundle: one signature, then all records by one multiproof (docs/formats/bundle.md), then the
 * cosignatures and the age that the policy asks for. A part that fails is refused whole; nothing of it is used.
 *
 * Throws MisbehaviourError when the log itself signed a tree that binds one name@version twice.
 */
export async function openBundlePart(deps: OpeningDeps, part: LogBundle): Promise<OpenedBundle | RefusedBundle> {
  const { sha256, policy, nowSeconds, tiles } = deps;
  try {
    const signed = await proveBundlePart({ sha256, trust: policy.logs }, part);
    const records = recordsOf(part);
    const double = doubleBindIn(records);
    if (double !== undefined) throw boundTwice(signed.log, part, double);
    const statements = statementsIn(records).map((each) => ({ ...each, log: signed.log }));
    await checkWitnessed(policy, signed);
    const { cosignatures } = await quorumOf(policy.witnesses, signed);
    const last = records.find(({ index }) => index === signed.checkpoint.size - 1)?.record;
    const successor = namesSuccessor(last) ? last.origin : undefined;
    const known = { cosignatures, recordTimes: timesIn(records), hasEnded: successor !== undefined };
    const age = await checkAge({ policy, nowSeconds, tiles }, signed, known);
    return { signed, statements, cosignatures, age, successor };
  } catch (error) {
    if (isBadInput(error)) return refusedPart(part, error.details.reason);
    if (isAssayError(error, "LOG_REFUSED")) return refusedPart(part, error.details.reason, evidenceIn(error));
    throw error;
  }
}

function refusedPart(part: LogBundle, reason: string, evidence?: Evidence): RefusedBundle {
  return { origin: part.origin, reason, keys: keysOf(part), evidence };
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

/** Two records of a part that bind one name@version; undefined when there are none. Throws BAD_FORMAT on one that is no record. */
export function findDoubleBind(part: LogBundle): readonly [PlacedBind, PlacedBind] | undefined {
  return doubleBindIn(recordsOf(part));
}

interface Placed<R extends LogRecord> {
  readonly record: R;
  readonly index: number;
}

type PlacedBind = Placed<BindRecord>;

function recordsOf(part: LogBundle): Placed<LogRecord>[] {
  return part.records.map(({ index, text }) => ({ record: parseRecord(text), index }));
}

function doubleBindIn(records: readonly Placed<LogRecord>[]): readonly [PlacedBind, PlacedBind] | undefined {
  const byKey = new Map<string, PlacedBind>();
  for (const { record, index } of records) {
    if (record.kind !== "bind") continue;
    const key = `${record.ns} ${record.name}@${record.version}`;
    const earlier = byKey.get(key);
    if (earlier !== undefined) return [earlier, { record, index }];
    byKey.set(key, { record, index });
  }
  return undefined;
}

/** The records that say what a version is. */
function statementsIn(records: readonly Placed<LogRecord>[]): Omit<ProvenStatement, "log">[] {
  return records.flatMap(({ record, index }) =>
    record.kind === "bind" || record.kind === "supersede" ? [{ record, index }] : [],
  );
}

function timesIn(records: readonly Placed<LogRecord>[]): number[] {
  return records.flatMap(({ record }) => (record.kind === "unknown" ? [] : [record.time]));
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
