import { createHash } from "node:crypto";
import { open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { AssayError, equalBytes, fromBase64, toBase64, toHex } from "@assay/core";
import { makeFolder, syncFolder } from "../platform/blobs/durable.ts";
import type { Random } from "../platform/random.ts";
import type { SignedTree } from "./store-shards.ts";

/**
 * The signing guard remembers, for each shard, the last tree that was allowed to be signed. A signature is made
 * only over a tree that holds that one as its beginning; so a log that went back in time (a restored backup, a
 * second copy of a data folder) cannot sign a fork.
 *
 * One copy is a row of the database (`log_guards`). It goes back in time with a restored database, so a second
 * copy is a file outside the data folder. Both are durable before a signature is made.
 */
export interface GuardFile {
  /** The second copy, or undefined when there is none. Throws LOG_GUARD when the file cannot be understood. */
  read(origin: string): Promise<SignedTree | undefined>;
  /**
   * Replaces the second copy unless it remembers a larger size. Durable on return; a crash before leaves the old one.
   */
  raise(origin: string, signed: SignedTree): Promise<void>;
  /** Where the second copy of this origin lives, for messages. */
  pathOf(origin: string): string;
}

/** Longest guard file that is read, bytes. */
const maxGuardFileBytes = 4096;

/** Guard files `<folder>/<hex sha256 of the origin>.guard`, mode 0600 in a folder of mode 0700. */
export function createGuardFile(deps: { readonly random: Random }, options: { readonly folder: string }): GuardFile {
  const pathOf = (origin: string): string =>
    join(options.folder, `${createHash("sha256").update(origin).digest("hex")}.guard`);
  const guardFile: GuardFile = {
    pathOf,
    async read(origin) {
      const path = pathOf(origin);
      const bytes = await readFile(path).catch((error: unknown) => {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw new AssayError("LOG_GUARD", { reason: `the guard file ${path} cannot be read` }, { cause: error });
      });
      if (bytes === undefined) return undefined;
      const signed = bytes.length <= maxGuardFileBytes ? parseGuard(bytes.toString("utf8"), origin) : undefined;
      if (signed === undefined)
        throw new AssayError("LOG_GUARD", {
          reason: `the guard file ${path} is damaged; put it back from a copy, or remove it when the database is the newest there is`,
        });
      return signed;
    },
    async raise(origin, signed) {
      const path = pathOf(origin);
      // A sequencer that was overtaken while it slept must not take back what its successor remembered.
      const standing = await guardFile.read(origin);
      if (standing !== undefined && standing.size > signed.size) return;
      await makeFolder(options.folder);
      const temporary = `${path}.${toHex(deps.random.bytes(8))}.tmp`;
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(formatGuard(origin, signed));
        await file.sync();
        await rename(temporary, path);
      } catch (error) {
        await unlink(temporary).catch(() => {});
        throw error;
      } finally {
        await file.close();
      }
      await syncFolder(options.folder);
    },
  };
  return guardFile;
}

function formatGuard(origin: string, signed: SignedTree): string {
  return `assay-guard/v1\norigin ${origin}\nsize ${signed.size}\nroot ${toBase64(signed.root)}\n`;
}

function parseGuard(text: string, origin: string): SignedTree | undefined {
  const match = /^assay-guard\/v1\norigin ([^\n]+)\nsize (0|[1-9][0-9]{0,15})\nroot ([A-Za-z0-9+/]{43}=)\n$/.exec(text);
  const [, named, size, root] = match ?? [];
  if (named !== origin || size === undefined || root === undefined) return undefined;
  const signed = { size: Number(size), root: fromBase64(root) };
  return Number.isSafeInteger(signed.size) ? signed : undefined;
}

/** What an operator can do; README of docs/operations has the details. */
function wayOut(first: string): string {
  return `${first}, or go on in a new shard with: assay log rotate --restored`;
}

/**
 * Throws LOG_GUARD unless a tree of `size` entries, whose roots at smaller sizes `rootAt` knows, holds what a copy
 * of the guard remembers as its beginning. `copy` names the copy in the message.
 */
export async function requireBeginning(
  shard: string,
  copy: { readonly name: string; readonly signed: SignedTree | undefined },
  size: number,
  rootAt: (size: number) => Promise<Uint8Array>,
): Promise<void> {
  const { name, signed } = copy;
  if (signed === undefined) return;
  if (signed.size > size)
    throw new AssayError("LOG_GUARD", {
      reason: `${shard} has ${size} entries here, but ${name} remembers a signature over ${signed.size}; this database is older than what was published, so signing would fork the log: ${wayOut("put the newest database back")}`,
    });
  const root = await rootAt(signed.size);
  if (!equalBytes(root, signed.root))
    throw new AssayError("LOG_GUARD", {
      reason: `${shard} has another root at size ${signed.size} than ${name} remembers having signed; its entries were changed or replaced, so signing would fork the log: ${wayOut("put the right database back")}`,
    });
}
