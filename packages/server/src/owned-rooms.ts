/** The rooms in the hands of a command that writes, beside a server or alone. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isAssayError } from "@assay/core";
import { openRooms, type AppOptions, type Rooms } from "./rooms.ts";
import type { LoadedConfig } from "./config/load.ts";
import { lockFolder } from "./platform/database/folder-lock.ts";

/**
 * Opens the rooms for a command that admits packages. Beside a server on the same data folder, that server sequences
 * what is claimed here, a second later. Where there is none this process has the data folder until the rooms are
 * disposed: no server starts underneath, and the log is sequenced here.
 */
export async function openOwnedRooms(loaded: LoadedConfig, options: AppOptions): Promise<Rooms> {
  await using stack = new AsyncDisposableStack();
  const { dataFolder, database } = loaded.config;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const lock = database.engine === "sqlite" ? lockIfFree(join(dataFolder, "lock.db")) : undefined;
  if (lock !== undefined) stack.use(lock);
  const rooms = stack.use(await openRooms(loaded, options));
  if (lock !== undefined) {
    const stop = new AbortController();
    const sequencing = rooms.checksums.run(stop.signal).catch((error: unknown) => {
      rooms.telemetry.log.error("the sequencer stopped", { error });
    });
    stack.defer(async () => {
      stop.abort();
      await sequencing;
    });
  }
  const opened = stack.move();
  return { ...rooms, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function lockIfFree(path: string): Disposable | undefined {
  try {
    return lockFolder(path);
  } catch (error) {
    if (isAssayError(error, "CONFIG")) return undefined;
    throw error;
  }
}
