import { AssayError, type PackageName, type Version } from "@assay/core";
import type { BindFacts, Checksums } from "../checksums/checksums.ts";
import type { Spool } from "../platform/blobs/spool.ts";
import type { Transaction } from "../platform/database/database.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { AdmittedRelease } from "./admission.ts";
import type { ArchiveLimits } from "./archive/archive.ts";
import { fragmentKey, putFragment, putTarball, tarballKey, type ClaimDeps } from "./claim.ts";
import { compareBytes } from "./compare.ts";
import { collect } from "./download.ts";
import { inspect } from "./inspect.ts";
import { anyDoomed, keepBlobs } from "./store.ts";

/** A release that somebody brings along, with what a proof says it is. */
export interface OfferedRelease {
  readonly version: Version;
  /** What the archive's package.json is compared with: the version object, or the fragment where there is no more. */
  readonly manifest: unknown;
  /** Canonical text of the manifest fragment; its digest is `proven.manifest`. */
  readonly fragment: string;
  readonly proven: Pick<BindFacts, "integrity" | "tree" | "manifest" | "sizeBytes">;
  /** Read once. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** Where a package comes from that no upstream served. */
export interface Origin {
  /** Alias that stands in the records. */
  readonly source: string;
  /** `sha256-<base64>` of the stored proof, for the conflict record when something else is bound already. */
  readonly evidence: string;
}

export interface ReceiveDeps extends Omit<ClaimDeps, "checksums"> {
  readonly checksums: ClaimDeps["checksums"] & Pick<Checksums, "ask">;
  readonly spool: Spool;
  readonly workers: Workers;
  readonly limits: ArchiveLimits & { readonly tarballBytes: number };
}

/**
 * `Admission.receive`: every release goes through the steps of an upstream's (compare → inspect → store), one after the
 * other, and then all are claimed in one transaction. Of a package that fails at any step nothing is claimed; what was
 * stored of it, as after a crash, are orphans, collected after an hour.
 */
export async function receive(
  deps: ReceiveDeps,
  name: PackageName,
  origin: Origin,
  releases: Iterable<OfferedRelease> | AsyncIterable<OfferedRelease>,
): Promise<readonly AdmittedRelease[]> {
  const taken: BindFacts[] = [];
  for await (const offered of releases) taken.push(await take(deps, name, origin, offered));
  const different = await claimAll(deps, taken);
  if (different !== undefined) throw await recordDifference(deps, origin, different);
  deps.checksums.wake();
  return taken.map(({ version, integrity, sizeBytes, manifest }) => ({
    name,
    version,
    integrity,
    sizeBytes,
    manifest,
  }));
}

async function take(
  deps: ReceiveDeps,
  name: PackageName,
  { source }: Origin,
  { version, manifest, fragment, proven, chunks }: OfferedRelease,
): Promise<BindFacts> {
  await using bytes = await collect({ spool: deps.spool, maxBytes: deps.limits.tarballBytes }, chunks());
  const difference =
    compareBytes({ kind: "sha512", integrity: proven.integrity }, bytes) ??
    (bytes.sizeBytes === proven.sizeBytes
      ? undefined
      : `${proven.sizeBytes} bytes are proven, there are ${bytes.sizeBytes}`);
  if (difference !== undefined) throw refusal(name, version, difference);
  const archive = { source: bytes.blob, sizeBytes: bytes.sizeBytes, limits: deps.limits };
  const { tree } = await inspect(deps, { name, version, manifest, ...archive }, fragment.length);
  if (tree !== proven.tree) throw refusal(name, version, `its files have the digest ${tree}, proven is ${proven.tree}`);
  // Registry signatures are not looked at here, and what was not verified is not claimed.
  const served: BindFacts = { name, version, ...proven, source, signer: "-" };
  const facts = await deps.checksums.ask(name, version).holdAgainst(served);
  await putTarball(deps.blobs, facts, bytes);
  await putFragment(deps.blobs, facts, fragment);
  return facts;
}

/** Claims all, or answers the first that is bound to something else and claims none. */
async function claimAll(deps: ReceiveDeps, taken: readonly BindFacts[]): Promise<BindFacts | undefined> {
  const keys = taken.flatMap((facts) => [tarballKey(facts), fragmentKey(facts)]);
  for (const key of keys) if ((await deps.blobs.stat(key)) === undefined) throw beingRemoved();
  try {
    await deps.database.write(async (transaction) => {
      for (let start = 0; start < keys.length; start += keysAtOnce)
        if (await anyDoomed(transaction, keys.slice(start, start + keysAtOnce))) throw beingRemoved();
      for (const facts of taken) await claimOne(deps, transaction, facts);
    });
    return undefined;
  } catch (error) {
    if (error instanceof BoundToSomethingElse) return error.facts;
    throw error;
  }
}

const keysAtOnce = 500;

async function claimOne(deps: ReceiveDeps, transaction: Transaction, facts: BindFacts): Promise<void> {
  const { name, version, integrity, source, sizeBytes } = facts;
  const { outcome } = await deps.checksums.claimBind(transaction, facts);
  if (outcome === "differs") throw new BoundToSomethingElse(facts);
  // Bytes that a bound release had lost are back, too.
  await keepBlobs(transaction, [tarballKey(facts), fragmentKey(facts)], deps.clock.now());
  if (outcome !== "bound") return;
  await deps.events.record(transaction, {
    kind: "release.bound",
    subject: `npm ${name}@${version}`,
    data: { integrity, source, sizeBytes },
  });
  await deps.signing.sign(transaction, [{ name, version, integrity }]);
  await deps.releases.raise(transaction, name);
}

/** Undoes the transaction. */
class BoundToSomethingElse extends Error {
  readonly facts: BindFacts;

  constructor(facts: BindFacts) {
    super(`${facts.name}@${facts.version} is bound to something else`);
    this.facts = facts;
  }
}

async function recordDifference(
  deps: ReceiveDeps,
  { source, evidence }: Origin,
  facts: BindFacts,
): Promise<AssayError> {
  const { name, version, integrity, tree, manifest } = facts;
  await deps.database.write(async (transaction) => {
    const conflict = { name, version, source, integrity, tree, manifest, evidence, from: "bytes" } as const;
    await deps.checksums.claimConflict(transaction, conflict);
  });
  deps.checksums.wake();
  return refusal(name, version, "it is bound here to something else; the conflict is on record");
}

function beingRemoved(): AssayError<"NOT_READY"> {
  return new AssayError("NOT_READY", { reason: "old copies of these bytes are being removed", retryAfterSeconds: 10 });
}

function refusal(name: PackageName, version: Version, reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: `The copy of ${name}@${version}`, reason });
}
