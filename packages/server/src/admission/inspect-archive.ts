import { createReadStream } from "node:fs";
import { treeDigest, type PackageName, type Version } from "@assay/core";
import type { BlobSource } from "../platform/blobs/blobs.ts";
import type { WorkerTask } from "../platform/workers/workers.ts";
import {
  type ArchiveFile,
  type ArchiveFinding,
  type ArchiveLimits,
  type FileWatch,
  readArchive,
} from "./archive/archive.ts";
import { sha256 } from "./digests.ts";
import { compareManifest } from "./manifest.ts";

export type { ArchiveFinding, ArchiveLimits, FileSink, FileWatch } from "./archive/archive.ts";

export interface InspectInput {
  readonly name: PackageName;
  readonly version: Version;
  /** The version object of the packument. */
  readonly manifest: unknown;
  readonly source: BlobSource;
  readonly sizeBytes: number;
  readonly limits: ArchiveLimits;
}

interface Inspected {
  readonly verdict: "accepted";
  /** `t1-<base64>` over the files. */
  readonly tree: string;
  readonly findings: readonly ArchiveFinding[];
  /** URL of the registry that its package.json says the package moved to. */
  readonly movedTo: string | undefined;
}

export type InspectVerdict =
  | Inspected
  | { readonly verdict: "refused"; readonly rule: string; readonly reason: string };

/** `inspectArchive` as the task of a worker thread. */
export const inspectTask: WorkerTask<InspectInput, InspectVerdict> = {
  file: new URL(import.meta.url),
  name: "inspectArchive",
};

/** Reads the archive strictly, then compares its package.json with the listing. Refusals are answers. */
export async function inspectArchive(input: InspectInput): Promise<InspectVerdict> {
  const inspected = await inspectFiles(input);
  if (inspected.verdict === "refused") return inspected;
  const { tree, findings, movedTo } = inspected;
  return { verdict: "accepted", tree, findings, movedTo };
}

/** What is only wanted of an archive that somebody publishes. */
export interface InspectedFiles {
  readonly files: readonly ArchiveFile[];
  readonly hasGypFile: boolean;
}

/** As `inspectArchive`; `watch` is shown every file as it passes, before anything is decided. */
export async function inspectFiles(
  { name, version, manifest, source, sizeBytes, limits }: InspectInput,
  watch?: FileWatch,
): Promise<Exclude<InspectVerdict, { verdict: "accepted" }> | (Inspected & InspectedFiles)> {
  const archive = await readArchive(chunksOf(source), sizeBytes, limits, watch);
  if (archive.verdict === "refused") return { verdict: "refused", rule: archive.rule, reason: archive.reason };
  const { files, packageJson, hasGypFile } = archive;
  const compared = compareManifest({ name, version, packageJson, hasGypFile, files }, manifest);
  if (compared.verdict === "refused") return { verdict: "refused", rule: compared.rule, reason: compared.reason };
  return {
    verdict: "accepted",
    tree: treeDigest(sha256, files),
    findings: [...archive.findings, ...compared.findings],
    movedTo: compared.movedTo,
    files,
    hasGypFile,
  };
}

/** The files of an archive; none of one that is refused. */
export async function listArchive(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  limits: ArchiveLimits,
): Promise<readonly ArchiveFile[]> {
  const archive = await readArchive(chunks, sizeBytes, limits);
  return archive.verdict === "refused" ? [] : archive.files;
}

/** Bytes of the package.json in an archive, read strictly; or why it is refused. */
export async function readPackageJson({
  source,
  sizeBytes,
  limits,
}: Pick<InspectInput, "source" | "sizeBytes" | "limits">): Promise<
  { readonly bytes: Uint8Array } | { readonly rule: string; readonly reason: string }
> {
  const archive = await readArchive(chunksOf(source), sizeBytes, limits);
  return archive.verdict === "refused" ? archive : { bytes: archive.packageJson };
}

/** Pieces of 64 KiB: what reads them decompresses one at a time. */
export async function* chunksOf(source: BlobSource): AsyncGenerator<Uint8Array> {
  if (!(source instanceof Uint8Array)) {
    for await (const chunk of createReadStream(source.path)) yield chunk as Uint8Array;
    return;
  }
  for (let at = 0; at < source.length; at += 65536) yield source.subarray(at, at + 65536);
}
