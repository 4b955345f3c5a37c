import { AssayError, type Version } from "@assay/core";
import { actOf } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import { claimDeprecation } from "../changes/deprecate.ts";
import { documentChanged } from "../changes/document-changed.ts";
import { addAttestation, addVersion, liveVersions, putTag, readTags } from "../store.ts";
import type { Authorship, CommitDeps, Passed } from "./commit.ts";
import type { ListedManifest } from "./manifest.ts";
import { refuseStaged, refuseTaken } from "./refuse-taken.ts";

export type ListedRelease = Pick<ListedManifest, "text" | "digest">;

interface NewRelease extends Pick<Passed, "request" | "provenance"> {
  readonly listed: ListedRelease;
  /** `contentDigest` of the request as it came in. */
  readonly content: string;
  readonly authorship: Authorship;
  /** Id of the person who approved it. */
  readonly approver?: string;
}

export const longestReadme = 64 * 1024;

/**
 * All that a publish writes besides the bind, in its transaction and behind the claim. Answers whether the package is
 * new: call `names.changed` after the commit then, and `hostedChanged` in any case. Throws CONFLICT for a number that is taken.
 */
export async function addRelease(
  deps: CommitDeps,
  transaction: Transaction,
  { request, provenance, listed, content, authorship, approver }: NewRelease,
): Promise<boolean> {
  const { name, version, tarball, tags } = request;
  const { by, deprecated } = authorship;
  const nowMs = deps.clock.now();
  if ((await refuseTaken(transaction, { id: by }, request, content)) === "published") return false;
  await refuseStaged(transaction, request, nowMs);
  const claimed = await deps.names.claim(transaction, { name, visibility: request.access, owner: authorship.owner });
  const before = new Map((await readTags(transaction, name)).map(({ tag, version: at }) => [tag, at]));
  const isAdded = await addVersion(transaction, {
    name,
    version,
    manifest: listed.text,
    integrity: tarball.integrity,
    content,
    readme: request.readme?.slice(0, longestReadme) ?? null,
    published_at_ms: authorship.publishedAtMs ?? nowMs,
    published_by: by,
    deprecated,
    unpublished_at_ms: null,
    // Of one that is deprecated it is made with the head.
    digest: deprecated === null ? listed.digest : null,
  });
  if (!isAdded) throw new AssayError("CONFLICT", { reason: `${name}@${version} is being published by somebody else` });
  const isFirst = (await liveVersions(transaction, name)).length === 1;
  await deps.quotas.count(transaction, name, {
    packages: Number(isFirst),
    versions: 1,
    sizeBytes: tarball.sizeBytes,
  });
  // Of what moves here most versions have no tag.
  const set = tags.length === 0 && before.size > 0 ? [] : deps.entry(name, tags, before.size === 0);
  for (const tag of set) {
    await putTag(transaction, name, tag, version, nowMs);
    const from = (before.get(tag) ?? "-") as Version | "-";
    await deps.checksums.claimTag(transaction, { name, tag, from, to: version, source: "hosted", atMs: nowMs });
  }
  if (provenance !== undefined) {
    const { predicateType: predicate_type, digest } = provenance;
    await addAttestation(transaction, { name, version, predicate_type, digest });
  }
  if (deprecated !== null) await claimDeprecation(deps, transaction, { name, version, message: deprecated }, nowMs);
  await documentChanged(deps, transaction, name, nowMs);
  await deps.releases.published(transaction, name, version);
  await deps.events.record(transaction, {
    kind: authorship.act === "publish" ? "release.published" : "release.imported",
    subject: `npm ${name}@${version}`,
    data: {
      by,
      tags: set.join(" "),
      integrity: tarball.integrity,
      ...(approver === undefined ? {} : { approver }),
    },
    act: actOf(authorship.doer, deps.names.organisationOf(name)),
  });
  return claimed === "made";
}
