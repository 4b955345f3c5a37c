import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { equalBytes, toHex, type PackageName } from "@assay/core";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";

/** Where a finished document is kept: by name, by what the package shows (`view`, hex), by ETag. */
export interface DocumentPlace {
  readonly name: PackageName;
  readonly view: string;
  readonly etag: string;
}

/** Finished documents on this node's disk. Never the truth: any of it may be deleted at any time. */
export interface DocumentCache {
  /** The bytes, or undefined when they are not there or damaged. */
  read(place: DocumentPlace): Promise<Uint8Array | undefined>;
  /** Keeps the bytes and drops those of the package's earlier views. A full disk is a log line, not an error. */
  write(place: DocumentPlace, bytes: Uint8Array): Promise<void>;
}

/**
 * Each file is 32 bytes of SHA-256 and the content, so that a file which a crash left short is noticed; it is
 * written without fsync and renamed into place.
 */
export function createDocumentCache(
  deps: { readonly random: Random; readonly telemetry: Pick<Telemetry, "log"> },
  folder: string,
): DocumentCache {
  const folderOf = ({ name }: DocumentPlace) => {
    const hash = createHash("sha256").update(name).digest("hex");
    return join(folder, hash.slice(0, 2), hash.slice(2, 34));
  };
  const fileOf = (place: DocumentPlace) =>
    `${place.view.slice(0, 32)}-${createHash("sha256").update(place.etag).digest("hex").slice(0, 32)}`;

  async function prune(place: DocumentPlace): Promise<void> {
    const current = place.view.slice(0, 32);
    const old = (await readdir(folderOf(place))).filter((file) => !file.startsWith(current));
    await Promise.all(old.map((file) => rm(join(folderOf(place), file), { force: true })));
  }

  async function store(place: DocumentPlace, bytes: Uint8Array): Promise<void> {
    const target = join(folderOf(place), fileOf(place));
    const temporary = join(folderOf(place), `${place.view.slice(0, 32)}.${toHex(deps.random.bytes(8))}.tmp`);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(temporary, [createHash("sha256").update(bytes).digest(), bytes]);
    await rename(temporary, target);
    await prune(place);
  }

  return {
    async read(place) {
      let stored: Buffer;
      try {
        stored = await readFile(join(folderOf(place), fileOf(place)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      const bytes = stored.subarray(32);
      return equalBytes(createHash("sha256").update(bytes).digest(), stored.subarray(0, 32)) ? bytes : undefined;
    },
    async write(place, bytes) {
      try {
        await store(place, bytes);
      } catch (error) {
        deps.telemetry.log.warn("a finished document could not be kept on disk", { "package.name": place.name, error });
      }
    },
  };
}
