import { link, readFile, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { encodeUtf8, toHex } from "@assay/core";
import type { LogClientEffects } from "../log-client-effects.ts";
import { hasCode, ifMissing, makeFolder, syncFolder, writeNewFile } from "./durable-files.ts";
import { sha256 } from "./sha256.ts";

/**
 * Keeps the newest verified checkpoint of each vkey in files below `folder`: one folder a vkey (hex of its
 * SHA-256), in it one file a generation, `1`, `2`, …; the highest one counts.
 *
 * A swap writes a finished file and links it as the next generation: the link fails when another process took
 * that number, so there is no lock to be left behind. A crash leaves the old generation or the new one, and at
 * most a `.new-…` file that nobody reads.
 */
export function createFileCheckpointStore(deps: {
  readonly folder: string;
  /** A name that no other process uses at the same time, for the file under way. */
  readonly uniqueName: () => string;
}): Pick<LogClientEffects, "readCheckpoint" | "swapCheckpoint"> {
  const folderOf = (vkey: string): string => join(deps.folder, toHex(sha256(encodeUtf8(vkey))));

  return {
    async readCheckpoint(vkey) {
      return (await newest(folderOf(vkey)))?.note;
    },

    async swapCheckpoint(vkey, previous, next) {
      const folder = folderOf(vkey);
      await makeFolder(folder, 0o700);
      const current = await newest(folder);
      if (current?.note !== previous) return false;
      const generation = (current?.generation ?? 0) + 1;
      const unfinished = join(folder, `.new-${deps.uniqueName()}`);
      const target = join(folder, String(generation));
      try {
        await writeNewFile(unfinished, next, 0o600);
        await link(unfinished, target);
      } catch (error) {
        if (hasCode(error, "EEXIST")) return false;
        throw error;
      } finally {
        await unlink(unfinished).catch(ifMissing);
      }
      await syncFolder(folder);
      // The number may have been used and cleared away by a process that was further: then this one lost.
      if ((await generations(folder))[0] !== generation) {
        await unlink(target).catch(ifMissing);
        return false;
      }
      await clearBelow(folder, generation);
      return true;
    },
  };
}

interface Generation {
  readonly generation: number;
  readonly note: string;
}

async function newest(folder: string): Promise<Generation | undefined> {
  for (;;) {
    const [generation] = await generations(folder);
    if (generation === undefined) return undefined;
    try {
      return { generation, note: await readFile(join(folder, String(generation)), "utf8") };
    } catch (error) {
      // Cleared away between the listing and the reading: a higher one is there now.
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
}

/** Highest first. */
async function generations(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const numbers = names.filter((name) => /^[1-9][0-9]{0,14}$/.test(name)).map(Number);
  return numbers.sort((a, b) => b - a);
}

async function clearBelow(folder: string, generation: number): Promise<void> {
  for (const older of await generations(folder)) {
    if (older < generation) await unlink(join(folder, String(older))).catch(ifMissing);
  }
}
