import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { encodeUtf8, parseTilePath, toHex } from "@assay/core";
import type { TileSource } from "../follow/effects.ts";
import { hasCode, ifMissing } from "./durable-files.ts";
import { sha256 } from "./sha256.ts";

/**
 * Keeps the authenticated tiles of each vkey in files below `folder`: one folder a vkey (hex of its SHA-256), in it
 * the tiles under their paths. Of the partial tiles of one place only the widest stays.
 *
 * A reader sees a whole file or none. Nothing is synced: what a crash tears fails its authentication and is fetched
 * again.
 */
export function createFileTileCache(deps: {
  readonly folder: string;
  /** A name that no other process uses at the same time, for the file under way. */
  readonly uniqueName: () => string;
}): Pick<TileSource, "readTile" | "writeTile"> {
  /** Undefined for what is no tile: such a path never touches the disk. */
  const fileOf = (vkey: string, path: string): string | undefined =>
    parseTilePath(path) === undefined ? undefined : join(deps.folder, toHex(sha256(encodeUtf8(vkey))), path);

  return {
    async readTile(vkey, path) {
      const file = fileOf(vkey, path);
      return file === undefined ? undefined : await readFile(file).catch(ifMissing);
    },

    async writeTile(vkey, path, bytes) {
      const file = fileOf(vkey, path);
      if (file === undefined) return;
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      try {
        const unfinished = `${file}.new-${deps.uniqueName()}`;
        await writeFile(unfinished, bytes, { flag: "wx", mode: 0o600 });
        await rename(unfinished, file);
        await clearNarrower(file);
      } catch (error) {
        // Another process has the full tile by now, and cleared the folder of the partial ones away.
        if (!hasCode(error, "ENOENT")) throw error;
      }
    },
  };
}

/** A full tile makes its partial ones needless, a wide partial one the narrower. */
async function clearNarrower(file: string): Promise<void> {
  const folder = dirname(file);
  if (!folder.endsWith(".p")) return await rm(`${file}.p`, { recursive: true, force: true });
  const width = Number(basename(file));
  for (const name of await readdir(folder)) {
    if (/^[0-9]{1,3}$/.test(name) && Number(name) < width) await rm(join(folder, name), { force: true });
  }
}
