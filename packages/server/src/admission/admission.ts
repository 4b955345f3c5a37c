import type { PackageName, Version } from "@assay/core";
import type { BoundRelease } from "../releases/releases.ts";

/** The one way in for bytes from outside: fetch → verify → inspect → store → claim. */
export interface Admission {
  /**
   * Admits name@version when it is not bound yet, and answers the bound release. One download however many
   * callers wait. Throws NOT_FOUND, BLOCKED (archive or manifest refused), UPSTREAM_WRONG_BYTES (remembered
   * 30 s per source), UPSTREAM_UNAVAILABLE. Nothing is stored or claimed unless it returns.
   */
  admit(name: PackageName, version: Version): Promise<BoundRelease>;

  /**
   * Fetches the bytes of a bound version again after the disk lost them, and stores them when they are the
   * bound bytes. Single flight. Throws UPSTREAM_WRONG_BYTES when the upstream has other bytes by now, NOT_FOUND,
   * UPSTREAM_UNAVAILABLE.
   */
  restore(name: PackageName, version: Version): Promise<void>;

  /**
   * Removes stored blobs that nothing refers to and that are older than an hour. Run it now and then; safe
   * beside admissions of any process.
   */
  collectOrphans(signal: AbortSignal): Promise<{ readonly removed: number }>;
}

export { createAdmission, type AdmissionDeps, type AdmissionOptions } from "./create-admission.ts";
export { admissionMigrations } from "./migrations.ts";
