import { ArchiveRefused, printable } from "./report.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest path, in bytes, the root folder included. */
export const maxPathBytes = 1024;

/** Decodes UTF-8 strictly. Throws ArchiveRefused: bytes that are not UTF-8 become other names in other clients. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ArchiveRefused("archive/path-not-utf8", "a path is not valid UTF-8");
  }
}

/** A path that every client puts in the same place. */
export interface EntryPath {
  /** The first segment, which every client strips. */
  readonly root: string;
  /** The rest, without slash at either end; "" for the root folder itself. */
  readonly inside: string;
}

/**
 * Checks a path and takes its root folder off. A folder's one final slash is dropped.
 *
 * Throws ArchiveRefused for paths that climb, are absolute, hold control characters or backslashes, or
 * whose segments are empty, `.` or `..`.
 */
export function parseEntryPath(path: string, type: "file" | "directory"): EntryPath {
  const shown = printable(path);
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new ArchiveRefused("archive/path-too-long", `a path is longer than ${maxPathBytes} bytes`);
  }
  if (/[\x00-\x1f\x7f]/.test(path)) {
    throw new ArchiveRefused("archive/control-character", `the path ${shown} has a control character`);
  }
  // A separator on Windows, a letter elsewhere.
  if (path.includes("\\")) {
    throw new ArchiveRefused("archive/backslash", `the path ${shown} has a backslash`);
  }
  if (path.startsWith("/")) {
    throw new ArchiveRefused("archive/absolute-path", `the path ${shown} is absolute`);
  }
  const segments = (type === "directory" ? path.replace(/\/$/, "") : path).split("/");
  if (segments.includes("..")) {
    throw new ArchiveRefused("archive/climbing-path", `the path ${shown} climbs`);
  }
  if (segments.some((segment) => segment === "" || segment === ".")) {
    throw new ArchiveRefused("archive/dot-segment", `the path ${shown} has an empty or dot segment`);
  }
  const [root = "", ...rest] = segments;
  // npm drops a file beside the root folder, others keep it under its own name.
  if (type === "file" && rest.length === 0) {
    throw new ArchiveRefused("archive/outside-root", `the file ${shown} is in no folder`);
  }
  // npm takes a drive letter off, wherever it runs; others keep it.
  if (/^[a-zA-Z]:/.test(rest[0] ?? "")) {
    throw new ArchiveRefused("archive/drive-letter", `the path ${shown} starts with a drive letter`);
  }
  return { root, inside: rest.join("/") };
}
