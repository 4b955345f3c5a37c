import { createHash } from "node:crypto";
import { AssayError, fromBase64, integrityHex, toHex, type EpochMs } from "@assay/core";
import type { BoundPlace, Checksums } from "../../checksums/checksums.ts";
import type { BlobKey, BlobStore } from "../../platform/blobs/blobs.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { Clock } from "../../platform/clock.ts";
import type { BoundRelease } from "../../releases/releases.ts";
import type { MemberWriter } from "../container/members.ts";
import {
  exportFile,
  exportLimits,
  formatHead,
  formatReleases,
  memberPath,
  type ExportedRelease,
} from "../export-format.ts";
import type { Missing, Plan } from "../selection.ts";
import { chooseReleases, type ChooseDeps, type ChosenPackage } from "./choose-releases.ts";
import { exportListing, type ListingDeps } from "./listing.ts";
import { pinProofs, type PinnedProofs } from "./pinned-proofs.ts";

export interface ExportDeps extends ChooseDeps, ListingDeps {
  readonly upstreams: ChooseDeps["upstreams"] & ListingDeps["upstreams"];
  readonly checksums: Pick<Checksums, "boundAfter" | "logs" | "lookup">;
  readonly blobs: Pick<BlobStore, "stat" | "open" | "read">;
  readonly clock: Clock;
}

export interface ExportOptions {
  /** Makes the container once it is known that there is something to write; `created` is when it is made. */
  readonly openWriter: (created: EpochMs) => Promise<MemberWriter>;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  readonly done: number;
  /** Packages. */
  readonly total: number;
  readonly writtenBytes: number;
  readonly latest: string;
}

export interface ExportReport {
  /** False when nothing was to be exported: then nothing was written. */
  readonly written: boolean;
  readonly packages: number;
  readonly releases: number;
  readonly tarballBytes: number;
  /** What was wanted and is not in it. */
  readonly missing: readonly Missing[];
  /** Whose keys the reader must pin. */
  readonly logs: readonly { readonly origin: string; readonly vkey: string }[];
}

/**
 * Writes what is bound here of a plan, with the proofs, as docs/formats/export.md says. Nothing is fetched.
 *
 * One package, and of its tarballs one chunk, is in memory at a time. Every tarball is hashed while it is written; a
 * damaged one ends the export with BLOB_CORRUPT and leaves nothing under the export's name. Throws NOT_READY while
 * something to export is under no checkpoint, and the signal's reason when it is aborted.
 */
export async function exportPackages(deps: ExportDeps, plan: Plan, options: ExportOptions): Promise<ExportReport> {
  const { packages, missing } = await chooseReleases(deps, plan);
  const releases = packages.reduce((sum, each) => sum + each.releases.length, 0);
  const tarballBytes = packages.reduce((sum, each) => sum + bytesOf(each), 0);
  const counts = { packages: packages.length, releases, tarballBytes };
  if (packages.length === 0) return { written: false, ...counts, missing, logs: [] };
  if (packages.length > exportLimits.packages)
    throw new AssayError("USAGE", { reason: `An export holds at most ${exportLimits.packages} packages.` });

  await untilCovered(deps, options.signal);
  const proofs = pinProofs(deps.checksums);
  const created = deps.clock.now();
  await using writer = await options.openWriter(created);
  const head = formatHead({ created: new Date(created).toISOString(), ...counts, logs: proofs.logs });
  await writer.write(exportFile, head.byteLength, [head]);
  let writtenBytes = 0;
  for (const [position, each] of packages.entries()) {
    options.signal.throwIfAborted();
    await writePackage({ ...deps, proofs, writer }, position + 1, each, options.signal);
    writtenBytes += bytesOf(each);
    options.onProgress?.({ done: position + 1, total: packages.length, writtenBytes, latest: each.name });
  }
  await writer.finish();
  const logs = proofs.logs.map(({ origin, vkey }) => ({ origin, vkey }));
  return { written: true, ...counts, missing, logs };
}

const pageSize = 1000;

/** Waits until the newest bind, and so every older one, has its place under a checkpoint. */
async function untilCovered({ checksums }: Pick<ExportDeps, "checksums">, signal: AbortSignal): Promise<void> {
  let newest: BoundPlace | undefined;
  for (;;) {
    const page = await checksums.boundAfter(newest?.position ?? 0, pageSize);
    const last = page.at(-1);
    if (last === undefined) break;
    newest = last;
  }
  if (newest !== undefined) await checksums.lookup(newest.name, newest.version, signal);
}

async function writePackage(
  deps: ExportDeps & { readonly proofs: PinnedProofs; readonly writer: MemberWriter },
  number: number,
  { name, releases }: ChosenPackage,
  signal: AbortSignal,
): Promise<void> {
  const { blobs, proofs, writer } = deps;
  const listing = await exportListing(deps, name, releases);
  const exported: ExportedRelease[] = [];
  for (const release of releases) {
    const { version, integrity, sizeBytes } = release;
    const fragment = await readFragment(blobs, release);
    exported.push({ version, integrity, sizeBytes, fragment, isListed: listing.listed.has(version) });
  }
  const bundle = Buffer.from(`${JSON.stringify(await proofs.bundle(releases, signal))}\n`);
  const whole = async (file: "releases.json" | "listing.json" | "bundle.json", bytes: Uint8Array): Promise<void> =>
    await writer.write(memberPath(number, file), bytes.byteLength, [bytes]);
  await whole("releases.json", formatReleases({ name, releases: exported }));
  await whole("listing.json", listing.text);
  await whole("bundle.json", bundle);
  for (const { integrity, sizeBytes } of releases)
    await writer.write(memberPath(number, integrity), sizeBytes, checkedTarball(blobs, integrity));
}

async function readFragment(blobs: Pick<BlobStore, "read">, { manifest }: BoundRelease): Promise<string> {
  const key = blobKey("manifest", "sha256", toHex(fromBase64(manifest.slice("sha256-".length))));
  const bytes = await blobs.read(key);
  if (bytes === undefined) throw new AssayError("BLOB_CORRUPT", { key, reason: "it is not stored" });
  return new TextDecoder().decode(bytes);
}

/** The bytes of a stored tarball; fails at their end unless they are the bound ones. */
async function* checkedTarball(
  blobs: Pick<BlobStore, "open">,
  integrity: BoundRelease["integrity"],
): AsyncGenerator<Uint8Array> {
  const key: BlobKey = blobKey("tarball", "sha512", integrityHex(integrity));
  const opened = await blobs.open(key);
  if (opened === undefined) throw new AssayError("BLOB_CORRUPT", { key, reason: "it is not stored" });
  const sha512 = createHash("sha512");
  for await (const chunk of opened.stream as AsyncIterable<Uint8Array>) {
    sha512.update(chunk);
    yield chunk;
  }
  if (`sha512-${sha512.digest("base64")}` !== integrity)
    throw new AssayError("BLOB_CORRUPT", { key, reason: "its digest is not the bound one" });
}

function bytesOf({ releases }: ChosenPackage): number {
  return releases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
