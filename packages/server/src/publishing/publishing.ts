import type { PackageName, Version } from "@assay/core";
import type { ApprovalHandler } from "../identity/identity.ts";
import type { Deprecating } from "./changes/deprecate.ts";
import type { Fetches } from "./fetches/fetches.ts";
import type { MoveOptions, MoveReport } from "./import/report.ts";
import type { ImportSource } from "./import/source.ts";
import type { Staging } from "./stage/stage.ts";
import type { Writer } from "./writer.ts";

export { checkTarball, type CheckedTarball } from "./check/check-tarball.ts";
export { createPublishing } from "./create-publishing.ts";
export { createHostedDocuments } from "./documents.ts";
export { createRegistrySource } from "./import/registry-source.ts";
export { openVerdaccioStorage } from "./import/verdaccio-storage.ts";
export type { Difference, MoveOptions, MoveProgress, MoveReport, NotTaken } from "./import/report.ts";
export type { ImportSource } from "./import/source.ts";
export { amount, createQuotas, measures, quotaOf, usageInWords, type Quotas } from "./quotas/quotas.ts";
export { readUsages, type Usage } from "./quotas/store.ts";
export { asSent, type Entry } from "./publish/entry.ts";
export { touchDocument } from "./store.ts";
export { publishingMigrations } from "./migrations.ts";
export { publishingRoutes } from "./routes.ts";

/** The write side: whatever somebody changes about packages that live here. */
export interface Publishing {
  /**
   * Publishes the one version that a body brings; a body without tarball says what is deprecated. Who asks is
   * authorised by name, and gives a second factor where one is needed, before a byte of `body` is read. Answers once a
   * signed checkpoint covers the bind. Whatever is refused, and a crash at any step, leaves nothing behind. The same
   * again by the same principal is answered as before. Throws UNAUTHORIZED, OTP_REQUIRED, FORBIDDEN, NOT_FOUND, BAD_REQUEST, BAD_NAME,
   * BAD_VERSION, BODY_TOO_LARGE, BLOCKED, CONFLICT, NOT_READY.
   */
  put(writer: Writer, name: PackageName, body: AsyncIterable<Uint8Array>): Promise<Put>;

  /**
   * A body with `maintainers` and no versions says who owns the package. Else takes away what a packument that a client
   * sends back has no more; its numbers are burnt. Throws as `put` does,
   * FORBIDDEN for what is too old, fetched by others or needed by another package here, CONFLICT when the document changed since.
   */
  replace(writer: Writer, name: PackageName, revision: string, body: AsyncIterable<Uint8Array>): Promise<void>;

  /** Takes away all versions. Throws as `replace` does. */
  remove(writer: Writer, name: PackageName, revision: string): Promise<void>;

  readonly fetches: Fetches;

  /**
   * Takes away a version, or all of a package, for whoever runs the registry: also what is old, or needed by others.
   * Asks nobody who may. The reason is kept in the event. Answers what is gone. Throws BAD_REQUEST, NOT_FOUND.
   */
  removeByForce(
    by: string,
    wanted: { readonly name: PackageName; readonly version: Version | undefined; readonly reason: string },
  ): Promise<readonly string[]>;

  /**
   * The second half of a client's unpublish: its file. Nothing is left to do for a version that is unpublished. Throws
   * CONFLICT for one that is not.
   */
  removeFile(writer: Writer, name: PackageName, version: Version): Promise<void>;

  /** Points a tag at a version that is there. Throws also BAD_REQUEST. */
  setTag(writer: Writer, name: PackageName, tag: string, version: unknown): Promise<void>;

  deleteTag(writer: Writer, name: PackageName, tag: string): Promise<void>;

  /**
   * Says of every version within a semver range that it is deprecated, or, without a message, that it is no more. Throws
   * also BAD_REQUEST, for a range that no version is in, too.
   */
  deprecate(writer: Writer, name: PackageName, wanted: Deprecating): Promise<void>;

  /** What is listed of a package: tags, and versions with what their deprecation says, the newest first. */
  listing(name: PackageName): Promise<{
    readonly tags: readonly { readonly tag: string; readonly version: string }[];
    readonly versions: readonly { readonly version: string; readonly deprecated: string | null }[];
  }>;

  /** Versions that wait for a person to approve them. */
  readonly staging: Staging;

  /** By kind: what is carried out once it is approved. */
  readonly approvalHandlers: Readonly<Record<string, ApprovalHandler>>;

  /** The signed bundles that came with a hosted version, with what they are statements of. */
  attestations(
    name: PackageName,
    version: Version,
  ): Promise<readonly { readonly predicateType: string; readonly bundle: unknown }[]>;

  /**
   * Brings packages here from another registry, with their times, tags and deprecations, by the steps of a publish. What
   * is here stays as it is. Asks nobody who may: only for whoever has the data folder. Throws USAGE, UNAUTHORIZED,
   * NOT_READY; all else is in the report.
   */
  move(source: ImportSource, options: MoveOptions): Promise<MoveReport>;
}

export type Put =
  /** `notice`: to be told to its publisher. */
  | { readonly kind: "published"; readonly version: Version; readonly notice: string | undefined }
  /** Only what it says about deprecation was taken. */
  | { readonly kind: "deprecated" };
