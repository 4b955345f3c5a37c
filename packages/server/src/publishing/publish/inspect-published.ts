import { inspectFiles, type ArchiveFinding, type InspectInput } from "../../admission/inspect-archive.ts";
import type { WorkerTask } from "../../platform/workers/workers.ts";
import { createSecretWatch, type SecretFound } from "../secrets/watch.ts";

/** What a look inside a published archive found out. */
export type PublishedArchive =
  | {
      readonly verdict: "accepted";
      readonly tree: string;
      readonly fileCount: number;
      readonly unpackedBytes: number;
      readonly hasGypFile: boolean;
      readonly hasShrinkwrap: boolean;
      /** What no new package needs, though upstreams have it. */
      readonly odd: readonly ArchiveFinding[];
      readonly secrets: readonly SecretFound[];
    }
  | { readonly verdict: "refused"; readonly rule: string; readonly reason: string };

/** `inspectPublished` as the task of a worker thread. */
export const inspectPublishedTask: WorkerTask<InspectInput, PublishedArchive> = {
  file: new URL(import.meta.url),
  name: "inspectPublished",
};

/** Oddities that no upstream is refused for, but that no new package needs. */
const refusedFindings: ReadonlySet<string> = new Set([
  "archive/git-folder",
  "archive/npmrc",
  "archive/twin-names",
  "archive/repeated-file",
  "archive/zero-padding",
  "archive/no-end-blocks",
  "manifest/repeated-key",
]);

/** Reads a published archive strictly, compares its package.json with the manifest, and looks for secrets. */
export async function inspectPublished(input: InspectInput): Promise<PublishedArchive> {
  const watch = createSecretWatch();
  const inspected = await inspectFiles(input, watch);
  if (inspected.verdict === "refused") return inspected;
  const { tree, files, findings, hasGypFile } = inspected;
  return {
    verdict: "accepted",
    tree,
    fileCount: files.length,
    unpackedBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    hasGypFile,
    hasShrinkwrap: files.some(({ path }) => Buffer.from(path).toString() === "npm-shrinkwrap.json"),
    odd: findings.filter(({ rule }) => refusedFindings.has(rule)),
    secrets: watch.found,
  };
}
