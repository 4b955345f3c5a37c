import { toBase64, fromHex, type Integrity } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Observed } from "./acquire.ts";
import type { Download } from "./download.ts";
import { keepEvidence, type EvidenceLimits } from "./evidence.ts";

/** Wrong bytes of which evidence was kept. */
export interface WrongBytes extends Observed {
  readonly integrity: Integrity;
  /** `sha256-<base64>` of the evidence, or `-` when the bytes themselves are not kept. */
  readonly evidence: string;
}

interface WrongBytesDeps {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly clock: Clock;
  readonly events: Events;
  readonly upstreams: { readonly standing: Pick<Upstreams["standing"], "putAside"> };
}

/** Keeps what a source served instead as evidence, tells of it, and puts the source aside when it is a mirror. */
export async function takeDown(
  deps: WrongBytesDeps,
  limits: EvidenceLimits,
  observed: Observed,
  bytes: Download,
): Promise<WrongBytes> {
  const { name, version, source, reason } = observed;
  const { sha256, kept } = await keepEvidence(deps, limits, observed, bytes);
  await deps.database.write(async (transaction) => {
    await deps.events.record(transaction, {
      kind: "upstream.wrong-bytes",
      subject: `npm ${name}@${version}`,
      data: { source, reason, sha256, sizeBytes: bytes.sizeBytes, kept },
    });
    await deps.upstreams.standing.putAside(transaction, observed);
  });
  return { ...observed, integrity: bytes.integrity, evidence: kept ? `sha256-${toBase64(fromHex(sha256))}` : "-" };
}

/** Records for ever, in the caller's transaction, what sources served instead of what is bound. */
export async function claimConflicts(
  deps: { readonly checksums: Pick<Checksums, "claimConflict">; readonly events: Events },
  transaction: Transaction,
  wrong: readonly WrongBytes[],
): Promise<void> {
  for (const { name, version, source, integrity, evidence } of wrong) {
    const facts = { name, version, source, integrity, tree: "-", manifest: "-", evidence };
    if (!(await deps.checksums.claimConflict(transaction, facts))) continue;
    await deps.events.record(transaction, {
      kind: "upstream.conflict",
      subject: `npm ${name}@${version}`,
      data: { source, from: "bytes" },
    });
  }
}
