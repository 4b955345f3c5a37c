import { createHash, hash } from "node:crypto";
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
import type { BlobKey, BlobStore, BlobStream } from "../platform/blobs/blobs.ts";
import type { ReleaseHold } from "../checksums/checksums.ts";
import { createByteCache } from "../platform/cache.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Admission } from "../admission/admission.ts";
import type { BoundRelease, Releases } from "../releases/releases.ts";
import type { SourceChoice, Upstreams } from "../upstreams/upstreams.ts";

/** Bytes [start, end). */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A tarball that passed the gate. */
export interface Tarball {
  readonly release: BoundRelease;
  /** The whole content when it is small, else undefined: then `open` streams it. */
  readonly bytes: Uint8Array | undefined;
  open(range?: ByteRange): Promise<BlobStream>;
}

export interface Tarballs {
  /**
   * Where to send a client for a bound version that passes the gate; undefined when it is served from here, and for
   * whatever `find` must say.
   */
  elsewhere(
    name: PackageName,
    version: Version,
    chosen: () => Promise<SourceChoice | undefined>,
  ): Promise<string | undefined>;

  /** The tarball when it can be had without a wait: it passes the gate, is small, in memory, and served from here. */
  hot(name: PackageName, version: Version): Tarball | undefined;

  /**
   * The tarball of name@version, admitted first when it was never seen. Every way to a tarball (GET, HEAD,
   * Range, cache hit) comes through here, and so through the gate. Throws BLOCKED, NOT_FOUND and what
   * `admission` throws.
   *
   * `chosen` is asked for the caller's choice of sources when somebody must be asked.
   */
  find(name: PackageName, version: Version, chosen?: () => Promise<SourceChoice | undefined>): Promise<Tarball>;
}

interface TarballsDeps {
  readonly upstreams: Pick<Upstreams, "redirects">;
  readonly releases: Releases;
  readonly admission: Admission;
  readonly blobs: BlobStore;
  /** Which versions wait for a checkpoint, by `log.release`. */
  readonly hold: ReleaseHold;
}

/** Tarballs up to this are one read and one write, and kept in memory while they are hot. */
const smallBytes = 1024 * 1024;

export function createTarballs(
  { upstreams: { redirects }, releases, admission, blobs, hold }: TarballsDeps,
  memoryBytes: number,
): Tarballs {
  const hot = createByteCache<Tarball>({
    maxBytes: memoryBytes,
    sizeOf: ({ bytes }) => 300 + (bytes?.byteLength ?? 0),
  });

  const checked = createByteCache<BoundRelease>({ maxBytes: 1024 * 1024, sizeOf: () => 400 });
  const checks = createSingleFlight<void>();

  async function pass(
    name: PackageName,
    version: Version,
    chosen: () => Promise<SourceChoice | undefined>,
  ): Promise<BoundRelease> {
    for (const attempt of ["asked", "admitted"]) {
      const gate = await releases.gate(name, version);
      if (gate.verdict === "serve") return gate.release;
      if (gate.verdict === "refuse")
        throw new AssayError("BLOCKED", { name, version, rule: gate.rule, reason: gate.reason });
      if (attempt === "asked") await admission.admit(name, version, await chosen());
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

  function keyOf(release: BoundRelease): BlobKey {
    return blobKey("tarball", "sha512", integrityHex(release.integrity));
  }

  function openRelease(release: BoundRelease, range?: ByteRange): Promise<BlobStream> {
    return restored(release, () => blobs.open(keyOf(release), range));
  }

  async function readSmall(release: BoundRelease): Promise<Uint8Array> {
    const bytes = await restored(release, () => blobs.read(keyOf(release)));
    requireBound(release, hash("sha512", bytes, "base64"));
    return bytes;
  }

  /** Once a process and blob: a large one is read whole before any of it leaves. */
  async function checkLarge(release: BoundRelease): Promise<void> {
    if (checked.get(release.integrity) !== undefined) return;
    const sha512 = createHash("sha512");
    for await (const chunk of (await openRelease(release)).stream) sha512.update(chunk as Uint8Array);
    requireBound(release, sha512.digest("base64"));
    checked.set(release.integrity, release);
  }

  /** Damage on disk must not reach a client: some install whatever comes. */
  function requireBound(release: BoundRelease, sha512: string): void {
    if (`sha512-${sha512}` !== release.integrity)
      throw new AssayError("BLOB_CORRUPT", { key: keyOf(release), reason: "its digest is not the bound one" });
  }

  return {
    async elsewhere(name, version, chosen) {
      if (!redirects.isRedirected(name) || hold.isHeld(name, version)) return undefined;
      const gate = await releases.gate(name, version);
      return gate.verdict === "serve" ? await redirects.redirect(gate.release, await chosen()) : undefined;
    },
    hot(name, version) {
      if (redirects.isRedirected(name)) return undefined;
      const gate = releases.gate(name, version);
      if (gate instanceof Promise || gate.verdict !== "serve" || hold.isHeld(name, version)) return undefined;
      return hot.get(gate.release.integrity);
    },
    async find(name, version, chosen = async () => undefined) {
      const release = await pass(name, version, chosen);
      // Bound, and not to leave before a checkpoint says so: also for whoever asks second.
      if (hold.isHeld(name, version)) await hold.untilFree(name, version, new AbortController().signal);
      const open = (range?: ByteRange): Promise<BlobStream> => openRelease(release, range);
      if (release.sizeBytes > smallBytes) {
        await checks.run(release.integrity, () => checkLarge(release));
        return { release, bytes: undefined, open };
      }
      let tarball = hot.get(release.integrity);
      if (tarball === undefined || tarball.release.name !== name || tarball.release.version !== version) {
        const bytes = tarball?.bytes ?? (await readSmall(release));
        tarball = { release, bytes, open };
        hot.set(release.integrity, tarball);
      }
      return tarball;
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
