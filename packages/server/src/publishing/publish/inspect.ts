import { AssayError } from "@assay/core";
import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import { isWorkerLimit, type Workers } from "../../platform/workers/workers.ts";
import { inspectPublished, inspectPublishedTask, type PublishedArchive } from "./inspect-published.ts";
import type { PublishRequest } from "./publish-request.ts";
import { printable } from "./read-body.ts";

export type AcceptedArchive = Extract<PublishedArchive, { readonly verdict: "accepted" }>;

/** Archives up to this many bytes take less time than the way to a thread. */
const inlineBytes = 64 * 1024;

/**
 * Fourth to sixth step: the archive is read strictly, its package.json is what the manifest says, and no secret lies in
 * it. `isAllowed` is what the package's settings let pass. In a thread when it is large. Throws BLOCKED.
 */
export async function inspect(
  { workers }: { readonly workers: Workers },
  { name, version, manifest, tarball }: PublishRequest,
  limits: ArchiveLimits,
  isAllowed: (path: string, rule: string) => boolean,
): Promise<AcceptedArchive> {
  const input = { name, version, manifest, source: tarball.blob, sizeBytes: tarball.sizeBytes, limits };
  const archive =
    tarball.sizeBytes <= inlineBytes
      ? await inspectPublished(input)
      : await workers.run(inspectPublishedTask, input).catch((cause: unknown): PublishedArchive => {
          if (!isWorkerLimit(cause)) throw cause;
          return { verdict: "refused", rule: "archive/memory", reason: "reading it takes too much memory" };
        });
  if (archive.verdict === "refused")
    throw new AssayError("BLOCKED", { name, version, rule: archive.rule, reason: archive.reason });
  const secret = archive.secrets.find(({ path, rule }) => !isAllowed(path, rule));
  if (secret !== undefined)
    throw new AssayError("BLOCKED", {
      name,
      version,
      rule: secret.rule,
      reason: `the file ${printable(secret.path)} holds ${secret.what}; take it out, and revoke it if anybody else has seen it`,
    });
  return archive;
}
