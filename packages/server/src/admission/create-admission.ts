import { AssayError, type ErrorCode, type PackageName, type Version, isAssayError } from "@assay/core";
import type { BindFacts, Checksums } from "../checksums/checksums.ts";
import type { Config, UpstreamConfig } from "../config/config.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Spool } from "../platform/blobs/spool.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { BoundRelease, Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Admission } from "./admission.ts";
import { putTarball, storeAndClaim } from "./claim.ts";
import { basisText, compareBytes } from "./compare.ts";
import { type Download, type DownloadDeps, download } from "./download.ts";
import { keepEvidence } from "./evidence.ts";
import { inspect } from "./inspect.ts";
import { type Located, findListed, locate } from "./locate.ts";
import { collectOrphans } from "./orphans.ts";
import { createRemembered } from "./remembered.ts";
import { examineReplacement, replace } from "./replace.ts";

export interface AdmissionDeps {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly checksums: Pick<Checksums, "ask" | "bindsOf" | "claimBind" | "claimConflict" | "claimSupersede" | "wake">;
  readonly releases: Pick<Releases, "packageState" | "raise">;
  readonly upstreams: Pick<Upstreams, "packument" | "reload" | "tarball">;
  readonly events: Events;
  readonly clock: Clock;
  /** Where large downloads wait; on the same file system as the blobs. */
  readonly spool: Spool;
  readonly workers: Workers;
  readonly telemetry: Telemetry;
}

export interface AdmissionOptions {
  readonly limits: Pick<Config["limits"], "tarballBytes" | "unpackedBytes" | "archiveEntries">;
  readonly integrityPolicy: (source: string) => UpstreamConfig["integrity"];
  /** Default: 16 MiB each, 256 MiB together. */
  readonly evidence?: { readonly eachBytes: number; readonly totalBytes: number };
}

/** How long a refusal stands without another download. */
const rememberMs = 30_000;

/** Refusals that stand for a while, and the outcome that they count as. */
const refusedAs: Readonly<Partial<Record<ErrorCode, string>>> = {
  BLOCKED: "refused",
  UPSTREAM_WRONG_BYTES: "wrong-bytes",
  BIND_REFUSED: "not-bound",
  BIND_DIFFERS: "other-bytes",
};

/** The pipeline (`admission.ts`): locate → download → compare → inspect → ask the log → store → claim, each in a file of its name. */
export function createAdmission(deps: AdmissionDeps, options: AdmissionOptions): Admission {
  const { clock, telemetry, releases, checksums } = deps;
  const evidenceLimits = options.evidence ?? { eachBytes: 16 * 1024 * 1024, totalBytes: 256 * 1024 * 1024 };
  const archiveLimits = { unpackedBytes: options.limits.unpackedBytes, entries: options.limits.archiveEntries };
  const downloadDeps: DownloadDeps = {
    upstreams: deps.upstreams,
    spool: deps.spool,
    clock,
    maxBytes: options.limits.tarballBytes,
  };
  const replaceDeps = { ...deps, limits: archiveLimits, integrityPolicy: options.integrityPolicy };
  const admissions = createSingleFlight<BoundRelease>();
  const restores = createSingleFlight<void>();
  const refusals = createRemembered<AssayError>(clock, rememberMs);
  const instruments = createInstruments(telemetry);

  async function admitNow(name: PackageName, version: Version): Promise<BoundRelease> {
    const state = await releases.packageState(name);
    const standing = state.binds.get(version);
    if (standing !== undefined) return standing;

    const located = await locate(
      { upstreams: deps.upstreams, integrityPolicy: options.integrityPolicy },
      name,
      version,
    );
    const { source } = located.packument;
    const key = `${name}@${version} ${source}`;
    const subject = `${basisText(located.basis)} ${located.manifestDigest}`;
    const earlier = refusals.find(key, subject);
    if (earlier !== undefined) throw again(earlier);
    const asked = checksums.ask(name, version);
    try {
      await using bytes = await download(downloadDeps, located);
      const difference = compareBytes(located.basis, bytes);
      if (difference !== undefined) throw await wrongBytes(name, version, source, difference, bytes);
      const { manifest, fragment } = located;
      const archive = { source: bytes.blob, sizeBytes: bytes.sizeBytes, limits: archiveLimits };
      const inspection = await inspect(deps, { name, version, manifest, ...archive }, fragment.length);
      for (const { rule } of inspection.findings) instruments.findings.add(1, { rule });
      const served = bindFacts(name, version, located, bytes, inspection.tree);
      const facts = await asked.holdAgainst(served).catch(async (error: unknown) => {
        // The bytes are what the source lists, and the log says something else: somebody will want to see them.
        if (isAssayError(error, "BIND_DIFFERS")) await keepEvidence(deps, evidenceLimits, served, bytes);
        throw error;
      });
      const bind = await storeAndClaim(deps, facts, located.fragment, bytes);
      instruments.outcomes.add(1, { outcome: "admitted" });
      return { name, version, integrity: bind.integrity, sizeBytes: bind.sizeBytes, manifest: bind.manifest };
    } catch (error) {
      const outcome = isAssayError(error) ? refusedAs[error.code] : undefined;
      if (isAssayError(error) && outcome !== undefined) {
        refusals.add(key, subject, error);
        instruments.outcomes.add(1, { outcome });
        telemetry.log.warn("refused a tarball", {
          "package.name": name,
          "package.version": version,
          source,
          "error.message": error.message,
        });
      }
      throw error;
    }
  }

  /** Evidence, event and metric; the error is for the caller to throw. */
  async function wrongBytes(
    name: PackageName,
    version: Version,
    source: string,
    reason: string,
    bytes: Download,
  ): Promise<AssayError> {
    const evidence = await keepEvidence(deps, evidenceLimits, { name, version, source }, bytes);
    await deps.database.write((transaction) =>
      deps.events.record(transaction, {
        kind: "upstream.wrong-bytes",
        subject: `npm ${name}@${version}`,
        data: { source, reason, sha256: evidence.sha256, sizeBytes: bytes.sizeBytes, kept: evidence.kept },
      }),
    );
    return new AssayError("UPSTREAM_WRONG_BYTES", { name, version, source, reason });
  }

  async function restoreNow(name: PackageName, version: Version): Promise<void> {
    const bind = (await checksums.bindsOf(name)).get(version);
    if (bind === undefined) throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
    const listing = await findListed(deps.upstreams, name, version);
    const { source } = listing.packument;
    const key = `restore ${name}@${version} ${source}`;
    const earlier = refusals.find(key, bind.integrity);
    if (earlier !== undefined) throw again(earlier);
    await using bytes = await download(downloadDeps, listing);
    const difference = compareBytes({ kind: "sha512", integrity: bind.integrity }, bytes);
    if (difference !== undefined) {
      const error = await wrongBytes(name, version, source, difference, bytes);
      await recordConflict(bind, source, bytes);
      refusals.add(key, bind.integrity, error);
      throw error;
    }
    await putTarball(deps.blobs, bind, bytes);
    telemetry.log.warn("fetched lost bytes again", { "package.name": name, "package.version": version, source });
  }

  async function recordConflict(bind: BindFacts, source: string, bytes: Download): Promise<void> {
    const { name, version } = bind;
    await deps.database.write(async (transaction) => {
      const facts = { name, version, source, integrity: bytes.integrity, tree: "-", manifest: "-", evidence: "-" };
      if (!(await checksums.claimConflict(transaction, facts))) return;
      await deps.events.record(transaction, {
        kind: "upstream.conflict",
        subject: `npm ${name}@${version}`,
        data: { source, from: "bytes" },
      });
    });
    checksums.wake();
  }

  return {
    admit: (name, version) => admissions.run(`${name}@${version}`, () => admitNow(name, version)),
    restore: (name, version) => restores.run(`${name}@${version}`, () => restoreNow(name, version)),
    examineReplacement: (request) => examineReplacement(replaceDeps, request),
    replace: (replacement, decision) => replace(replaceDeps, replacement, decision),
    collectOrphans: (signal) => collectOrphans(deps, signal),
  };
}

function bindFacts(name: PackageName, version: Version, located: Located, bytes: Download, tree: string): BindFacts {
  return {
    name,
    version,
    integrity: bytes.integrity,
    tree,
    manifest: located.manifestDigest,
    sizeBytes: bytes.sizeBytes,
    source: located.packument.source,
    // Registry signatures are not verified yet, and what was not verified is not claimed.
    signer: "-",
  };
}

/** A remembered refusal for another caller, with a stack of its own. */
function again(error: AssayError): AssayError {
  return new AssayError(error.code, error.details, { cause: error });
}

function createInstruments({ metrics }: Telemetry) {
  return {
    outcomes: metrics.counter("assay_admissions_total", "Tarballs that came in, by outcome.", ["outcome"]),
    findings: metrics.counter("assay_archive_findings_total", "Oddities of admitted archives, by rule.", ["rule"]),
  };
}
