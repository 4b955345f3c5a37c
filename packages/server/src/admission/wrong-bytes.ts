import { toBase64, fromHex, type Integrity } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Observed } from "./acquire.ts";
import type { Download } from "./download.ts";
import { statementOf } from "./statement.ts";
import { keepEvidence, type EvidenceLimits } from "./evidence.ts";

/** Wrong bytes of which evidence was kept. */
export interface WrongBytes extends Observed {
  readonly integrity: Integrity;
  /** `sha256-<base64>` of the evidence, or `-` when the bytes themselves are not kept. */
  readonly evidence: string;
}

interface EvidenceKeeping {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly clock: Clock;
  readonly events: Events;
}

interface WrongBytesDeps extends EvidenceKeeping {
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
  const evidence = await keepEvidence(deps, limits, observed, bytes);
  await deps.database.write(async (transaction) => {
    await deps.events.record(transaction, {
      kind: "upstream.wrong-bytes",
      subject: `npm ${name}@${version}`,
      data: { source, reason, ...evidence, sizeBytes: bytes.sizeBytes },
    });
    await deps.upstreams.standing.putAside(transaction, observed);
  });
  return { ...observed, integrity: bytes.integrity, evidence: evidenceField(evidence) };
}

/** What somebody served when sources could not agree. */
interface Disagreeing extends Observed {
  readonly bytes: Download;
}

/**
 * Keeps what every source served when they do not agree, with what each lists and signed, and tells of it: a conflict record for each in the log, for
 * nobody knows whose bytes are right, and one incident. Nobody is put aside.
 */
export async function reportDisagreement(
  deps: EvidenceKeeping & {
    readonly checksums: Pick<Checksums, "claimConflict" | "wake">;
    readonly upstreams: Pick<Upstreams, "relay">;
    readonly telemetry: Telemetry;
  },
  limits: EvidenceLimits,
  served: readonly Disagreeing[],
  reason: string,
): Promise<void> {
  const [first] = served;
  if (first === undefined) return;
  const { name, version } = first;
  const kept: WrongBytes[] = [];
  for (const { bytes, ...observed } of served) {
    const statement = await statementOf(deps.upstreams, observed.source, observed);
    const evidence = await keepEvidence(deps, limits, observed, bytes, statement);
    kept.push({ ...observed, integrity: bytes.integrity, evidence: evidenceField(evidence) });
  }
  await deps.database.write(async (transaction) => {
    await deps.events.record(transaction, {
      kind: "incident.sources-disagree",
      subject: `npm ${name}@${version}`,
      data: { reason, sources: kept.map(({ source }) => source).join(" ") },
    });
    await claimConflicts(deps, transaction, kept);
  });
  deps.checksums.wake();
  deps.telemetry.log.error(`the sources of ${name}@${version} do not agree; nothing is bound`, {
    "package.name": name,
    "package.version": version,
    "failure.detail": reason,
  });
}

function evidenceField({ sha256, kept }: { readonly sha256: string; readonly kept: boolean }): string {
  return kept ? `sha256-${toBase64(fromHex(sha256))}` : "-";
}

/** Records for ever, in the caller's transaction, what sources served instead of what is bound. */
export async function claimConflicts(
  deps: { readonly checksums: Pick<Checksums, "claimConflict"> },
  transaction: Transaction,
  wrong: readonly WrongBytes[],
): Promise<void> {
  for (const { name, version, source, integrity, evidence } of wrong) {
    const facts = { name, version, source, integrity, tree: "-", manifest: "-", evidence, from: "bytes" } as const;
    await deps.checksums.claimConflict(transaction, facts);
  }
}
