import {
  AssayError,
  equalBytes,
  integrityHex,
  isAssayError,
  MisbehaviourError,
  type PackageName,
  type Version,
} from "@assay/core";
import { maxBundleBytes, openCheckpoint, type TrustPolicy } from "@assay/verify";
import type { Admission, OfferedRelease } from "../../admission/admission.ts";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Releases } from "../../releases/releases.ts";
import { importAlias, type ImportedListings } from "../../upstreams/upstreams.ts";
import { readWhole, type Member, type Members } from "../container/members.ts";
import {
  exportFile,
  exportLimits,
  memberPath,
  parseHead,
  parseReleases,
  type ExportedLog,
  type ExportedPackage,
  type ExportHead,
  type MemberFile,
} from "../export-format.ts";
import { addProofs, seenCheckpoint } from "../store-imports.ts";
import { checkListing } from "./check-listing.ts";
import { checkProof, proofDigest, type ProvenRelease } from "./check-proof.ts";

export interface ImportDeps {
  readonly database: Database;
  readonly blobs: Pick<BlobStore, "put" | "stat">;
  readonly admission: Pick<Admission, "receive">;
  readonly releases: Pick<Releases, "packageState">;
  readonly listings: ImportedListings;
  readonly clock: Clock;
}

export interface ImportOptions {
  /** The logs that are believed, and on which conditions. */
  readonly policy: TrustPolicy;
  /** Largest listing and tarball that are read. */
  readonly limits: { readonly packumentBytes: number; readonly tarballBytes: number };
  /** Ends the import after the package under way. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly done: number;
  /** Packages. */
  readonly total: number;
  readonly latest: string;
}

export interface ImportReport {
  readonly outcome: "complete" | "incomplete" | "stopped";
  readonly created: string;
  /** Packages that are here now, and how many of them were before. */
  readonly packages: number;
  readonly already: number;
  readonly releases: number;
  /** Packages that were refused whole. */
  readonly refused: readonly Refused[];
  /** Why the rest could not be read; undefined when there was none. */
  readonly broken: string | undefined;
}

export interface Refused {
  /** Its name, or `package 12` where that could not be read. */
  readonly name: string;
  readonly reason: string;
  /** Proof that a log misbehaved; it is complete in itself. */
  readonly evidence: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads an export (docs/formats/export.md) and binds what it proves. Each package is taken in whole or not at all, and
 * one that is refused stops no other. Idempotent: after a crash or a stop, the same import goes on, and what is here
 * already costs a look.
 *
 * Throws BAD_FORMAT when it is no export at all or a trusted log did not sign its checkpoint, and MisbehaviourError when a log showed another tree of the same size
 * in an earlier import.
 */
export async function importPackages(
  deps: ImportDeps,
  members: Members,
  options: ImportOptions,
): Promise<ImportReport> {
  const head = parseHead(await readWhole(await members.next(exportFile, exportLimits.headBytes)));
  for (const log of head.logs) await checkTree(deps, log, options.policy);
  const refused: Refused[] = [];
  const counts = { packages: 0, already: 0, releases: 0 };
  const report = (outcome: ImportReport["outcome"], broken?: string): ImportReport => ({
    outcome,
    created: head.created,
    ...counts,
    refused,
    broken,
  });
  let before: PackageName | undefined;
  for (let number = 1; number <= head.packages; number += 1) {
    if (options.signal.aborted) return report("stopped");
    const about: { name: PackageName | undefined } = { name: undefined };
    const shown = (): string => about.name ?? `package ${number}`;
    try {
      const done = await importOne({ ...deps, members, head, options, before, about }, number);
      counts.packages += 1;
      counts.releases += done.releases;
      if (done.outcome === "already") counts.already += 1;
    } catch (error) {
      refused.push({ name: shown(), ...refusalOf(error) });
      const broken = await skipPackage(members, number, head.packages);
      if (broken !== undefined) return report("incomplete", broken);
    }
    before = about.name ?? before;
    options.onProgress?.({ done: number, total: head.packages, latest: shown() });
  }
  try {
    await members.end();
  } catch (error) {
    return report("incomplete", refusalOf(error).reason);
  }
  return report(refused.length === 0 ? "complete" : "incomplete");
}

/** Passes over the rest of a package; says why the export cannot be read on, if it cannot. */
async function skipPackage(members: Members, number: number, packages: number): Promise<string | undefined> {
  try {
    const found = await members.skipTo(memberPath(number + 1, "releases.json"));
    if (found === number < packages) return undefined;
    return found ? "it holds more packages than it says" : `nothing follows package ${number}`;
  } catch (error) {
    return refusalOf(error).reason;
  }
}

/** What is wrong with the package; anything else (a full disk, a lost database) ends the import. */
function refusalOf(error: unknown): Omit<Refused, "name"> {
  if (error instanceof MisbehaviourError) return { reason: error.message, evidence: error.evidence };
  const codes = [
    "BAD_FORMAT",
    "BAD_NAME",
    "BAD_VERSION",
    "BLOCKED",
    "BIND_DIFFERS",
    "NOT_READY",
    "UPSTREAM_BAD_ANSWER",
    "LOG_UNAVAILABLE",
    "LOG_REFUSED",
  ] as const;
  if (codes.some((code) => isAssayError(error, code))) return { reason: (error as Error).message, evidence: undefined };
  throw error;
}

/** Two exports of one log may hold trees of different sizes; of one size there is one tree. */
async function checkTree(
  { database }: ImportDeps,
  { origin, checkpoint }: ExportedLog,
  policy: TrustPolicy,
): Promise<void> {
  const log = policy.logs.find((each) => each.origin === origin);
  // Nothing that an unknown log says is remembered; each package that it vouches for is refused.
  if (log === undefined) return;
  const { size, root } = (await openCheckpoint(log, checkpoint)).checkpoint;
  const seen = await database.write((transaction) =>
    seenCheckpoint(transaction, { origin, size, root, note: checkpoint }),
  );
  if (seen === undefined || equalBytes(seen.root, root)) return;
  throw new MisbehaviourError(`The log ${origin} signed two trees of ${size} entries.`, {
    first: seen.note,
    second: checkpoint,
  });
}

interface PackageImport extends ImportDeps {
  readonly members: Members;
  readonly head: ExportHead;
  readonly options: ImportOptions;
  /** Name of the package before. */
  readonly before: PackageName | undefined;
  /** Takes the name as soon as it is known. */
  readonly about: { name: PackageName | undefined };
}

async function importOne(
  deps: PackageImport,
  number: number,
): Promise<{ readonly outcome: "imported" | "already"; readonly releases: number }> {
  const { members, options, head, about, before, admission, listings, clock } = deps;
  const next = async (file: MemberFile, mostBytes: number): Promise<Member> =>
    await members.next(memberPath(number, file), mostBytes);
  const exported = parseReleases(await readWhole(await next("releases.json", exportLimits.releasesBytes)));
  const { name, releases } = exported;
  about.name = name;
  if (before !== undefined && name <= before)
    throw new AssayError("BAD_FORMAT", { what: "The export", reason: `${name} does not follow ${before}` });
  const listing = await readWhole(await next("listing.json", options.limits.packumentBytes));
  const manifests = checkListing(listing, exported);
  const bundle = await readWhole(await next("bundle.json", maxBundleBytes));
  const nowSeconds = Math.floor(clock.now() / 1000);
  const proven = await checkProof({ policy: options.policy, nowSeconds, logs: head.logs }, bundle, exported);
  const proof = proofDigest(bundle);
  await deps.blobs.put(blobKey("proof", "sha256", proof.hex), bundle, {
    sizeBytes: bundle.byteLength,
    sha256: proof.hex,
  });

  const isHere = await isBoundHere(deps, exported);
  const origin = { source: importAlias, evidence: proof.digest };
  if (isHere) for (const { integrity, sizeBytes } of releases) await next(integrity, sizeBytes);
  else await admission.receive(name, origin, offers({ members, number, exported, manifests, proven, options }));
  // After the binds: what is listed can be served. A crash between leaves releases that only lockfiles find.
  await listings.keep(name, listing);
  await writeProofs(deps, name, proven, proof.digest);
  return { outcome: isHere ? "already" : "imported", releases: releases.length };
}

async function isBoundHere({ releases, blobs }: PackageImport, exported: ExportedPackage): Promise<boolean> {
  const { binds } = await releases.packageState(exported.name);
  for (const { version, integrity, sizeBytes } of exported.releases) {
    if (binds.get(version)?.integrity !== integrity) return false;
    const stored = await blobs.stat(blobKey("tarball", "sha512", integrityHex(integrity)));
    if (stored?.sizeBytes !== sizeBytes) return false;
  }
  return true;
}

/** The releases with their bytes, which come in the order of the export. */
async function* offers(given: {
  readonly members: Members;
  readonly number: number;
  readonly exported: ExportedPackage;
  readonly manifests: ReadonlyMap<Version, unknown>;
  readonly proven: ReadonlyMap<Version, ProvenRelease>;
  readonly options: ImportOptions;
}): AsyncGenerator<OfferedRelease> {
  const { members, number, exported, manifests, proven, options } = given;
  for (const { version, integrity, sizeBytes, fragment } of exported.releases) {
    const record = proven.get(version)?.record;
    if (record === undefined) throw new Error(`${version} was not proven`);
    const most = Math.min(sizeBytes, options.limits.tarballBytes);
    const member = await members.next(memberPath(number, integrity), most);
    yield {
      version,
      manifest: manifests.get(version) ?? (JSON.parse(fragment) as unknown),
      fragment,
      proven: { integrity, sizeBytes, tree: record.tree, manifest: record.manifest },
      chunks: () => member.chunks(),
    };
  }
}

async function writeProofs(
  { database, clock }: ImportDeps,
  name: PackageName,
  proven: ReadonlyMap<Version, ProvenRelease>,
  digest: string,
): Promise<void> {
  const rows = [...proven].map(([version, { origin, index }]) => ({ name, version, origin, index, digest }));
  await database.write((transaction) => addProofs(transaction, rows, clock.now()));
}
