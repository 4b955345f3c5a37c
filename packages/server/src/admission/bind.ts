import { AssayError } from "@assay/core";
import type { BlobKey, BlobSource } from "../platform/blobs/blobs.ts";
import type { Transaction } from "../platform/database/database.ts";
import { beingRemoved, putDescription, putTarball, putThen, releaseKeys, storeThen, tarballKey } from "./claim.ts";
import type { ClaimDeps, StoredRelease } from "./claim.ts";
import { anyDoomed, holdBlob, keepBlobs } from "./store.ts";

type BindDeps = Omit<ClaimDeps, "delegations" | "releases">;
/** A release whose tarball is held here. */
export type HeldRelease = Omit<StoredRelease, "tarball">;

/**
 * `Admission.bind`: as for a download, a crash before the commit leaves orphans, collected after an hour, and one after
 * it leaves a bound release whose blobs are there.
 */
export async function bind<T>(
  deps: BindDeps,
  release: StoredRelease,
  also: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return await storeThen(deps, release, (transaction, keys) => claimRelease(deps, transaction, release, keys, also));
}

/** `Admission.hold`: a crash before the commit leaves an orphan. */
export async function hold<T>(
  deps: BindDeps,
  tarball: Pick<StoredRelease["facts"], "integrity" | "sizeBytes"> & { readonly blob: BlobSource },
  holder: string,
  also: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const key = tarballKey(tarball);
  return await putThen(
    deps,
    [key],
    () => putTarball(deps.blobs, tarball, tarball),
    async (transaction) => {
      await holdBlob(transaction, key, holder);
      return await also(transaction);
    },
  );
}

/** `Admission.prepareHeld`. */
export async function prepareHeld({ blobs }: Pick<BindDeps, "blobs">, release: HeldRelease): Promise<void> {
  await putDescription(blobs, release);
}

/** `Admission.bindHeld`. */
export async function bindHeld<T>(
  deps: BindDeps,
  transaction: Transaction,
  release: HeldRelease,
  also: () => Promise<T>,
): Promise<T> {
  const keys = releaseKeys(release);
  if (await anyDoomed(transaction, keys)) throw beingRemoved();
  const result = await claimRelease(deps, transaction, release, keys, also);
  transaction.afterCommit(() => deps.checksums.wake());
  return result;
}

async function claimRelease<T>(
  deps: BindDeps,
  transaction: Transaction,
  { facts }: HeldRelease,
  keys: readonly BlobKey[],
  also: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const { name, version, integrity, source, sizeBytes } = facts;
  const { outcome } = await deps.checksums.claimBind(transaction, facts);
  // Behind the claim: what is recorded about a package needs one of its binds before it in the log.
  const result = await also(transaction);
  if (outcome === "differs")
    throw new AssayError("CONFLICT", { reason: `${name}@${version} is bound in the log to something else` });
  await keepBlobs(transaction, keys, deps.clock.now());
  if (outcome === "same") return result;
  await deps.events.record(transaction, {
    kind: "release.bound",
    subject: `npm ${name}@${version}`,
    data: { integrity, source, sizeBytes },
  });
  await deps.signing.sign(transaction, [{ name, version, integrity }]);
  return result;
}
