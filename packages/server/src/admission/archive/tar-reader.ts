import { type Hash, createHash } from "node:crypto";
import { parseEntryPath } from "./paths.ts";
import { checkGlobalPax, parseGnuLongName, parsePax } from "./pax.ts";
import { type ArchiveFile, type ArchiveFinding, ArchiveRefused, printable } from "./report.ts";
import { type TarHeader, isZeroBlock, parseTarHeader } from "./tar-header.ts";

/** Most bytes of a pax header or a GNU long name; npm ignores larger ones, others do not. */
export const maxMetaBytes = 1024 * 1024;
/** Most bytes of a package.json. */
export const maxPackageJsonBytes = 1024 * 1024;

/** What a whole tar holds. */
export interface TarContents {
  readonly root: string | undefined;
  /** Distinct paths; a repeated file with the same bytes stands once. */
  readonly files: ReadonlyMap<string, ArchiveFile>;
  /** Folder entries, root folder excluded. */
  readonly directories: ReadonlySet<string>;
  readonly packageJson: Uint8Array | undefined;
  readonly findings: readonly ArchiveFinding[];
}

export interface TarReader {
  /** Takes the next bytes; keeps no reference to them. Throws ArchiveRefused. */
  push(bytes: Uint8Array): void;
  /** Ends the tar. Throws ArchiveRefused when it is cut short. */
  finish(): TarContents;
}

/** Is shown the contents of files as they pass. */
export interface FileWatch {
  /** Called when a file begins, with its path below the root folder; what it answers takes the contents. */
  file(path: string): FileSink | undefined;
}

export interface FileSink {
  /** The next bytes; they are only good during the call. */
  push(bytes: Uint8Array): void;
  end(): void;
}

/** Reads a tar that arrives in pieces, holding one header, one meta entry or one package.json at a time. */
export function createTarReader(maxEntries: number, watch?: FileWatch): TarReader {
  const files = new Map<string, ArchiveFile>();
  const directories = new Set<string>();
  const findings: ArchiveFinding[] = [];
  const found = new Set<string>();
  const block = new Uint8Array(512);
  let blockFilled = 0;
  let state: "header" | "body" | "padding" | "end" = "header";
  let remaining = 0;
  let padding = 0;
  let sink: FileSink | undefined;
  let entries = 0;
  let zeroBytes = 0;
  let root: string | undefined;
  let packageJson: Uint8Array | undefined;
  /** Below the root folder, what vlt takes for the path of a file with a long one. */
  const misread = new Set<string>();
  /** What a meta entry says about the next file or folder. */
  let pending:
    | { readonly kind: "pax" | "gnu"; readonly path?: string | undefined; readonly sizeBytes?: number | undefined }
    | undefined;

  const note = (rule: string, detail: string): void => {
    // One of each kind is enough: a finding is a fact about the archive, not a list.
    if (found.has(rule)) return;
    found.add(rule);
    findings.push({ rule, detail });
  };

  const startEntry = (header: TarHeader): void => {
    entries++;
    if (entries > maxEntries) {
      throw new ArchiveRefused("archive/too-many-entries", `the archive has more than ${maxEntries} entries`);
    }
    remaining = header.sizeBytes;
    padding = (512 - (header.sizeBytes % 512)) % 512;
    if (header.type === "file" || header.type === "directory") sink = startContent(header, header.type);
    else sink = startMeta(header, header.type);
    state = "body";
    if (remaining === 0) endBody();
  };

  const startMeta = (header: TarHeader, type: "pax" | "pax-global" | "gnu-long-name"): FileSink => {
    if (pending !== undefined) {
      throw new ArchiveRefused("archive/bad-header", "two extended headers stand before one entry");
    }
    if (header.sizeBytes === 0 || header.sizeBytes > maxMetaBytes) {
      throw new ArchiveRefused("archive/bad-header", `an extended header is empty or over ${maxMetaBytes} bytes`);
    }
    return collect(header.sizeBytes, (body) => {
      if (type === "pax-global") {
        checkGlobalPax(body);
        note("archive/global-comment", "a global pax header with a comment");
      } else if (type === "pax") {
        pending = { kind: "pax", ...parsePax(body) };
      } else {
        pending = { kind: "gnu", path: parseGnuLongName(body) };
        note("archive/gnu-long-name", "a GNU long name");
      }
    });
  };

  const startContent = (header: TarHeader, type: "file" | "directory"): FileSink => {
    const extension = pending;
    pending = undefined;
    if (extension?.path !== undefined && header.prefix !== "") checkPrefix(header.prefix, extension.path);
    if (extension?.sizeBytes !== undefined && extension.sizeBytes !== header.sizeBytes) {
      // Not every client reads the pax size; below 8 GiB the header can hold it.
      throw new ArchiveRefused("archive/size-twice", "an entry has two different sizes");
    }
    const path = extension?.path ?? header.path;
    if (path === undefined) throw new ArchiveRefused("archive/path-not-utf8", "a path is not valid UTF-8");
    if (type === "file" && path.endsWith("/")) {
      throw new ArchiveRefused("archive/bad-header", `the file ${printable(path)} ends in a slash`);
    }
    const place = parseEntryPath(path, type);
    root ??= place.root;
    if (place.root !== root) {
      throw new ArchiveRefused(
        "archive/two-roots",
        `the archive has the root folders ${printable(root)} and ${printable(place.root)}`,
      );
    }
    if (type === "directory") {
      if (header.sizeBytes !== 0) {
        throw new ArchiveRefused("archive/bad-header", `the folder ${printable(path)} has contents`);
      }
      if (place.inside !== "") directories.add(place.inside);
      return { push: () => undefined, end: () => undefined };
    }
    return startFile(header, place.inside);
  };

  /**
   * Clients that pack a path which no header holds leave the first of its folders in the prefix. All take the extended
   * path but vlt, which joins the prefix to it: what it makes of that must be nobody else's path.
   */
  const checkPrefix = (prefix: string, path: string): void => {
    const joined = `${prefix}/${path}`;
    const seen = joined.slice(joined.indexOf("/") + 1);
    if (!path.startsWith(`${prefix}/`) || misread.has(seen)) {
      throw new ArchiveRefused("archive/path-twice", "an extended header and a prefix field say two different paths");
    }
    misread.add(seen);
    note("archive/long-path", "an extended path, and its first folders in the header");
  };

  const startFile = (header: TarHeader, path: string): FileSink => {
    const hash: Hash = createHash("sha256");
    const isManifest = path === "package.json";
    if (isManifest && header.sizeBytes > maxPackageJsonBytes) {
      throw new ArchiveRefused("archive/package-json-too-large", `package.json is over ${maxPackageJsonBytes} bytes`);
    }
    const copy = isManifest ? collect(header.sizeBytes, (body) => (packageJson = body)) : undefined;
    const watcher = watch?.file(path);
    return {
      push(bytes) {
        hash.update(bytes);
        copy?.push(bytes);
        watcher?.push(bytes);
      },
      end() {
        copy?.end();
        watcher?.end();
        addFile(
          {
            path: Buffer.from(path),
            sizeBytes: header.sizeBytes,
            sha256Hex: hash.digest("hex"),
            executable: (header.mode & 0o100) !== 0,
          },
          path,
        );
      },
    };
  };

  const addFile = (file: ArchiveFile, path: string): void => {
    const earlier = files.get(path);
    if (earlier === undefined) {
      files.set(path, file);
      return;
    }
    // First or last wins, by client: the same only when both are the same.
    if (earlier.sha256Hex !== file.sha256Hex || earlier.executable !== file.executable) {
      throw new ArchiveRefused(
        "archive/duplicate-file",
        `the file ${printable(path)} stands twice with different contents`,
      );
    }
    note("archive/repeated-file", `the file ${printable(path)} stands twice`);
  };

  const endBody = (): void => {
    sink?.end();
    sink = undefined;
    state = padding === 0 ? "header" : "padding";
  };

  const onBlock = (header: Uint8Array): void => {
    if (!isZeroBlock(header)) {
      startEntry(parseTarHeader(header));
      return;
    }
    if (pending !== undefined) throw new ArchiveRefused("archive/truncated", "an extended header has no entry");
    state = "end";
    zeroBytes = 512;
  };

  const step = (bytes: Uint8Array): number => {
    switch (state) {
      case "header": {
        const taken = Math.min(512 - blockFilled, bytes.length);
        block.set(bytes.subarray(0, taken), blockFilled);
        blockFilled += taken;
        if (blockFilled === 512) {
          blockFilled = 0;
          onBlock(block);
        }
        return taken;
      }
      case "body": {
        const taken = Math.min(remaining, bytes.length);
        sink?.push(bytes.subarray(0, taken));
        remaining -= taken;
        if (remaining === 0) endBody();
        return taken;
      }
      case "padding": {
        const taken = Math.min(padding, bytes.length);
        padding -= taken;
        if (padding === 0) state = "header";
        return taken;
      }
      case "end": {
        // Some readers stop at the first zero block, some at the second, some never.
        if (bytes.some((byte) => byte !== 0)) {
          throw new ArchiveRefused("archive/after-end", "something follows the end of the archive");
        }
        zeroBytes += bytes.length;
        return bytes.length;
      }
    }
  };

  return {
    push(bytes) {
      let at = 0;
      while (at < bytes.length) at += step(bytes.subarray(at));
    },
    finish() {
      if (state === "body" || state === "padding" || blockFilled !== 0 || pending !== undefined) {
        throw new ArchiveRefused("archive/truncated", "the archive ends inside an entry");
      }
      for (const path of misread) {
        if (files.has(path)) {
          throw new ArchiveRefused("archive/path-twice", `a long path is read as that of the file ${printable(path)}`);
        }
      }
      if (zeroBytes < 1024) note("archive/no-end-blocks", "the two end blocks are missing or cut");
      return { root, files, directories, packageJson, findings };
    },
  };
}

/** Copies exactly `length` bytes, then hands them on. */
function collect(length: number, done: (body: Uint8Array) => void): FileSink {
  const body = new Uint8Array(length);
  let filled = 0;
  return {
    push(bytes) {
      body.set(bytes, filled);
      filled += bytes.length;
    },
    end: () => done(body),
  };
}
