import type { HeldRelease } from "../../admission/admission.ts";
import type { EpochMs } from "@assay/core";
import type { Doer, Principal } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { addRelease, type ListedRelease } from "./add-release.ts";
import type { AcceptedArchive } from "./inspect.ts";
import { contentDigest, listManifest, type SaidOfPeople } from "./manifest.ts";
import type { Provenance } from "./provenance.ts";
import type { Described, PublishRequest } from "./publish-request.ts";

/** What passed every step. */
export interface Passed<Request extends Described = Described> {
  readonly request: Request;
  readonly archive: AcceptedArchive;
  readonly provenance: Provenance | undefined;
}

/** Who brings a version here, and what is said of it besides. */
export interface Authorship extends SaidOfPeople {
  /** `publish` of somebody who is here now, or `import` of what was published elsewhere. */
  readonly act: "publish" | "import";
  /** Stands at the version and in events: `Principal.id`, or `import:<place>`. */
  readonly by: string;
  /** Who brings it, for the audit trail. */
  readonly doer: Doer;
  /** User name of the owner, should the package be new; undefined: its organisation's alone. */
  readonly owner: string | undefined;
  /** Undefined: when it is committed. */
  readonly publishedAtMs: EpochMs | undefined;
  readonly deprecated: string | null;
}

export type CommitDeps = Omit<
  PublishingDeps,
  "permissions" | "approvals" | "publisherOf" | "organisations" | "workers" | "spool" | "random" | "telemetry"
>;

/**
 * Last steps: bytes, manifest fragment and provenance durable as blobs; then version, tags, document, the package
 * itself when it is new, and the bind in one transaction, which `requireStill` may end by throwing.
 *
 * - A crash before the commit leaves blobs that nothing refers to; nobody sees anything.
 * - A crash after it leaves a whole publish; the client hears nothing, sends it again, and is answered as before.
 */
export async function commit(
  deps: CommitDeps,
  authorship: Authorship,
  passed: Passed<PublishRequest>,
  requireStill: (transaction: Transaction) => Promise<void> = async () => {},
): Promise<void> {
  const { name, tarball } = passed.request;
  const { listed, release } = listRelease(passed, authorship);
  const content = contentDigest(passed.request);
  const isNew = await deps.admission.bind({ ...release, tarball: tarball.blob }, async (transaction) => {
    await requireStill(transaction);
    return await addRelease(deps, transaction, { ...passed, listed, content, authorship });
  });
  deps.hostedChanged(name);
  if (isNew) await deps.names.changed();
}

/** Of what somebody publishes who is here now. */
export async function authorshipOf(
  deps: Pick<PublishingDeps, "publisherOf">,
  principal: Principal,
  doer: Doer,
): Promise<Authorship> {
  const { id, kind, name } = principal;
  const publisher = (await deps.publisherOf(principal)) ?? { name, email: "" };
  const owner = kind === "ci" ? undefined : name;
  return { act: "publish", by: id, doer, owner, publisher, publishedAtMs: undefined, deprecated: null };
}

/** What will be listed and bound. Throws BAD_FORMAT. */
export function listRelease(
  { request, archive, provenance }: Passed,
  people: SaidOfPeople,
): { readonly listed: ListedRelease; readonly release: HeldRelease } {
  const { name, version, tarball } = request;
  const listed = listManifest(request, archive, provenance, people);
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
  const attestations = provenance === undefined ? [] : [provenance];
  return { listed, release: { facts, fragment: listed.fragment, attestations } };
}
