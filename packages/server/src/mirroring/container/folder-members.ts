import { constants } from "node:fs";
import { open, rmdir, unlink, readdir, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AssayError } from "@assay/core";
import { makeFolder, pieces, syncFolder, writeAll } from "../../platform/blobs/durable.ts";
import { exportFile } from "../export-format.ts";
import type { MemberWriter, Members } from "./members.ts";

/**
 * Writes members as files of an empty folder. `export.json` gets its name last, so that a folder that was cut off is no
 * export. Throws USAGE when something is in the folder already.
 */
export async function createFolderWriter(folder: string): Promise<MemberWriter> {
  await makeFolder(folder);
  if ((await readdir(folder)).length > 0)
    throw new AssayError("USAGE", { reason: `${folder} is not empty; name a new folder for the export.` });
  const written: string[] = [];
  let head: Uint8Array | undefined;
  let finished = false;

  async function writeFile(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    const target = join(folder, path);
    await makeFolder(dirname(target));
    const file = await open(target, "wx", 0o644);
    written.push(path);
    let position = 0;
    try {
      for await (const chunk of chunks) {
        await writeAll(file, chunk, position);
        position += chunk.byteLength;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return position;
  }

  return {
    async write(path, sizeBytes, chunks) {
      if (path === exportFile) {
        head = Buffer.concat(await Array.fromAsync(chunks));
        return;
      }
      const size = await writeFile(path, chunks);
      if (size !== sizeBytes) throw new Error(`${path} had ${size} bytes, not ${sizeBytes}`);
    },
    async finish() {
      if (head === undefined) throw new Error(`an export without ${exportFile}`);
      for (const place of new Set(written.map((path) => dirname(path)))) await syncFolder(join(folder, place));
      await writeFile(exportFile, [head]);
      await syncFolder(folder);
      finished = true;
    },
    async [Symbol.asyncDispose]() {
      if (finished) return;
      for (const path of written.toReversed()) await unlink(join(folder, path));
      for (const place of new Set(written.map((path) => dirname(path))))
        if (place !== ".") await rmdir(join(folder, place));
    },
  };
}

/** Reads members from the files of a folder. Links are refused: they lead elsewhere. */
export function createFolderMembers(folder: string): Members {
  let current: FileHandle | undefined;
  const leave = async (): Promise<void> => {
    await current?.close();
    current = undefined;
  };
  return {
    async next(path, maxBytes) {
      await leave();
      current = await openMember(folder, path);
      const { size } = await current.stat();
      if (size > maxBytes) throw malformed(`${path} has ${size} bytes, at most ${maxBytes} are allowed`);
      const file = current;
      return {
        sizeBytes: size,
        async *chunks() {
          let left = size;
          for await (const piece of pieces(file)) {
            // It may grow while it is read.
            const chunk = piece.subarray(0, left);
            left -= chunk.byteLength;
            // `pieces` fills the same memory again.
            if (chunk.byteLength > 0) yield new Uint8Array(chunk);
          }
          if (left > 0) throw malformed(`${path} is cut off`);
        },
      };
    },
    async skipTo(path) {
      await leave();
      try {
        await (await openMember(folder, path)).close();
        return true;
      } catch (error) {
        if (error instanceof AssayError && error.code === "BAD_FORMAT") return false;
        throw error;
      }
    },
    end: leave,
    [Symbol.asyncDispose]: leave,
  };
}

async function openMember(folder: string, path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (!["ENOENT", "ENOTDIR", "ELOOP", "EISDIR"].includes(code)) throw cause;
    throw malformed(code === "ELOOP" ? `${path} is a link` : `it has no ${path}`, cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw malformed(`${path} is no file`);
}

function malformed(reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The export", reason }, { cause });
}
