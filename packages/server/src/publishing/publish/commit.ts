import { AssayError, type EpochMs, type Version } from "@assay/core";
import { blobKey } from "../../platform/blobs/key.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { documentChanged } from "../changes/document-changed.ts";
import { addAttestation, addVersion, putTag, readTags } from "../store.ts";
import type { AcceptedArchive } from "./inspect.ts";
import { claimDeprecation } from "../changes/deprecate.ts";
import { contentDigest, listManifest, type Publisher } from "./manifest.ts";
import type { Provenance } from "./provenance.ts";
import type { PublishRequest } from "./publish-request.ts";
import { refuseTakenIn } from "./refuse-taken.ts";

/** What passed every step. */
export interface Passed {
  readonly request: PublishRequest;
  readonly archive: AcceptedArchive;
  readonly provenance: Provenance | undefined;
}

/** Who brings a version here, and what is said of it besides. */
export interface Authorship {
  /** `publish` of somebody who is here now, or `import` of what was published elsewhere. */
  readonly act: "publish" | "import";
  /** Stands at the version and in events: `Principal.id`, or `import:<place>`. */
  readonly by: string;
  /** User name of the owner, should the package be new; undefined: its organisation's alone. */
  readonly owner: string | undefined;
  /** `_npmUser`; undefined: nobody says. */
  readonly publisher: Publisher | undefined;
  /** Undefined: when it is committed. */
  readonly publishedAtMs: EpochMs | undefined;
  readonly deprecated: string | null;
}

const longestReadme = 64 * 1024;

export type CommitDeps = Omit<PublishingDeps, "permissions" | "publisherOf" | "organisations" | "workers" | "spool">;

/**
 * Last steps: bytes, manifest fragment and provenance durable as blobs; then version, tags, document, the package
 * itself when it is new, and the bind in one transaction.
 *
 * - A crash before the commit leaves blobs that nothing refers to; nobody sees anything.
 * - A crash after it leaves a whole publish; the client hears nothing, sends it again, and is answered as before.
 */
export async function commit(
  deps: CommitDeps,
  authorship: Authorship,
  { request, archive, provenance }: Passed,
): Promise<void> {
  const { name, version, tarball, tags } = request;
  const { by, deprecated } = authorship;
  const listed = listManifest(request, archive, provenance, authorship.publisher);
  if (provenance !== undefined) {
    const bytes = new Uint8Array(Buffer.from(provenance.text));
    await deps.blobs.put(blobKey("attestation", "sha256", provenance.digest), bytes, {
      sizeBytes: bytes.length,
      sha256: provenance.digest,
    });
  }
  const facts = {
    name,
    version,
    integrity: tarball.integrity,
    tree: archive.tree,
    manifest: listed.manifest,
    sizeBytes: tarball.sizeBytes,
    source: "hosted",
    signer: "-",
  };
  const release = { facts, fragment: listed.fragment, tarball: tarball.blob };
  const isNew = await deps.admission.bind(release, async (transaction) => {
    if ((await refuseTakenIn(transaction, { id: by }, request)) === "published") return false;
    const nowMs = deps.clock.now();
    const claimed = await deps.names.claim(transaction, {
      name,
      visibility: request.access,
      owner: authorship.owner,
    });
    const before = new Map((await readTags(transaction, name)).map(({ tag, version: at }) => [tag, at]));
    const isAdded = await addVersion(transaction, {
      name,
      version,
      manifest: listed.text,
      integrity: tarball.integrity,
      content: contentDigest(request),
      readme: request.readme?.slice(0, longestReadme) ?? null,
      published_at_ms: authorship.publishedAtMs ?? nowMs,
      published_by: by,
      deprecated,
      unpublished_at_ms: null,
      // Of one that is deprecated it is made with the head.
      digest: deprecated === null ? listed.digest : null,
    });
    if (!isAdded)
      throw new AssayError("CONFLICT", { reason: `${name}@${version} is being published by somebody else` });
    // A package without `latest` cannot be installed by its name alone.
    const set = before.size === 0 && !tags.includes("latest") ? [...tags, "latest"] : tags;
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
      data: { by, tags: set.join(" "), integrity: tarball.integrity },
    });
    return claimed === "made";
  });
  deps.hostedChanged(name);
  if (isNew) await deps.names.changed();
}
