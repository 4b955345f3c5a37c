import { AssayError, type ErrorCode, type PackageName, type Version, isAssayError } from "@assay/core";
import type { BindFacts, Checksums } from "../checksums/checksums.ts";
import type { Config, UpstreamConfig } from "../config/config.ts";
import type { Delegations } from "../delegation/delegation.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Spool } from "../platform/blobs/spool.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { RegistrySigning } from "../signing/signing.ts";
import type { SourceChoice, Upstreams } from "../upstreams/upstreams.ts";
import type { Admission, AdmittedRelease } from "./admission.ts";
import { type Observed, type Wanted, acquire, again } from "./acquire.ts";
import { type AcquireAgreedDeps, acquireAgreed } from "./acquire-agreed.ts";
import { bind, bindHeld, hold, prepareHeld } from "./bind.ts";
import { letGo } from "./store.ts";
import { putTarball, storeAndClaim } from "./claim.ts";
import { basisText } from "./compare.ts";
import type { Download } from "./download.ts";
import { keepEvidence } from "./evidence.ts";
import { examine } from "./examine.ts";
import { inspect } from "./inspect.ts";
import { type Located, locate } from "./locate.ts";
import { collectOrphans } from "./orphans.ts";
import { receive } from "./receive.ts";
import { recordSignatureRefusal, signatureSubject, verifySignatures } from "./signature.ts";
import { createRemembered } from "./remembered.ts";
import { examineReplacement, replace } from "./replace.ts";
import { type WrongBytes, claimConflicts, reportDisagreement, takeDown } from "./wrong-bytes.ts";

export interface AdmissionDeps {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly checksums: Pick<
    Checksums,
    "ask" | "bindsOf" | "claimBind" | "claimConfirm" | "claimConflict" | "claimSupersede" | "wake"
  >;
  readonly releases: Pick<Releases, "packageState" | "raise">;
  readonly upstreams: Pick<
    Upstreams,
    "agreementOf" | "keys" | "ownerOf" | "packument" | "relay" | "reload" | "stored" | "tarballs" | "standing"
  >;
  readonly signing: Pick<RegistrySigning, "sign">;
  readonly delegations: Pick<Delegations, "propose">;
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
  BIND_REFUSED: "not-bound",
  BIND_DIFFERS: "other-bytes",
  SOURCES_DISAGREE: "disagreement",
};

/** The pipeline (`admission.ts`): locate → acquire (download, compare) → signature → inspect → ask the log → store → claim, each in a file of its name. */
export function createAdmission(deps: AdmissionDeps, options: AdmissionOptions): Admission {
  const { clock, telemetry, releases, checksums } = deps;
  const evidenceLimits = options.evidence ?? { eachBytes: 16 * 1024 * 1024, totalBytes: 256 * 1024 * 1024 };
  const archiveLimits = { unpackedBytes: options.limits.unpackedBytes, entries: options.limits.archiveEntries };
  const acquireDeps: AcquireAgreedDeps = {
    upstreams: deps.upstreams,
    spool: deps.spool,
    clock,
    maxBytes: options.limits.tarballBytes,
    lies: createRemembered(clock, rememberMs),
    onWrong,
    onDisagreement: (served, reason) => reportDisagreement(deps, evidenceLimits, served, reason),
  };
  const replaceDeps = { ...deps, limits: archiveLimits, integrityPolicy: options.integrityPolicy };
  const receiveDeps = { ...deps, limits: { ...archiveLimits, tarballBytes: options.limits.tarballBytes } };
  const admissions = createSingleFlight<AdmittedRelease>();
  const restores = createSingleFlight<void>();
  const refusals = createRemembered<AssayError>(clock, rememberMs);
  const instruments = createInstruments(telemetry);

  async function admitNow(
    name: PackageName,
    version: Version,
    choice: SourceChoice | undefined,
  ): Promise<AdmittedRelease> {
    const state = await releases.packageState(name);
    const standing = state.binds.get(version);
    if (standing !== undefined) return standing;

    const located = await locate(
      { upstreams: deps.upstreams, integrityPolicy: options.integrityPolicy },
      name,
      version,
    );
    const key = `${name}@${version} ${located.packument.source}`;
    const subject = `${basisText(located.basis)} ${located.manifestDigest} ${signatureSubject(located)}`;
    const earlier = refusals.find(key, subject);
    if (earlier !== undefined) throw again(earlier);
    // Once more, for what `locate` learned of the package decides too.
    const { refused, examined } = await releases.packageState(name);
    const refusal = refused.get(version);
    if (refusal !== undefined) throw new AssayError("BLOCKED", { name, version, ...refusal });
    const asked = checksums.ask(name, version);
    try {
      const { listed, basis, manifest, fragment } = located;
      const wanted: Wanted = { name, version, listed, basis, choice };
      const agreement = deps.upstreams.agreementOf(name);
      const { bytes: acquired, ...way } =
        agreement.needed > 1 ? await acquireAgreed(acquireDeps, wanted, agreement) : await acquire(acquireDeps, wanted);
      await using bytes = acquired;
      if (examined !== undefined && examined.get(version) !== bytes.integrity)
        throw new AssayError("BLOCKED", {
          name,
          version,
          rule: "auditor/other-bytes",
          reason: `its auditors examined ${examined.get(version)}, the bytes are ${bytes.integrity}`,
        });
      const signer = await verifySignatures(deps, located, bytes.integrity);
      const archive = { source: bytes.blob, sizeBytes: bytes.sizeBytes, limits: archiveLimits };
      const inspection = await inspect(deps, { name, version, manifest, ...archive }, fragment.length);
      for (const { rule } of inspection.findings) instruments.findings.add(1, { rule });
      const served = bindFacts(located, { bytes, source: way.source, tree: inspection.tree, signer });
      const facts = await asked.holdAgainst(served).catch(async (error: unknown) => {
        // The bytes are what the source lists, and the log says something else: somebody will want to see them.
        if (isAssayError(error, "BIND_DIFFERS")) await keepEvidence(deps, evidenceLimits, served, bytes);
        throw error;
      });
      const bind = await storeAndClaim(deps, {
        facts,
        fragment,
        bytes,
        wrong: way.wrong,
        confirmed: way.confirmed,
        movedTo: inspection.movedTo,
      });
      instruments.outcomes.add(1, { outcome: "admitted" });
      return { name, version, integrity: bind.integrity, sizeBytes: bind.sizeBytes, manifest: bind.manifest };
    } catch (error) {
      const outcome = isAssayError(error) ? refusedAs[error.code] : undefined;
      if (isAssayError(error) && outcome !== undefined) {
        if (isAssayError(error, "BLOCKED")) await recordSignatureRefusal(deps, error, located.packument.source);
        refusals.add(key, subject, error);
        instruments.outcomes.add(1, { outcome });
        telemetry.log.warn("refused a tarball", {
          "package.name": name,
          "package.version": version,
          source: located.packument.source,
          "error.message": error.message,
        });
      }
      throw error;
    }
  }

  async function onWrong(observed: Observed, bytes: Download): Promise<WrongBytes> {
    const { name, version, source, reason } = observed;
    instruments.outcomes.add(1, { outcome: "wrong-bytes" });
    telemetry.log.warn("refused a tarball", {
      "package.name": name,
      "package.version": version,
      source,
      "error.message": reason,
    });
    return await takeDown(deps, evidenceLimits, observed, bytes);
  }

  /** As `onWrong`, where it is known what is bound. */
  async function conflicting(observed: Observed, bytes: Download): Promise<WrongBytes> {
    const wrong = await onWrong(observed, bytes);
    await deps.database.write((transaction) => claimConflicts(deps, transaction, [wrong]));
    return wrong;
  }

  const restoreOnce = (name: PackageName, version: Version): Promise<void> =>
    restores.run(`${name}@${version}`, () => restoreNow(name, version));

  /** Whatever is listed by now: the bytes are bound, so any source may have them and none can change them. */
  async function restoreNow(name: PackageName, version: Version): Promise<void> {
    const bind = (await checksums.bindsOf(name)).get(version);
    if (bind === undefined) throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
    const listed = (await deps.upstreams.stored(name))?.versions.get(version);
    const basis = { kind: "sha512", integrity: bind.integrity } as const;
    const restoring = { ...acquireDeps, onWrong: conflicting };
    const { bytes: acquired, source } = await acquire(restoring, { name, version, listed, basis });
    await using bytes = acquired;
    await putTarball(deps.blobs, bind, bytes);
    telemetry.log.warn("fetched lost bytes again", { "package.name": name, "package.version": version, source });
  }

  async function compareSource(name: PackageName, version: Version, source: string): Promise<"same" | "different"> {
    const bind = (await checksums.bindsOf(name)).get(version);
    if (bind === undefined) throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
    const { integrity } = bind;
    const listed = (await deps.upstreams.stored(name))?.versions.get(version);
    const tarballs: Upstreams["tarballs"] = (request) =>
      deps.upstreams.tarballs({ ...request, skip: (alias) => alias !== source || request.skip(alias) });
    const comparing = { ...acquireDeps, upstreams: { tarballs }, onWrong: conflicting };
    try {
      const { bytes } = await acquire(comparing, { name, version, listed, basis: { kind: "sha512", integrity } });
      await bytes[Symbol.asyncDispose]();
    } catch (error) {
      if (isAssayError(error, "UPSTREAM_WRONG_BYTES")) return "different";
      throw error;
    }
    if (source !== bind.source)
      await deps.database.write((transaction) =>
        checksums.claimConfirm(transaction, { name, version, integrity, source }),
      );
    return "same";
  }

  return {
    examine: (name, version, pace) =>
      examine({ ...deps, limits: evidenceLimits, restore: restoreOnce }, name, version, pace),
    compareSource,
    admit: (name, version, choice) => admissions.run(`${name}@${version}`, () => admitNow(name, version, choice)),
    restore: restoreOnce,
    examineReplacement: (request) => examineReplacement(replaceDeps, request),
    replace: (replacement, decision) => replace(replaceDeps, replacement, decision),
    bind: (release, also) => bind(deps, release, also),
    hold: (tarball, holder, also) => hold(deps, tarball, holder, also),
    letGo,
    prepareHeld: (release) => prepareHeld(deps, release),
    bindHeld: (transaction, release, also) => bindHeld(deps, transaction, release, also),
    receive: (name, origin, offered) => receive(receiveDeps, name, origin, offered),
    collectOrphans: (signal) => collectOrphans(deps, signal),
  };
}

function bindFacts(
  { packument: { name }, listed: { version }, manifestDigest }: Located,
  { bytes, ...found }: { readonly bytes: Download } & Pick<BindFacts, "source" | "tree" | "signer">,
): BindFacts {
  const { integrity, sizeBytes } = bytes;
  return { name, version, integrity, manifest: manifestDigest, sizeBytes, ...found };
}

function createInstruments({ metrics }: Telemetry) {
  return {
    outcomes: metrics.counter("assay_admissions_total", "Tarballs that came in, by outcome.", ["outcome"]),
    findings: metrics.counter("assay_archive_findings_total", "Oddities of admitted archives, by rule.", ["rule"]),
  };
}
