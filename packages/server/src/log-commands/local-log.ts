import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  AssayError,
  encodeUtf8,
  formatTlogProof,
  logIndex,
  namesSuccessor,
  parseRecord,
  toBase64,
  type PackageName,
  type Version,
} from "@assay/core";
import { createChecksums, type LogDescription } from "../checksums/checksums.ts";
import { organisationOfLog } from "../checksums/log-ids.ts";
import { entriesBetween } from "../checksums/store.ts";
import { isVisible } from "../checksums/shard-list.ts";
import { isSequenced } from "../checksums/start.ts";
import { headOf, listShards } from "../checksums/store-shards.ts";
import type { LoadedConfig } from "../config/load.ts";
import { openStorage, type Storage, type StorageOptions } from "../storage.ts";

/** The log of an installation as it lies there, for commands that read it; safe beside a running server. */
export interface LocalLog extends AsyncDisposable {
  /** Newest first, as of now. */
  shards(): Promise<readonly LocalShard[]>;
  /** The signed tree of a shard now, by whoever sequences it; `root` is base64. */
  head(shard: string): Promise<{ readonly size: number; readonly root: string }>;
  /** Signed records [from, to) in order. */
  records(shard: string, from: number, to: number): AsyncGenerator<LocalRecord, void, undefined>;
  /** Every place in the lineage that binds or supersedes a release, oldest first in each shard. Never binds. */
  placesOf(name: PackageName, version: Version): Promise<readonly LocalPlace[]>;
  /** A record and its tlog-proof; undefined outside the signed tree. */
  prove(place: LocalPlace): Promise<{ readonly text: string; readonly proof: string } | undefined>;
}

export type LocalShard = Pick<LogDescription, "shard" | "origin" | "vkey" | "state" | "visibility">;

export interface LocalPlace {
  readonly shard: string;
  readonly index: number;
}

export interface LocalRecord {
  readonly index: number;
  readonly text: string;
}

/** Rows read at a time. */
const pageSize = 1024;

/**
 * Opens what is stored, making nothing. Throws CONFIG where there is nothing, or no log of its own.
 */
export async function openStored(loaded: LoadedConfig, options: StorageOptions): Promise<Storage> {
  const { config } = loaded;
  const path = join(config.dataFolder, "assay.db");
  // Opening would make it.
  if (config.database.engine === "sqlite" && !existsSync(path))
    throw new AssayError("CONFIG", {
      reason: `Nothing is stored in ${config.dataFolder}; name the right folder with --data, or another registry with --url.`,
    });
  const storage = await openStorage(loaded, options);
  if ((await listShards(storage.database.read)).length > 0) return storage;
  await storage[Symbol.asyncDispose]();
  throw new AssayError("CONFIG", {
    reason: `There is no log in ${config.dataFolder}; the one that is followed is read with --url.`,
  });
}

/** Throws CONFIG as `openStored`, and what `createChecksums` throws when the log is not sound. */
export async function openLocalLog(
  loaded: LoadedConfig,
  options: StorageOptions & { readonly signal: AbortSignal; readonly log: string },
): Promise<LocalLog> {
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await openStored(loaded, options));
  const { read } = storage.database;
  const { guardFolder, visibility, originBase } = loaded.config.log;
  const organisation = organisationOfLog(options.log);
  // One log is read: of what the names are outside of it does not matter.
  const organisationOf = (): string | undefined => organisation;
  const checksums = await createChecksums(
    { ...storage, organisationOf },
    {
      guardFolder,
      visibility,
      originBase,
      isFollowed: loaded.config.checksums !== undefined,
    },
  );
  const opened = stack.move();
  const head = async (shard: string): Promise<{ readonly size: number; readonly root: string }> => {
    const row = await headOf(read, shard);
    if (row === undefined) throw new AssayError("NOT_FOUND", { what: `A log ${shard}` });
    return { size: row.size, root: toBase64(row.root) };
  };
  return {
    async shards() {
      const shards = await listShards(read);
      return shards
        .filter((shard) => shard.log === options.log && isVisible(shard))
        .map((shard) => ({
          shard: shard.id,
          origin: shard.origin,
          vkey: shard.vkey,
          state: isSequenced(shard) ? "open" : "frozen",
          visibility: shard.visibility,
        }));
    },

    head,

    async *records(shard, from, to) {
      const end = Math.min(to, (await head(shard)).size);
      for (let start = from; start < end; start += pageSize)
        for (const { idx, record } of await entriesBetween(read, shard, start, Math.min(end, start + pageSize)))
          yield { index: idx, text: record };
    },

    async placesOf(name, version) {
      const { bundles } = await checksums.logs.bundle(undefined, [{ name, version }], options.signal);
      const shardOf = new Map(
        [...checksums.logs.list(), ...checksums.logs.listHosted()].map(({ origin, shard }) => [origin, shard]),
      );
      return bundles
        .toReversed()
        .flatMap(({ origin, records }) =>
          records
            .filter(({ text }) => !namesSuccessor(parseRecord(text)))
            .map(({ index }) => ({ shard: shardOf.get(origin) ?? "", index })),
        );
    },

    async prove({ shard, index }) {
      const proven = await checksums.browser.record(shard, index);
      if (proven === undefined) return undefined;
      const { text, checkpoint, path } = proven;
      const proof = path.map(({ hash }) => hash);
      return { text, proof: formatTlogProof({ extra: encodeUtf8(text), index: logIndex(index), proof, checkpoint }) };
    },

    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
