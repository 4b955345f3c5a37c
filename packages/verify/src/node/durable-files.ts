import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that must not be there yet; its bytes are on disk when this resolves, its name once the folder is synced. */
export async function writeNewFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes the folder with all above it that is missing: none of them is lost in a crash. */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** True for an error of the file system with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** For `catch`: undefined where there is no such file, else the error. */
export function ifMissing(error: unknown): undefined {
  if (!hasCode(error, "ENOENT") && !hasCode(error, "ENOTDIR")) throw error;
}
