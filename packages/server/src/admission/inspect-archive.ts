import { createReadStream } from "node:fs";
import { treeDigest, type PackageName, type Version } from "@assay/core";
import type { BlobSource } from "../platform/blobs/blobs.ts";
import type { WorkerTask } from "../platform/workers/workers.ts";
import { type ArchiveFinding, type ArchiveLimits, readArchive } from "./archive/archive.ts";
import { sha256 } from "./digests.ts";
import { compareManifest } from "./manifest.ts";

export interface InspectInput {
  readonly name: PackageName;
  readonly version: Version;
  /** The version object of the packument. */
  readonly manifest: unknown;
  readonly source: BlobSource;
  readonly sizeBytes: number;
  readonly limits: ArchiveLimits;
}

export type InspectVerdict =
  | {
      readonly verdict: "accepted";
      /** `t1-<base64>` over the files. */
      readonly tree: string;
      readonly findings: readonly ArchiveFinding[];
      /** URL of the registry that its package.json says the package moved to. */
      readonly movedTo: string | undefined;
    }
  | { readonly verdict: "refused"; readonly rule: string; readonly reason: string };

/** `inspectArchive` as the task of a worker thread. */
export const inspectTask: WorkerTask<InspectInput, InspectVerdict> = {
  file: new URL(import.meta.url),
  name: "inspectArchive",
};

/** Reads the archive strictly, then compares its package.json with the listing. Refusals are answers. */
export async function inspectArchive({
  name,
  version,
  manifest,
  source,
  sizeBytes,
  limits,
}: InspectInput): Promise<InspectVerdict> {
  const archive = await readArchive(chunksOf(source), sizeBytes, limits);
  if (archive.verdict === "refused") return { verdict: "refused", rule: archive.rule, reason: archive.reason };
  const { files, packageJson, hasGypFile } = archive;
  const compared = compareManifest({ name, version, packageJson, hasGypFile, files }, manifest);
  if (compared.verdict === "refused") return { verdict: "refused", rule: compared.rule, reason: compared.reason };
  return {
    verdict: "accepted",
    tree: treeDigest(sha256, files),
    findings: [...archive.findings, ...compared.findings],
    movedTo: compared.movedTo,
  };
}

/** Pieces of 64 KiB: what reads them decompresses one at a time. */
export async function* chunksOf(source: BlobSource): AsyncGenerator<Uint8Array> {
  if (!(source instanceof Uint8Array)) {
    for await (const chunk of createReadStream(source.path)) yield chunk as Uint8Array;
    return;
  }
  for (let at = 0; at < source.length; at += 65536) yield source.subarray(at, at + 65536);
}
