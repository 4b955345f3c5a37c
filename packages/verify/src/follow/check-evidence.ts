import {
  AssayError,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  fromBase64,
  hashLength,
  isAssayError,
  isPlainObject,
  leafHash,
  parseBundle,
  parseFork,
  parseJson,
  parsePackageName,
  parsePolicy,
  parseRecord,
  parseTilePath,
  parseVersion,
  tileAt,
  tileWidth,
  verifier,
  verifyFork,
  verifyInclusion,
  type Sha256,
} from "@assay/core";
import { findDoubleBind, proveBundlePart } from "../bundle-opening.ts";
import { trustLog, type TrustedLog } from "../trust.ts";
import { differenceOf } from "./difference.ts";
import { noTileCache } from "./effects.ts";
import { evidenceFormat, evidenceKinds, type Evidence, type EvidenceKind } from "./evidence.ts";
import { parseLookup, readBind } from "./lookup.ts";
import { checkFresh, checkWitnessed } from "./policy.ts";
import { openCheckpoint } from "./signed-checkpoint.ts";
import type { TileDeps } from "./tile-chain.ts";
import { createProvenTree } from "./tree.ts";

/** What a second party finds. `convicts`: only the holder of the log's key can have made it. */
export type EvidenceVerdict =
  | { readonly holds: true; readonly convicts: boolean; readonly kind: EvidenceKind }
  | { readonly holds: false; readonly reason: string };

const maxEvidenceBytes = 32 * 1024 * 1024;

/** Reads an `assay-evidence/v1` document strictly; nothing is checked yet. Throws BAD_FORMAT. */
export function parseEvidence(bytes: Uint8Array): Evidence {
  if (bytes.length > maxEvidenceBytes) throw malformed(`it is larger than ${maxEvidenceBytes} bytes`);
  const { value, duplicateKeys } = parseJson(decodeUtf8(bytes));
  const [twice] = duplicateKeys;
  if (twice !== undefined) throw malformed(`the member ${JSON.stringify(twice)} occurs twice`);
  if (!isPlainObject(value)) throw malformed("it is not an object");
  const members = new Map<string, string>();
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== "string") throw malformed(`the member ${JSON.stringify(name)} is not a string`);
    members.set(name, member);
  }
  if (members.get("format") !== evidenceFormat) throw malformed(`its format is not ${evidenceFormat}`);
  const kind = members.get("kind") ?? "";
  if (!isKind(kind)) throw malformed(`its kind ${JSON.stringify(kind)} is not known here, so nothing follows from it`);
  const { required, optional } = evidenceKinds[kind];
  const known = new Set(["format", "kind", "vkey", "sentence", ...required, ...optional]);
  for (const name of members.keys()) {
    if (!known.has(name)) throw malformed(`evidence of kind ${kind} has no member ${JSON.stringify(name)}`);
  }
  const missing = ["vkey", "sentence", ...required].find((name) => !members.has(name));
  if (missing !== undefined) throw malformed(`the member ${missing} is missing`);
  const given = optional.filter((name) => members.has(name));
  if (given.length !== 0 && given.length !== optional.length) throw malformed(`${optional.join(", ")} belong together`);
  return Object.fromEntries(members);
}

/**
 * Checks evidence with nothing but the key that is in it; whether that is the right key is for the caller to say.
 * Throws BAD_FORMAT when a member cannot be read. Spec: docs/formats/evidence.md.
 */
export async function checkEvidence(deps: { readonly sha256: Sha256 }, evidence: Evidence): Promise<EvidenceVerdict> {
  const kind = evidence["kind"] ?? "";
  if (!isKind(kind)) throw malformed(`its kind ${JSON.stringify(kind)} is not known here`);
  const member = (name: string): string => evidence[name] ?? "";
  const log = trustLog(member("vkey"));
  const reason = await checks[kind]({ ...deps, log, member, has: (name) => evidence[name] !== undefined });
  if (reason !== undefined) return { holds: false, reason };
  return { holds: true, convicts: kind === "fork" || kind === "bound-twice", kind };
}

interface Case {
  readonly sha256: Sha256;
  readonly log: TrustedLog;
  readonly member: (name: string) => string;
  readonly has: (name: string) => boolean;
}

/** Each answers why the evidence does not hold; undefined: it holds. */
const checks: Readonly<Record<EvidenceKind, (evidence: Case) => Promise<string | undefined>>> = {
  async fork({ sha256, log, member }) {
    const fork = parseFork(member("fork"));
    return (await verifyFork(sha256, fork, await verifier(log.vkey)))
      ? undefined
      : "the two checkpoints are not signed by this key, or do not exclude each other";
  },

  async "bound-twice"({ sha256, log, member }) {
    const { value } = parseJson(member("bundle"));
    const [part, ...others] = parseBundle(value).bundles;
    if (part === undefined || others.length > 0) return "the bundle has not exactly one part";
    await proveBundlePart({ sha256, trust: [log] }, part);
    return findDoubleBind(part) === undefined ? "no two of its records bind one version" : undefined;
  },

  async "wrong-signature"({ log, member }) {
    return (await refusalOf(openCheckpoint(log, member("note")))) === undefined
      ? "the note is a checkpoint of this log, signed by its key"
      : undefined;
  },

  async "rolled-back"({ log, member }) {
    const shown = await openCheckpoint(log, member("shown"));
    const newest = await openCheckpoint(log, member("newest"));
    return shown.checkpoint.size < newest.checkpoint.size ? undefined : "what was shown is not smaller";
  },

  async unwitnessed({ log, member }) {
    const signed = await openCheckpoint(log, member("note"));
    const policy = { witnesses: parsePolicy(member("policy")), maxAgeSeconds: undefined };
    return (await refusalOf(checkWitnessed(policy, signed))) === undefined
      ? "its cosignatures satisfy the policy"
      : undefined;
  },

  async stalled({ log, member }) {
    const signed = await openCheckpoint(log, member("note"));
    const witnesses = parsePolicy(member("policy"));
    const maxAgeSeconds = readNumber(member("maxAgeSeconds"));
    const check = checkFresh({ witnesses, maxAgeSeconds }, signed, readNumber(member("observedAt")));
    return (await refusalOf(check)) === undefined ? "it was young enough when it was seen" : undefined;
  },

  async "wrong-tile"({ sha256, log, member }) {
    const signed = await openCheckpoint(log, member("checkpoint"));
    const tiles = readTiles(member("tiles"));
    const tile = parseTilePath(member("path"));
    const served = tiles.get(member("path"));
    if (tile === undefined || served === undefined) return "its tiles do not hold the path it speaks of";
    if (tile.kind === "hash" && served.length !== tile.width * hashLength) return undefined;
    const effects: TileDeps["effects"] = { ...noTileCache, fetchTile: async (_log, path) => tiles.get(path) };
    const tree = createProvenTree({ sha256, effects, memory: new Map() }, signed);
    const { size } = signed.checkpoint;
    const reading =
      tile.kind === "entries"
        ? tree.readEntries(tile.index)
        : tree.readTile(tileAt(size, "hash", tile.level, tile.index * tileWidth));
    return (await refusalOf(reading)) === undefined ? "the tile leads to the signed root" : undefined;
  },

  async "wrong-answer"({ sha256, log, member, has }) {
    const asked = readKey(member("asked"));
    const body = member("answer");
    if ((await refusalOf((async () => parseLookup(body))())) !== undefined) return undefined;
    const answer = parseLookup(body);
    if (answer.index >= (await openCheckpoint(log, answer.note)).checkpoint.size) return undefined;
    if ((await refusalOf((async () => readBind(log, { ...asked, body, answer }))())) !== undefined) return undefined;
    if (!has("proof")) return "the answer is a bind of what was asked";
    const { size, root } = (await openCheckpoint(log, member("checkpoint"))).checkpoint;
    const leaf = fromBase64(member("leafHash"));
    const claim = { size, root, index: answer.index, leafHash: leaf, proof: readHashes(member("proof")) };
    if (!verifyInclusion(sha256, claim)) return "the proof does not lead to the signed root";
    return equalBytes(leaf, leafHash(sha256, encodeUtf8(answer.text)))
      ? "the record is the entry at its index"
      : undefined;
  },

  async differs({ sha256, log, member }) {
    const { size, root } = (await openCheckpoint(log, member("checkpoint"))).checkpoint;
    const text = member("record");
    const index = readNumber(member("index"));
    const proof = readHashes(member("proof"));
    if (!verifyInclusion(sha256, { size, root, index, leafHash: leafHash(sha256, encodeUtf8(text)), proof }))
      return "the proof does not lead to the signed root";
    const record = parseRecord(text);
    if (record.kind !== "bind" && record.kind !== "supersede") return "the record binds nothing";
    const [integrity, tree, manifest] = [member("integrity"), member("tree"), member("manifest")];
    return differenceOf(record, { integrity, tree, manifest, size: readNumber(member("size")) }) === undefined
      ? "what was served is what the record says"
      : undefined;
  },
};

/** The refusal that this ends in; undefined when it succeeds. Other failures are thrown. */
async function refusalOf(work: Promise<unknown>): Promise<AssayError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isAssayError(error, "LOG_REFUSED") || isAssayError(error, "BAD_FORMAT")) return error;
    throw error;
  }
}

function readHashes(lines: string): Uint8Array[] {
  return splitLines(lines).map((line) => fromBase64(line));
}

function readTiles(lines: string): ReadonlyMap<string, Uint8Array> {
  return new Map(
    splitLines(lines).map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), fromBase64(line.slice(space + 1))] as const;
    }),
  );
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw malformed("a list does not end in a line feed");
  return lines;
}

function readNumber(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) throw malformed(`${JSON.stringify(text.slice(0, 20))} is no number`);
  return Number(text);
}

function readKey(text: string): {
  readonly name: ReturnType<typeof parsePackageName>;
  readonly version: ReturnType<typeof parseVersion>;
} {
  const at = text.lastIndexOf("@");
  return { name: parsePackageName(text.slice(0, at)), version: parseVersion(text.slice(at + 1)) };
}

function isKind(text: string): text is EvidenceKind {
  return Object.hasOwn(evidenceKinds, text);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The evidence", reason });
}
