import { createHash } from "node:crypto";
import {
  AssayError,
  integrityFromSha512,
  manifestDigest,
  manifestFragmentText,
  parseJson,
  type PackageName,
  type Version,
} from "@assay/core";
import type { BindFacts, Checksums, SupersedeFacts } from "../checksums/checksums.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Workers } from "../platform/workers/workers.ts";
import { readArchive, type ArchiveLimits } from "./archive/archive.ts";
import { storeThen, type ClaimDeps } from "./claim.ts";
import { sha256 } from "./digests.ts";
import { chunksOf } from "./inspect-archive.ts";
import { inspect } from "./inspect.ts";
import { locate, type LocateDeps } from "./locate.ts";
import { keepBlobs } from "./store.ts";
import { actOfTerminal } from "../platform/events/events.ts";

/** What an operator wants a version to be. */
export interface ReplacementRequest {
  readonly name: PackageName;
  readonly version: Version;
  readonly tarball: Uint8Array;
  /** Whose manifest is fixed: what the owner lists for these very bytes, or the package.json in the archive. */
  readonly manifest: "listed" | "archive";
  /** Stands in the record when the manifest is the archive's; else the owner does. */
  readonly source: string;
}

/** The same, examined as a download is. */
export interface Replacement {
  readonly facts: BindFacts;
  /** Canonical text of the manifest fragment. */
  readonly fragment: string;
  readonly tarball: Uint8Array;
}

export interface ReplaceDeps extends Omit<ClaimDeps, "checksums">, LocateDeps {
  readonly checksums: Pick<Checksums, "claimSupersede" | "wake">;
  readonly workers: Workers;
  readonly limits: ArchiveLimits;
}

/**
 * Examines bytes that are to replace what a version is, by the rules of every download. Stores nothing. Throws
 * BLOCKED where a download would be refused, CONFIG when the owner does not list these bytes (or nobody is asked),
 * NOT_FOUND and what `Upstreams.packument` throws.
 */
export async function examineReplacement(deps: ReplaceDeps, request: ReplacementRequest): Promise<Replacement> {
  const { name, version, tarball } = request;
  const integrity = integrityFromSha512(createHash("sha512").update(tarball).digest());
  const { manifest, source } =
    request.manifest === "listed"
      ? await listedManifest(deps, request, integrity)
      : { manifest: await archiveManifest(deps, request), source: request.source };
  const fragment = manifestFragmentText(Object(manifest));
  const archive = { source: tarball, sizeBytes: tarball.length, limits: deps.limits };
  const { tree } = await inspect(deps, { name, version, manifest, ...archive }, fragment.length);
  return {
    facts: {
      name,
      version,
      integrity,
      tree,
      manifest: manifestDigest(sha256, fragment),
      sizeBytes: tarball.length,
      source,
      signer: "-",
    },
    fragment,
    tarball,
  };
}

/**
 * Stores tarball, fragment and the signed approval durably, and claims the supersede. Who approved was checked before.
 * A crash leaves what `storeAndClaim` leaves, and at most an approval that no record names.
 */
export async function replace(
  deps: ReplaceDeps,
  { facts, fragment, tarball }: Replacement,
  { replaces, approval }: { readonly replaces: SupersedeFacts["replaces"]; readonly approval: string },
): Promise<"superseded" | "same" | "stale"> {
  const note = new TextEncoder().encode(approval);
  const digest = createHash("sha256").update(note).digest();
  const hex = digest.toString("hex");
  await deps.blobs.put(blobKey("approval", "sha256", hex), note, { sizeBytes: note.length, sha256: hex });
  const { name, version, integrity, source } = facts;
  return await storeThen(deps, { facts, fragment, tarball, attestations: [] }, async (transaction, keys) => {
    const { outcome } = await deps.checksums.claimSupersede(transaction, {
      ...facts,
      replaces,
      approval: `sha256-${digest.toString("base64")}`,
    });
    if (outcome !== "superseded") return outcome;
    await keepBlobs(transaction, keys, deps.clock.now());
    await deps.events.record(transaction, {
      kind: "release.superseded",
      subject: `npm ${name}@${version}`,
      data: { integrity, source, approval: hex },
      act: actOfTerminal,
    });
    await deps.signing.sign(transaction, [{ name, version, integrity }]);
    await deps.releases.raise(transaction, name);
    return outcome;
  });
}

async function listedManifest(
  deps: LocateDeps,
  { name, version }: ReplacementRequest,
  integrity: string,
): Promise<{ readonly manifest: unknown; readonly source: string }> {
  const located = await locate(deps, name, version);
  if (located.listed.integrity !== integrity)
    throw new AssayError("CONFIG", {
      reason: `${located.packument.source} lists ${located.listed.integrity ?? "no sha512"} for ${name}@${version}, and the tarball is ${integrity}; where the tarball is right, take its own package.json with --manifest archive.`,
    });
  return { manifest: located.manifest, source: located.packument.source };
}

async function archiveManifest(
  { limits }: ReplaceDeps,
  { name, version, tarball }: ReplacementRequest,
): Promise<unknown> {
  const archive = await readArchive(chunksOf(tarball), tarball.length, limits);
  if (archive.verdict === "refused")
    throw new AssayError("BLOCKED", { name, version, rule: archive.rule, reason: archive.reason });
  try {
    return parseJson(new TextDecoder().decode(archive.packageJson)).value;
  } catch (cause) {
    const reason = "package.json in the archive is not JSON";
    throw new AssayError("BLOCKED", { name, version, rule: "manifest/not-json", reason }, { cause });
  }
}
