/** What is in archives, for who looks at stages again and again: their bytes never change. */
import { AssayError, integrityHex, type Integrity } from "@assay/core";
import { createTarballWriter } from "../../admission/admission.ts";
import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { ListedFile } from "./compare.ts";
import { listFiles, listFilesTask } from "./list-archive.ts";

export interface ArchiveLists {
  /** The files of a stored tarball. However many ask at once, it is read once. Throws BLOB_CORRUPT when it is not stored. */
  of(integrity: Integrity): Promise<readonly ListedFile[]>;
}

type ListDeps = Pick<PublishingDeps, "blobs" | "spool" | "workers">;

/** Archives up to this many bytes take less time than the way to a thread. */
const inlineBytes = 64 * 1024;
/** Remembered of all archives, some 20 MB; of which nobody has asked for longest is forgotten first. */
const mostFiles = 50_000;
/** An archive counts as so many files at least: it is remembered by something. */
const fewestFiles = 50;

export function createArchiveLists(deps: ListDeps, limits: ArchiveLimits, most = mostFiles): ArchiveLists {
  /** In the order of the last use; `files` is 0 while it is read. */
  const lists = new Map<Integrity, { readonly list: Promise<readonly ListedFile[]>; files: number }>();
  let files = 0;

  function forget(integrity: Integrity): void {
    files -= lists.get(integrity)?.files ?? 0;
    lists.delete(integrity);
  }

  async function read(integrity: Integrity): Promise<readonly ListedFile[]> {
    const entry = { list: readFiles(deps, integrity, limits), files: 0 };
    lists.set(integrity, entry);
    try {
      const list = await entry.list;
      entry.files = Math.max(list.length, fewestFiles);
      files += entry.files;
      for (const [oldest, { files: size }] of lists) {
        if (files <= most) break;
        if (size > 0) forget(oldest);
      }
      return list;
    } catch (error) {
      forget(integrity);
      throw error;
    }
  }

  return {
    async of(integrity) {
      const known = lists.get(integrity);
      if (known === undefined) return await read(integrity);
      lists.delete(integrity);
      lists.set(integrity, known);
      return await known.list;
    },
  };
}

async function readFiles(
  { blobs, spool, workers }: ListDeps,
  integrity: Integrity,
  limits: ArchiveLimits,
): Promise<readonly ListedFile[]> {
  const key = blobKey("tarball", "sha512", integrityHex(integrity));
  const blob = await blobs.open(key);
  if (blob === undefined) throw new AssayError("BLOB_CORRUPT", { key, reason: "it is not stored" });
  const writer = createTarballWriter(spool, blob.sizeBytes);
  try {
    for await (const chunk of blob.stream as AsyncIterable<Uint8Array>) await writer.write(chunk);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  await using bytes = await writer.finish();
  const input = { source: bytes.blob, sizeBytes: bytes.sizeBytes, limits };
  return await (bytes.sizeBytes <= inlineBytes ? listFiles(input) : workers.run(listFilesTask, input));
}
