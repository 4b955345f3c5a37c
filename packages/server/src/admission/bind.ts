import { AssayError } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import { storeThen, type ClaimDeps, type StoredRelease } from "./claim.ts";
import { keepBlobs } from "./store.ts";

/**
 * `Admission.bind`: as for a download, a crash before the commit leaves orphans, collected after an hour, and one after
 * it leaves a bound release whose blobs are there.
 */
export async function bind<T>(
  deps: Omit<ClaimDeps, "delegations" | "releases">,
  release: StoredRelease,
  also: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const { name, version, integrity, source, sizeBytes } = release.facts;
  return await storeThen(deps, release, async (transaction, keys) => {
    const { outcome } = await deps.checksums.claimBind(transaction, release.facts);
    // Behind the claim: what is recorded about a package needs one of its binds before it in the log.
    const result = await also(transaction);
    if (outcome === "differs")
      throw new AssayError("CONFLICT", { reason: `${name}@${version} is bound in the log to something else` });
    if (outcome === "same") return result;
    await keepBlobs(transaction, keys, deps.clock.now());
    await deps.events.record(transaction, {
      kind: "release.bound",
      subject: `npm ${name}@${version}`,
      data: { integrity, source, sizeBytes },
    });
    await deps.signing.sign(transaction, [{ name, version, integrity }]);
    return result;
  });
}
