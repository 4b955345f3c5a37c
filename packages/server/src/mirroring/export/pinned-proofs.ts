import { hash } from "node:crypto";
import {
  AssayError,
  parseCheckpoint,
  parseNote,
  proveMany,
  tileHashReader,
  tilePath,
  toBase64,
  type Sha256,
} from "@assay/core";
import type { BundleRequestEntry, BundleResponse, Checksums } from "../../checksums/checksums.ts";
import type { ExportedLog } from "../export-format.ts";

const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

/** Bundles that all speak of the same trees, however the logs grow meanwhile. */
export interface PinnedProofs {
  readonly logs: readonly ExportedLog[];
  /** Everything that the logs say of the entries, all of which are bound. Throws NOT_READY when one has no place yet. */
  bundle(entries: readonly BundleRequestEntry[], signal: AbortSignal): Promise<BundleResponse>;
}

/** Fixes each log at its newest checkpoint. What is bound later is not in it. */
export function pinProofs({ logs }: Pick<Checksums, "logs">): PinnedProofs {
  const pinned = new Map(
    logs.list().flatMap(({ origin, shard, vkey }) => {
      const checkpoint = logs.checkpoint(shard);
      return checkpoint === undefined ? [] : [[origin, { origin, shard, vkey, checkpoint }] as const];
    }),
  );

  type Part = BundleResponse["bundles"][number];

  /** The records of a part, proven in the pinned tree instead of the newest. */
  async function proveAgain(part: Part): Promise<Part> {
    const log = pinned.get(part.origin);
    if (log === undefined) throw notCovered();
    if (log.checkpoint === part.checkpoint) return part;
    const { size } = parseCheckpoint(parseNote(log.checkpoint).text);
    const indexes = part.records.map(({ index }) => index);
    if (indexes.some((index) => index >= size)) throw notCovered();
    const reader = tileHashReader(sha256, size, (tile) => logs.tile(log.shard, tilePath(tile)));
    const hashes = await proveMany(sha256, size, indexes, reader);
    return { ...part, checkpoint: log.checkpoint, hashes: hashes.map(toBase64) };
  }

  return {
    logs: [...pinned.values()].map(({ origin, vkey, checkpoint }) => ({ origin, vkey, checkpoint })),
    async bundle(entries, signal) {
      const { format, bundles, missing } = await logs.bundle(undefined, entries, signal);
      if (missing.length > 0) throw notCovered();
      const proven: Part[] = [];
      for (const part of bundles) proven.push(await proveAgain(part));
      return { format, bundles: proven, missing };
    },
  };
}

function notCovered(): AssayError<"NOT_READY"> {
  return new AssayError("NOT_READY", {
    reason: "a release was bound while the export was made; run it again",
    retryAfterSeconds: 1,
  });
}
