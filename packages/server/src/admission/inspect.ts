import { AssayError, type PackageName, type Version, treeDigest } from "@assay/core";
import { type ArchiveFinding, type ArchiveLimits, readArchive } from "./archive/archive.ts";
import type { Download } from "./download.ts";
import { sha256 } from "./digests.ts";
import { compareManifest } from "./manifest.ts";

/** What a look inside an archive found out. */
export interface Inspection {
  /** `t1-<base64>` over the files. */
  readonly tree: string;
  readonly unpackedBytes: number;
  readonly fileCount: number;
  readonly findings: readonly ArchiveFinding[];
}

/**
 * Fourth and fifth step: read the archive strictly, then compare its package.json with the listing. Reads the
 * download where it is; a crash leaves what `download` leaves. Throws BLOCKED.
 */
export async function inspect(
  subject: { readonly name: PackageName; readonly version: Version; readonly manifest: unknown },
  download: Download,
  limits: ArchiveLimits,
): Promise<Inspection> {
  const { name, version } = subject;
  const archive = await readArchive(download.chunks(), download.sizeBytes, limits);
  if (archive.verdict === "refused") {
    throw new AssayError("BLOCKED", { name, version, rule: archive.rule, reason: archive.reason });
  }
  const { files, packageJson, hasGypFile, unpackedBytes } = archive;
  const manifest = compareManifest({ name, version, packageJson, hasGypFile, files }, subject.manifest);
  if (manifest.verdict === "refused") {
    throw new AssayError("BLOCKED", { name, version, rule: manifest.rule, reason: manifest.reason });
  }
  return {
    tree: treeDigest(sha256, files),
    unpackedBytes,
    fileCount: files.length,
    findings: [...archive.findings, ...manifest.findings],
  };
}
