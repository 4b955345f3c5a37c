import { AssayError } from "@assay/core";
import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import { isWorkerLimit, type Workers } from "../../platform/workers/workers.ts";
import { inspectPublished, inspectPublishedTask, type PublishedArchive } from "./inspect-published.ts";
import type { PublishRequest } from "./publish-request.ts";
import { printable } from "./json.ts";
import type { Complaint } from "./validate.ts";

export type AcceptedArchive = Extract<PublishedArchive, { readonly verdict: "accepted" }>;

/** Archives up to this many bytes take less time than the way to a thread. */
const inlineBytes = 64 * 1024;

/** Which files may be published though a rule about secrets names them. */
export type AllowsSecret = (path: string, rule: string) => boolean;

/**
 * Fourth to sixth step: the archive is read strictly, its package.json is what the manifest says, and no secret lies in
 * it. `isAllowed` is what the package's settings let pass. In a thread when it is large. Throws BLOCKED.
 */
export async function inspect(
  deps: { readonly workers: Workers },
  request: InspectedRequest,
  limits: ArchiveLimits,
  isAllowed: AllowsSecret,
): Promise<AcceptedArchive> {
  const { archive, complaints } = await inspectAll(deps, request, limits, isAllowed);
  const [first] = complaints;
  if (first !== undefined) throw first.error;
  return archive;
}

interface InspectedRequest extends Pick<PublishRequest, "name" | "version" | "manifest"> {
  readonly tarball: Pick<PublishRequest["tarball"], "blob" | "sizeBytes">;
}

/** As `inspect`; what clients read alike, and publishing refuses all the same, is an answer. Throws BLOCKED for the rest. */
export async function inspectAll(
  { workers }: { readonly workers: Workers },
  { name, version, manifest, tarball }: InspectedRequest,
  limits: ArchiveLimits,
  isAllowed: AllowsSecret,
): Promise<{ readonly archive: AcceptedArchive; readonly complaints: readonly Complaint[] }> {
  const input = { name, version, manifest, source: tarball.blob, sizeBytes: tarball.sizeBytes, limits };
  const archive =
    tarball.sizeBytes <= inlineBytes
      ? await inspectPublished(input)
      : await workers.run(inspectPublishedTask, input).catch((cause: unknown): PublishedArchive => {
          if (!isWorkerLimit(cause)) throw cause;
          return { verdict: "refused", rule: "archive/memory", reason: "reading it takes too much memory" };
        });
  const blocked = (rule: string, reason: string): Complaint => ({
    rule,
    error: new AssayError("BLOCKED", { name, version, rule, reason }),
  });
  if (archive.verdict === "refused") throw blocked(archive.rule, archive.reason).error;
  const secrets = archive.secrets.filter(({ path, rule }) => !isAllowed(path, rule));
  return {
    archive,
    complaints: [
      ...archive.odd.map(({ rule, detail }) => blocked(rule, detail)),
      ...secrets.map(({ path, rule, what }) =>
        blocked(
          rule,
          `the file ${printable(path)} holds ${what}; take it out, and revoke it if anybody else has seen it`,
        ),
      ),
    ],
  };
}
