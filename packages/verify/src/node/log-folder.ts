import { access, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AssayError, decodeUtf8, maxNoteBytes, parseTilePath } from "@assay/core";
import type { LogCopyStore } from "../follow/copy-log.ts";
import type { FollowEffects, TileSource } from "../follow/effects.ts";
import { ifMissing, makeFolder, syncFolder, writeNewFile } from "./durable-files.ts";

/** What a folder that holds a copy of a log can do: be written to, and be read as a log. */
export interface LogFolder extends LogCopyStore, Pick<TileSource, "readTile"> {
  /** The checkpoint that the copy shows; undefined before the first copy is complete. */
  readNote(): Promise<string | undefined>;

  /** The folder as a log to follow. It cannot be asked to bind anything. */
  readonly effects: Pick<FollowEffects, "fetchCheckpoint" | "fetchTile" | "fetchLookup">;
}

/**
 * A copy of one log in a folder: `checkpoint`, `tile/…`, `tile/entries/…` (docs/formats/tiles.md), as a web server
 * would serve them. Files are written aside, synced, renamed into place, and their folder synced.
 */
export function createLogFolder(deps: {
  readonly folder: string;
  /** A name that no other process uses at the same time, for the file under way. */
  readonly uniqueName: () => string;
}): LogFolder {
  const { folder, uniqueName } = deps;
  /** Undefined for what is no tile: such a path never touches the disk. */
  const fileOf = (path: string): string | undefined =>
    parseTilePath(path) === undefined ? undefined : join(folder, path);
  const noteFile = join(folder, "checkpoint");

  async function readTilePath(path: string): Promise<Uint8Array | undefined> {
    const file = fileOf(path);
    return file === undefined ? undefined : await readFile(file).catch(ifMissing);
  }

  async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
    const parent = dirname(file);
    await makeFolder(parent);
    const unfinished = `${file}.new-${uniqueName()}`;
    await writeNewFile(unfinished, bytes, 0o644);
    await rename(unfinished, file);
    await syncFolder(parent);
  }

  async function readNote(): Promise<string | undefined> {
    const bytes = await readFile(noteFile).catch(ifMissing);
    if (bytes !== undefined && bytes.length > maxNoteBytes)
      throw new AssayError("BAD_FORMAT", { what: noteFile, reason: `it is larger than ${maxNoteBytes} bytes` });
    return bytes && decodeUtf8(bytes);
  }

  return {
    readTile: (_vkey, path) => readTilePath(path),
    readNote,

    async has(path) {
      const file = fileOf(path);
      if (file === undefined) return false;
      return await access(file).then(
        () => true,
        (error: unknown) => ifMissing(error) ?? false,
      );
    },

    async write(path, bytes) {
      const file = fileOf(path);
      if (file === undefined) throw new AssayError("BAD_FORMAT", { what: path, reason: "it is no path of a tile" });
      await writeDurably(file, bytes);
    },

    publish: (note) => writeDurably(noteFile, new TextEncoder().encode(note)),

    async dropPartials(path) {
      const file = fileOf(path);
      if (file !== undefined) await rm(`${file}.p`, { recursive: true, force: true });
    },

    effects: {
      async fetchCheckpoint() {
        const note = await readNote();
        if (note !== undefined) return note;
        throw new AssayError("LOG_UNAVAILABLE", { url: folder, reason: "there is no finished copy in it" });
      },
      fetchTile: (_log, path) => readTilePath(path),
      fetchLookup: async () => ({ outcome: "refused", status: 404, reason: "a copy answers no lookups" }),
    },
  };
}
