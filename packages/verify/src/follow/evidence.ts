import { AssayError, MisbehaviourError, isAssayError, tilePath, toBase64, type TileCoordinates } from "@assay/core";
import type { TrustedLog } from "../trust.ts";

/** The value of `format`. Spec: docs/formats/evidence.md. */
export const evidenceFormat = "assay-evidence/v1";

/** What each kind holds besides `format`, `kind`, `vkey` and `sentence`; `optional` members come together or not at all. */
export const evidenceKinds: Readonly<
  Record<EvidenceKind, { readonly required: readonly string[]; readonly optional: readonly string[] }>
> = {
  fork: { required: ["fork"], optional: [] },
  "bound-twice": { required: ["bundle"], optional: [] },
  "wrong-signature": { required: ["note"], optional: [] },
  "rolled-back": { required: ["shown", "newest"], optional: [] },
  unwitnessed: { required: ["note", "policy"], optional: [] },
  stalled: { required: ["note", "policy", "maxAgeSeconds", "observedAt"], optional: [] },
  "wrong-tile": { required: ["checkpoint", "path", "tiles"], optional: [] },
  "wrong-answer": { required: ["asked", "answer"], optional: ["checkpoint", "leafHash", "proof"] },
  differs: {
    required: ["record", "index", "checkpoint", "proof", "source", "integrity", "tree", "manifest", "size"],
    optional: [],
  },
};

/** The first two convict the log's key; the others show what somebody served. */
export type EvidenceKind =
  | "fork"
  | "bound-twice"
  | "wrong-signature"
  | "rolled-back"
  | "unwitnessed"
  | "stalled"
  | "wrong-tile"
  | "wrong-answer"
  | "differs";

/** An `assay-evidence/v1` document: every member is a string. */
export type Evidence = Readonly<Record<string, string>>;

/** The document of one kind. */
export function evidenceOf(
  kind: EvidenceKind,
  log: Pick<TrustedLog, "vkey">,
  sentence: string,
  members: Readonly<Record<string, string>>,
): Evidence {
  return { format: evidenceFormat, kind, vkey: log.vkey, sentence, ...members };
}

/** Proof against the key of a log, with the members that docs/formats/evidence.md names for the kind. */
export function misbehaviour(
  kind: "fork" | "bound-twice",
  log: TrustedLog,
  sentence: string,
  members: Readonly<Record<string, string>>,
): MisbehaviourError {
  return new MisbehaviourError(sentence, evidenceOf(kind, log, sentence, members));
}

/** A refusal of what was served, with the evidence for it. `reason` completes "The log … is refused: …". */
export function refused(
  kind: Exclude<EvidenceKind, "fork" | "bound-twice">,
  log: TrustedLog,
  reason: string,
  members: Readonly<Record<string, string>>,
  cause?: unknown,
): AssayError<"LOG_REFUSED"> {
  const evidence = evidenceOf(kind, log, reason, members);
  return new AssayError("LOG_REFUSED", { origin: log.origin, kind, reason, evidence }, { cause });
}

/** Hashes as a member: base64, one a line. */
export function hashLines(hashes: readonly Uint8Array[]): string {
  return hashes.map((hash) => `${toBase64(hash)}\n`).join("");
}

/** Tiles as a member: `<path> <base64>`, one a line. */
export function tileLines(tiles: readonly { readonly tile: TileCoordinates; readonly bytes: Uint8Array }[]): string {
  return tiles.map(({ tile, bytes }) => `${tilePath(tile)} ${toBase64(bytes)}\n`).join("");
}

/** The evidence that an error carries; undefined when it carries none. */
export function evidenceIn(error: unknown): Evidence | undefined {
  if (error instanceof MisbehaviourError) return error.evidence;
  return isAssayError(error, "LOG_REFUSED") ? error.details.evidence : undefined;
}
