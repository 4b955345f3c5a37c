import { constants } from "node:fs";
import { link, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { AssayError } from "@assay/core";
import { makeFolder, syncFolder } from "../platform/blobs/durable.ts";

/** Longest key file that is read, bytes. */
const maxKeyFileBytes = 4096;

/**
 * The text of a key file, or undefined when there is none.
 *
 * Throws CONFIG when it is no plain file, is larger than 4 KiB, or when group or others have any permission on it.
 */
export async function readKeyFile(path: string): Promise<string | undefined> {
  // One descriptor for the check and the read, so that the file that was checked is the file that is read.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw new AssayError("CONFIG", { reason: `The key file ${path} cannot be opened.` }, { cause: error });
  });
  if (file === undefined) return undefined;
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > maxKeyFileBytes)
      throw new AssayError("CONFIG", { reason: `${path} is not a key file.` });
    if ((status.mode & 0o077) !== 0)
      throw new AssayError("CONFIG", {
        reason: `The key file ${path} is open to group or others (mode ${(status.mode & 0o777).toString(8)}); run chmod 600 on it, and consider the key stolen if others could read it.`,
      });
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/**
 * Writes a key file (mode 0600 in a folder of mode 0700) unless there is one. Durable on return.
 *
 * Whoever links first wins: false when a file was already there, which is left as it is. A crash leaves at
 * most a `.tmp` file that no one reads. `unique` tells this attempt from others, for the temporary name.
 */
export async function createKeyFile(path: string, text: string, unique: string): Promise<boolean> {
  const folder = dirname(path);
  await makeFolder(folder);
  const temporary = `${path}.${unique}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const created = await link(temporary, path).then(
      () => true,
      (error: unknown) => {
        if (isSystemError(error, "EEXIST")) return false;
        throw error;
      },
    );
    await syncFolder(folder);
    return created;
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
