import { chunksOf, listArchive, type ArchiveLimits } from "../../admission/inspect-archive.ts";
import type { BlobSource } from "../../platform/blobs/blobs.ts";
import type { WorkerTask } from "../../platform/workers/workers.ts";
import type { ListedFile } from "./compare.ts";

export interface ListInput {
  readonly source: BlobSource;
  readonly sizeBytes: number;
  readonly limits: ArchiveLimits;
}

/** `listFiles` as the task of a worker thread. */
export const listFilesTask: WorkerTask<ListInput, readonly ListedFile[]> = {
  file: new URL(import.meta.url),
  name: "listFiles",
};

/** The files of an archive that was accepted when it came in; none of one that is not accepted any more. */
export async function listFiles({ source, sizeBytes, limits }: ListInput): Promise<readonly ListedFile[]> {
  const files = await listArchive(chunksOf(source), sizeBytes, limits);
  return files.map(({ path, sizeBytes: size, sha256Hex, executable }) => ({
    path: Buffer.from(path).toString(),
    sizeBytes: size,
    sha256Hex,
    executable,
  }));
}
