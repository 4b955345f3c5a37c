import type { PackageName, Version } from "@assay/core";
import type { SupersedeFacts } from "../checksums/checksums.ts";
import type { Transaction } from "../platform/database/database.ts";
import type { BoundRelease } from "../releases/releases.ts";
import type { Damage, Pace } from "./examine.ts";
import type { HeldRelease } from "./bind.ts";
import type { StoredRelease } from "./claim.ts";
import type { Download } from "./download.ts";
import type { OfferedRelease, Origin } from "./receive.ts";
import type { SourceChoice } from "../upstreams/upstreams.ts";
import type { Replacement, ReplacementRequest } from "./replace.ts";

/** A bound release as `admit` answers it; `releases` knows its signature. */
export type AdmittedRelease = Omit<BoundRelease, "signature">;

/** A tarball as `hold` takes it. */
export type HeldTarball = Pick<Download, "integrity" | "sizeBytes" | "blob">;

/** The one way in for bytes from outside: fetch → verify → inspect → store → claim. */
export interface Admission {
  /**
   * Admits name@version when it is not bound yet, and answers the bound release. One download however many
   * callers wait. Throws NOT_FOUND, BLOCKED (archive or manifest refused), UPSTREAM_WRONG_BYTES (remembered
   * 30 s per source), UPSTREAM_UNAVAILABLE; where somebody else's log is followed also BIND_DIFFERS, BIND_REFUSED,
   * LOG_REFUSED, LOG_UNAVAILABLE. Nothing is stored or claimed unless it returns.
   *
   * `choice`: whom the first of those callers wants to be served from.
   */
  admit(name: PackageName, version: Version, choice?: SourceChoice): Promise<AdmittedRelease>;

  /**
   * Fetches the bytes of a bound version again after the disk lost them, and stores them when they are the
   * bound bytes. Single flight. Throws UPSTREAM_WRONG_BYTES when the upstream has other bytes by now, NOT_FOUND,
   * UPSTREAM_UNAVAILABLE.
   */
  restore(name: PackageName, version: Version): Promise<void>;

  /**
   * Reads and hashes what is stored of a bound version: tarball and manifest fragment. What is damaged is moved to the
   * evidence, so that it is never served, and what is damaged or missing is fetched again. `pace` is awaited before
   * that many bytes are read. Answers what was wrong; never throws for what an upstream does.
   */
  examine(name: PackageName, version: Version, pace: Pace): Promise<readonly Damage[]>;

  /**
   * Downloads a bound version from this source and compares it with the bind. "different": kept as evidence, on record,
   * and a mirror is put aside. "same" from another source than the bind's is confirmed in the log. Throws NOT_FOUND,
   * UPSTREAM_UNAVAILABLE, UPSTREAM_BAD_ANSWER when there is nothing to compare.
   */
  compareSource(name: PackageName, version: Version, source: string): Promise<"same" | "different">;

  /**
   * Examines bytes that are to replace what a bound version is. Stores nothing. Throws as `admit` does, and CONFIG when
   * the owner does not list these bytes though its manifest is asked for.
   */
  examineReplacement(request: ReplacementRequest): Promise<Replacement>;

  /**
   * Replaces what a version is, after people approved: bytes, manifest and the signed approval are durable, then the
   * supersede is claimed. "stale": another record than `replaces` stands.
   */
  replace(
    replacement: Replacement,
    decision: { readonly replaces: SupersedeFacts["replaces"]; readonly approval: string },
  ): Promise<"superseded" | "same" | "stale">;

  /**
   * Takes in releases of a package that somebody brings along with a proof of what they are, instead of an upstream:
   * by the rules of every download, all or none. Releases are read one after the other. Throws BAD_FORMAT for bytes
   * that are not what is proven, and where something else is bound here already (a conflict record then says so),
   * BLOCKED as `admit` does, NOT_READY when it must be tried again. It checks no proof: the caller did.
   */
  receive(
    name: PackageName,
    origin: Origin,
    releases: Iterable<OfferedRelease> | AsyncIterable<OfferedRelease>,
  ): Promise<readonly AdmittedRelease[]>;

  /**
   * Stores a release that is published here durably, then binds it in one transaction with what `also` writes, which
   * runs behind the claim, also when that says that it is bound already, and may run more than once. Throws what `also`
   * throws, else CONFLICT, undoing everything, when the version is bound to something else. The caller inspected the bytes.
   */
  bind<T>(release: StoredRelease, also: (transaction: Transaction) => Promise<T>): Promise<T>;

  /**
   * Stores a tarball durably that waits for a decision, then runs `also` in the transaction that holds it for `holder`;
   * no orphan until it is let go. `also` may run more than once. One holder holds one tarball. Throws what `also` throws.
   */
  hold<T>(tarball: HeldTarball, holder: string, also: (transaction: Transaction) => Promise<T>): Promise<T>;

  /** What a holder holds is an orphan again, unless somebody else refers to it. */
  letGo(transaction: Transaction, holder: string): Promise<void>;

  /** Stores durably what `bindHeld` needs besides the tarball. Wanted by nobody it is an orphan. */
  prepareHeld(release: HeldRelease): Promise<void>;

  /**
   * As `bind`, in the caller's transaction, of a release whose tarball is held (let it go behind this) and that was
   * prepared. Throws also NOT_READY.
   */
  bindHeld<T>(transaction: Transaction, release: HeldRelease, also: () => Promise<T>): Promise<T>;

  /**
   * Removes stored blobs that nothing refers to and that are older than an hour. Run it now and then; safe
   * beside admissions of any process.
   */
  collectOrphans(signal: AbortSignal): Promise<{ readonly removed: number }>;
}

export { collect, createTarballWriter, tarballMemoryBytes, type Download, type TarballWriter } from "./download.ts";
export type { HeldRelease } from "./bind.ts";
export { createAdmission, type AdmissionDeps, type AdmissionOptions } from "./create-admission.ts";
export type { Damage, Pace } from "./examine.ts";
export type { OfferedRelease } from "./receive.ts";
export type { Replacement, ReplacementRequest } from "./replace.ts";
export { admissionMigrations } from "./migrations.ts";
export type { Statement } from "./statement.ts";
export { statementsOf } from "./store.ts";
