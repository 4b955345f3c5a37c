import type { PackageName, Version } from "@assay/core";
import type { TrustedLog } from "../trust.ts";

/** Where the newest verified checkpoint of each log is kept. What it answers is trusted as far as its signature. */
export interface CheckpointState {
  /** The newest signed checkpoint that was verified for this vkey, byte for byte; undefined when there is none. */
  readCheckpoint(vkey: string): Promise<string | undefined>;

  /**
   * Replaces the stored checkpoint if it still is `previous`, durably; false when it is not. Atomic over
   * processes: of two swaps from one value one wins.
   */
  swapCheckpoint(vkey: string, previous: string | undefined, next: string): Promise<boolean>;
}

/** Where a log's tiles come from, and where authenticated ones are kept. Nothing it answers is trusted. */
export interface TileSource {
  /**
   * A tile or entry bundle of a log by its path below the log's URL (`tile/0/x001/234.p/5`), at most
   * `maxTileBytes` or `maxEntriesBytes`; undefined when there is none. Throws LOG_UNAVAILABLE.
   */
  fetchTile(log: TrustedLog, path: string): Promise<Uint8Array | undefined>;

  /** A tile that was written before; undefined when there is none. What it answers is authenticated again. */
  readTile(vkey: string, path: string): Promise<Uint8Array | undefined>;

  /** Keeps a tile that was authenticated. Losing it costs a download, nothing else. */
  writeTile(vkey: string, path: string, bytes: Uint8Array): Promise<void>;
}

/** Everything a follower does to the outside world. Failures throw LOG_UNAVAILABLE; misbehaviour is never retried. */
export interface FollowEffects extends CheckpointState, TileSource {
  /** The log's newest signed checkpoint, at most `maxNoteBytes`. */
  fetchCheckpoint(log: TrustedLog): Promise<string>;

  /** `lookup/<name>@<version>`, which makes the log fetch and bind what it has not bound yet. */
  fetchLookup(log: TrustedLog, name: PackageName, version: Version): Promise<LookupAnswer>;

  /** Whole seconds since 1970. */
  nowSeconds(): number;

  /** Resolves after this many milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** `answered`: the body of a 200. `refused`: the log said no with this status and one line. */
export type LookupAnswer =
  | { readonly outcome: "answered"; readonly body: string }
  | { readonly outcome: "refused"; readonly status: number; readonly reason: string };

/** Bytes of a full tile of hashes. */
export const maxTileBytes = 8_192;
/** 256 records of 4,096 bytes, each with its length in two. */
export const maxEntriesBytes: number = 256 * (4_096 + 2);
/** A record and a checkpoint with its signatures. */
export const maxLookupBytes: number = 1_048_576;

/** A tile source that keeps nothing: for one-off checks. */
export const noTileCache: Pick<TileSource, "readTile" | "writeTile"> = {
  readTile: async () => undefined,
  writeTile: async () => {},
};
