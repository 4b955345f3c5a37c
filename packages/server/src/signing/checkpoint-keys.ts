import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AssayError, toHex } from "@assay/core";
import type { Random } from "../platform/random.ts";
import { formatNoteKey, parseNoteKey } from "./note-key.ts";
import { createKeyFile, readKeyFile } from "./private-key-file.ts";
import type { Signing } from "./signing.ts";

/**
 * Checkpoint keys as files `<keyFolder>/<hex sha256 of the origin>.key`.
 *
 * A file holds one line in the private form that goes with a vkey:
 * `PRIVATE+KEY+<origin>+<hex8 key id>+<base64(0x01 || 32-byte seed)>`.
 */
export function createCheckpointKeys(
  deps: { readonly random: Random },
  options: { readonly keyFolder: string },
): Signing {
  return {
    async checkpointSigner(origin, expectedVkey) {
      const digest = createHash("sha256").update(origin).digest("hex");
      const path = join(options.keyFolder, `${digest}.key`);
      let text = await readKeyFile(path);
      if (text === undefined) {
        if (expectedVkey !== undefined)
          throw new AssayError("CONFIG", {
            reason: `The signing key ${path} of log ${origin} is missing although the log has signed before; put the file back from a backup.`,
          });
        const privateForm = formatNoteKey(origin, deps.random.bytes(32));
        await createKeyFile(path, privateForm, toHex(deps.random.bytes(8)));
        // Read back: another process may have linked its key first, and then its key is the key.
        text = await readKeyFile(path);
      }
      if (text === undefined) throw new AssayError("CONFIG", { reason: `The key file ${path} vanished.` });
      const signer = parseNoteKey(text, path, origin);
      if (expectedVkey !== undefined && signer.vkey !== expectedVkey)
        throw new AssayError("CONFIG", {
          reason: `The signing key ${path} has the vkey ${signer.vkey}, but log ${origin} has signed with ${expectedVkey}; put the right key file back.`,
        });
      return signer;
    },
  };
}

/** The vkeys of the checkpoint keys in a folder; none when there is no folder. Throws CONFIG as `checkpointSigner`. */
export async function checkpointVkeys(keyFolder: string): Promise<readonly string[]> {
  const names = await readdir(keyFolder).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const vkeys: string[] = [];
  for (const name of names.filter((each) => /^[0-9a-f]{64}\.key$/.test(each))) {
    const path = join(keyFolder, name);
    const text = await readKeyFile(path);
    if (text !== undefined) vkeys.push(parseNoteKey(text, path).vkey);
  }
  return vkeys;
}
