import { AssayError, encodeUtf8, fromBase64, integrityHex, toHex } from "@assay/core";
import { judge, type Bind, type BindFacts, type Checksums } from "../checksums/checksums.ts";
import type { BlobKey, BlobSource, BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Delegations } from "../delegation/delegation.ts";
import type { Releases } from "../releases/releases.ts";
import type { RegistrySigning } from "../signing/signing.ts";
import type { Download } from "./download.ts";
import { anyDoomed, keepBlobs } from "./store.ts";
import { claimConflicts, type WrongBytes } from "./wrong-bytes.ts";

export interface ClaimDeps {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly checksums: Pick<Checksums, "claimBind" | "claimConfirm" | "claimConflict" | "wake">;
  readonly releases: Pick<Releases, "raise">;
  readonly signing: Pick<RegistrySigning, "sign">;
  readonly delegations: Pick<Delegations, "propose">;
  readonly events: Events;
  readonly clock: Clock;
}

/** Blob of a tarball. */
export function tarballKey(facts: Pick<BindFacts, "integrity">): BlobKey {
  return blobKey("tarball", "sha512", integrityHex(facts.integrity));
}

/** Blob of a manifest fragment. */
export function fragmentKey(facts: Pick<BindFacts, "manifest">): BlobKey {
  return blobKey("manifest", "sha256", toHex(fromBase64(facts.manifest.slice("sha256-".length))));
}

/** What passed every step. */
export interface Admitted {
  readonly facts: BindFacts;
  /** Canonical text. */
  readonly fragment: string;
  readonly bytes: Download;
  /** What other sources served instead on the way. */
  readonly wrong: readonly WrongBytes[];
  /** Other sources that served the same bytes. */
  readonly confirmed: readonly string[];
  /** URL of the registry that the release says its package moved to. */
  readonly movedTo: string | undefined;
}

/** How long to wait for the orphan collector to finish with a blob that is wanted again. */
const doomedTries = 50;
const doomedWaitMs = 200;

/**
 * Last steps: bytes and fragment durable as blobs, then the claim. Answers the bind that stands, ours or one
 * that another process made first.
 *
 * - A crash before both blobs are durable leaves no blob or a whole one: an orphan, collected after an hour.
 * - A crash between the blobs and the commit leaves two orphans.
 * - A crash after the commit leaves a bound release whose blobs are there; only `wake` is lost, and the
 *   sequencer finds the claim when it starts.
 */
export async function storeAndClaim(deps: ClaimDeps, admitted: Admitted): Promise<Bind> {
  const { facts, fragment, bytes } = admitted;
  return await storeThen(deps, { facts, fragment, tarball: bytes.blob, attestations: [] }, (transaction, keys) =>
    claim(deps, transaction, admitted, keys),
  );
}

/** What every release that comes in leaves as blobs. */
export interface StoredRelease {
  readonly facts: BindFacts;
  readonly fragment: string;
  readonly tarball: BlobSource;
  /** Signed bundles that came with it; only what is published here has any. */
  readonly attestations: readonly Attestation[];
}

/** Text that is stored under its digest. */
export interface Attestation {
  /** sha256 hex of the text as UTF-8. */
  readonly digest: string;
  readonly text: string;
}

/** Every blob of a release. */
export function releaseKeys({ facts, attestations }: Omit<StoredRelease, "tarball">): readonly BlobKey[] {
  return [tarballKey(facts), fragmentKey(facts), ...attestations.map(attestationKey)];
}

/** Blob of a signed bundle. */
export function attestationKey({ digest }: Pick<Attestation, "digest">): BlobKey {
  return blobKey("attestation", "sha256", digest);
}

/** Stores the blobs durably, then claims in one transaction, in which the collector has not doomed them. */
export async function storeThen<T>(
  deps: Pick<ClaimDeps, "blobs" | "database" | "clock"> & { readonly checksums: Pick<Checksums, "wake"> },
  release: StoredRelease,
  claiming: (transaction: Transaction, keys: readonly BlobKey[]) => Promise<T>,
): Promise<T> {
  return await putThen(
    deps,
    releaseKeys(release),
    async () => {
      await putTarball(deps.blobs, release.facts, { blob: release.tarball });
      await putDescription(deps.blobs, release);
    },
    claiming,
  );
}

/** `put` makes the blobs of these keys durable, again where the collector has doomed them; then `claiming` refers to them. */
export async function putThen<T>(
  deps: Pick<ClaimDeps, "database" | "clock"> & { readonly checksums: Pick<Checksums, "wake"> },
  keys: readonly BlobKey[],
  put: () => Promise<void>,
  claiming: (transaction: Transaction, keys: readonly BlobKey[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < doomedTries; attempt++) {
    await put();
    const claimed = await deps.database.write(async (transaction) =>
      (await anyDoomed(transaction, keys)) ? undefined : { outcome: await claiming(transaction, keys) },
    );
    if (claimed !== undefined) {
      deps.checksums.wake();
      return claimed.outcome;
    }
    // The collector found the blob before we wanted it; once it is gone, it is put again.
    await deps.clock.sleep(doomedWaitMs);
  }
  throw beingRemoved();
}

/** The collector found the blob before it was wanted. */
export function beingRemoved(): AssayError<"NOT_READY"> {
  return new AssayError("NOT_READY", { reason: "old copies of these bytes are being removed", retryAfterSeconds: 10 });
}

/** Stores the tarball durably; the blob store checks the digest again. */
export async function putTarball(
  blobs: BlobStore,
  facts: Pick<BindFacts, "integrity" | "sizeBytes">,
  download: Pick<Download, "blob">,
): Promise<void> {
  await blobs.put(tarballKey(facts), download.blob, {
    sizeBytes: facts.sizeBytes,
    sha512: integrityHex(facts.integrity),
  });
}

/** Stores the canonical fragment text durably. */
export async function putFragment(
  blobs: BlobStore,
  facts: Pick<BindFacts, "manifest">,
  fragment: string,
): Promise<void> {
  const bytes = encodeUtf8(fragment);
  const sha256 = toHex(fromBase64(facts.manifest.slice("sha256-".length)));
  await blobs.put(fragmentKey(facts), bytes, { sizeBytes: bytes.length, sha256 });
}

/** Stores durably what comes with a tarball. */
export async function putDescription(
  blobs: BlobStore,
  { facts, fragment, attestations }: Omit<StoredRelease, "tarball">,
): Promise<void> {
  await putFragment(blobs, facts, fragment);
  for (const attestation of attestations) await putAttestation(blobs, attestation);
}

async function putAttestation(blobs: BlobStore, { digest, text }: Attestation): Promise<void> {
  const bytes = encodeUtf8(text);
  await blobs.put(attestationKey({ digest }), bytes, { sizeBytes: bytes.length, sha256: digest });
}

async function claim(
  deps: ClaimDeps,
  transaction: Transaction,
  { facts, wrong, confirmed, movedTo }: Omit<Admitted, "fragment" | "bytes">,
  keys: readonly BlobKey[],
): Promise<Bind> {
  const { name, version, source, integrity } = facts;
  const { outcome, bind } = await deps.checksums.claimBind(transaction, facts);
  const subject = `npm ${name}@${version}`;
  if (outcome === "bound") {
    await keepBlobs(transaction, keys, deps.clock.now());
    await deps.events.record(transaction, {
      kind: "release.bound",
      subject,
      data: { integrity, source, sizeBytes: facts.sizeBytes },
    });
    await deps.signing.sign(transaction, [{ name, version, integrity }]);
    await deps.releases.raise(transaction, name);
    if (movedTo !== undefined) await deps.delegations.propose(transaction, facts, movedTo);
  } else if (outcome === "differs") {
    // Somebody else bound other bytes meanwhile: those stand, and what this source served is on record.
    const { tree, manifest } = facts;
    await deps.checksums.claimConflict(transaction, {
      name,
      version,
      source,
      integrity,
      tree,
      manifest,
      evidence: "-",
      from: "bytes",
    });
  }
  for (const other of confirmed)
    await deps.checksums.claimConfirm(transaction, { name, version, integrity, source: other });
  await claimConflicts(
    deps,
    transaction,
    wrong.filter((one) => isConflict(bind, one)),
  );
  return bind;
}

/** What a source served and was not what it lists may be what is bound all the same. */
function isConflict(bind: Bind, { source, integrity }: WrongBytes): boolean {
  return judge(bind, { source, integrity, tree: undefined, manifest: undefined, from: "bytes" }).follows === "conflict";
}
