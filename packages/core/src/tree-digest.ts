import { compareBytes, encodeUtf8, joinBytes, toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { Sha256 } from "./hash.ts";

/** One file of an archive. */
export interface TreeFile {
  /** The raw bytes after the archive's one root folder and its slash; never normalised. */
  readonly path: Uint8Array;
  /** The owner's execute bit, mode & 0o100. */
  readonly executable: boolean;
  /** SHA-256 of the content, 64 hex digits. */
  readonly sha256Hex: string;
}

/**
 * `t1-<base64>`: one digest over the files of an archive, whatever their order, times and owners and however they
 * were compressed. Spec: docs/formats/tree-digest.md.
 * Throws BAD_FORMAT on an empty path, a control character in one, two files with one path, or a malformed hash.
 */
export function treeDigest(sha256: Sha256, files: readonly TreeFile[]): string {
  const sorted = files.toSorted((a, b) => compareBytes(a.path, b.path));
  const lines: Uint8Array[] = [];
  for (const [i, file] of sorted.entries()) {
    if (file.path.length === 0) throw malformed("a path is empty");
    if (file.path.some((byte) => byte < 0x20 || byte === 0x7f)) {
      throw malformed("a path holds a control character");
    }
    const previous = sorted[i - 1];
    if (previous !== undefined && compareBytes(previous.path, file.path) === 0) {
      throw malformed("two files have the same path");
    }
    if (!/^[0-9a-f]{64}$/.test(file.sha256Hex)) throw malformed("a SHA-256 is not 64 hex digits");
    const head = encodeUtf8(`${file.executable ? "x" : "f"} ${file.sha256Hex} `);
    lines.push(head, file.path, Uint8Array.of(0x0a));
  }
  return `t1-${toBase64(sha256(joinBytes(lines)))}`;
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A list of files", reason });
}
