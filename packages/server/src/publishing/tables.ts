/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** A package that has, or had, versions here. `revision` rises with every change of what its document says. */
  readonly hosted_documents: { name: string; revision: number; created_at_ms: number; changed_at_ms: number };
  /** One row a version for ever: a number that was unpublished is never free again. */
  readonly hosted_versions: {
    name: string;
    version: string;
    /** The version object as documents show it, without `deprecated`. JSON. */
    manifest: string;
    integrity: string;
    /** sha256 hex of all that was published: who sends the same again is answered as before. */
    content: string;
    readme: string | null;
    published_at_ms: number;
    /** `Principal.id`. */
    published_by: string;
    deprecated: string | null;
    unpublished_at_ms: number | null;
    /** docs/formats/packument-digest.md, of the version object with `deprecated`. Null: not made since that changed. */
    digest: string | null;
  };
  /** Versions that wait for approval. Their tarballs are held by `stage:<id>` (`Admission.hold`). */
  readonly hosted_stages: {
    /** A UUID. */
    id: string;
    name: string;
    version: string;
    /** JSON of `StagedRequest`: what the publish body said. */
    request: string;
    /** JSON of `StagedArchive`: what was found in the archive. */
    archive: string;
    /** sha256 hex of all that was sent. */
    content: string;
    /** `Principal.id`, `name`, `kind`. */
    actor: string;
    actor_name: string;
    actor_kind: string;
    /** JSON of `Authorship`: whose publish it will be. */
    authorship: string;
    /** Of the client. */
    address: string;
    created_at_ms: number;
    expires_at_ms: number;
    /** Of the approval that a rule of the configuration asks for; null: whoever may approves alone. */
    approval: string | null;
  };
  /** Versions that somebody else than their publisher got. */
  readonly hosted_fetches: { name: string; version: string; first_fetched_at_ms: number };
  readonly hosted_tags: { name: string; tag: string; version: string; set_at_ms: number };
  /** What each organisation that is counted has here (`quotas/`). One that has no row was not counted yet. */
  readonly hosted_usage: { organisation: string; packages: number; versions: number; size_bytes: number };
  /** Signed bundles that came with a version. The blob `attestation/<sha256>` holds the text. */
  readonly hosted_attestations: { name: string; version: string; predicate_type: string; digest: string };
};
