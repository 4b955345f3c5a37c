import { hash } from "node:crypto";
import {
  AssayError,
  integrityHex,
  tarballFileName,
  parseVersion,
  unscopedName,
  type PackageName,
  type Version,
} from "@assay/core";
import { blobKey } from "../platform/blobs/key.ts";
import type { BlobStore, BlobStream } from "../platform/blobs/blobs.ts";
import { createByteCache } from "../platform/cache.ts";
import type { Admission } from "../admission/admission.ts";
import type { BoundRelease, Releases } from "../releases/releases.ts";

/** A tarball that passed the gate. */
export interface Tarball {
  readonly release: BoundRelease;
  /** The whole content when it is small, else undefined: then `open` streams it. */
  readonly bytes: Uint8Array | undefined;
  open(range?: { readonly start: number; readonly end: number }): Promise<BlobStream>;
}

export interface Tarballs {
  /**
   * The tarball of name@version, admitted first when it was never seen. Every way to a tarball (GET, HEAD,
   * Range, cache hit) comes through here, and so through the gate. Throws BLOCKED, NOT_FOUND and what
   * `admission` throws.
   */
  find(name: PackageName, version: Version): Promise<Tarball>;
}

interface TarballsDeps {
  readonly releases: Releases;
  readonly admission: Admission;
  readonly blobs: BlobStore;
}

/** Tarballs up to this are one read and one write, and kept in memory while they are hot. */
const smallBytes = 1024 * 1024;

export function createTarballs({ releases, admission, blobs }: TarballsDeps, memoryBytes: number): Tarballs {
  const hot = createByteCache<Uint8Array>({
    maxBytes: memoryBytes,
    sizeOf: (bytes) => Math.max(1, bytes.byteLength),
  });

  async function pass(name: PackageName, version: Version): Promise<BoundRelease> {
    for (const attempt of ["asked", "admitted"]) {
      const gate = await releases.gate(name, version);
      if (gate.verdict === "serve") return gate.release;
      if (gate.verdict === "refuse")
        throw new AssayError("BLOCKED", { name, version, rule: gate.rule, reason: gate.reason });
      if (attempt === "asked") await admission.admit(name, version);
    }
    throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
  }

  /** Bytes that a disk lost are fetched again; they are bound, so only the same bytes can come back. */
  async function restored<T>(release: BoundRelease, read: () => Promise<T | undefined>): Promise<T> {
    const found = await read();
    if (found !== undefined) return found;
    await admission.restore(release.name, release.version);
    const again = await read();
    if (again === undefined)
      throw new AssayError("NOT_FOUND", {
        what: `The stored tarball of ${release.name}@${release.version}`,
      });
    return again;
  }

  return {
    async find(name, version) {
      const release = await pass(name, version);
      const key = blobKey("tarball", "sha512", integrityHex(release.integrity));
      let bytes: Uint8Array | undefined;
      if (release.sizeBytes <= smallBytes) {
        bytes = hot.get(release.integrity);
        if (bytes === undefined) {
          bytes = await restored(release, () => blobs.read(key));
          // Damage on disk must not reach a client: yarn and vlt would install it.
          if (hash("sha512", bytes, "hex") !== integrityHex(release.integrity))
            throw new AssayError("BLOB_CORRUPT", { key, reason: "its digest is not the bound one" });
          hot.set(release.integrity, bytes);
        }
      }
      return { release, bytes, open: (range) => restored(release, () => blobs.open(key, range)) };
    },
  };
}

/** The version in `<unscoped>-<version>.tgz`. Throws NOT_FOUND for any other file name, BAD_VERSION. */
export function versionOfFile(name: PackageName, file: string): Version {
  const prefix = `${unscopedName(name)}-`;
  if (!file.startsWith(prefix) || !file.endsWith(".tgz")) {
    throw new AssayError("NOT_FOUND", { what: `The file ${file} of ${name}` });
  }
  const version = parseVersion(file.slice(prefix.length, -".tgz".length));
  if (tarballFileName(name, version) !== file)
    throw new AssayError("NOT_FOUND", { what: `The file ${file} of ${name}` });
  return version;
}
