import {
  AssayError,
  formatApproval,
  logIndex,
  openApproval,
  parseRecord,
  type Approval,
  type BindRecord,
  type LogIndex,
  type PackageName,
  type SupersedeRecord,
  type Version,
} from "@assay/core";
import type { Replacement } from "../admission/admission.ts";
import { openRooms, type Rooms } from "../rooms.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { StorageOptions } from "../storage.ts";

export interface SupersedeRequest {
  readonly name: PackageName;
  readonly version: Version;
  /** What the version is to be. */
  readonly tarball: Uint8Array;
  readonly manifest: "listed" | "archive";
  /** Why, one line; `-` for none. */
  readonly reason: string;
}

interface Standing {
  readonly record: BindRecord | SupersedeRecord;
  readonly shard: string;
  readonly origin: string;
  readonly index: LogIndex;
}

/**
 * The statement that approvers must sign before this version is replaced. Changes nothing. Throws NOT_FOUND when it
 * is not bound, CONFIG when it is these very bytes already, and what `Admission.examineReplacement` throws.
 */
export async function proposeSupersede(
  loaded: LoadedConfig,
  request: SupersedeRequest,
  options: StorageOptions & { readonly signal: AbortSignal },
): Promise<string> {
  await using rooms = await openRooms(askingAnew(loaded), options);
  const standing = await standingOf(rooms, request, options.signal);
  return formatApproval(approvalOf(standing, await examine(rooms, request, standing), request.reason));
}

/**
 * Replaces a version on a statement that was signed by enough approvers. The statement must say exactly what
 * `proposeSupersede` says now, so that what people signed is what is done. It takes effect at once; the record follows
 * with the next commit of the server.
 *
 * Throws BAD_FORMAT when the statement is malformed, differs, or is signed by too few.
 */
export async function supersede(
  loaded: LoadedConfig,
  { statement, ...request }: SupersedeRequest & { readonly statement: string },
  options: StorageOptions & { readonly signal: AbortSignal },
): Promise<{ readonly approval: Approval; readonly approvedBy: readonly string[]; readonly isNew: boolean }> {
  const { approvers, approvalsNeeded } = loaded.config.log;
  if (approvers.length === 0)
    throw new AssayError("CONFIG", {
      reason: "Nobody may approve a supersede here: name the vkeys of people in log.approvers of assay.yaml.",
    });
  const { approval, approvedBy } = await openApproval(statement, approvers, approvalsNeeded);
  await using rooms = await openRooms(askingAnew(loaded), options);
  const standing = await standingOf(rooms, request, options.signal);
  const replacement = await examine(rooms, request, standing);
  requireSame(approval, approvalOf(standing, replacement, approval.reason));
  const { shard, index } = standing;
  const outcome = await rooms.admission.replace(replacement, { replaces: { shard, index }, approval: statement });
  if (outcome === "stale")
    throw new AssayError("NOT_READY", {
      reason: "another record of this version came in between; make the statement again",
      retryAfterSeconds: 1,
    });
  return { approval, approvedBy, isNew: outcome === "superseded" };
}

/** What the owner lists counts as of now, not as of some minutes ago. */
function askingAnew({ config, ...loaded }: LoadedConfig): LoadedConfig {
  return { ...loaded, config: { ...config, packuments: { ...config.packuments, maxAgeSeconds: 0 } } };
}

async function standingOf(
  { checksums }: Rooms,
  { name, version }: Pick<SupersedeRequest, "name" | "version">,
  signal: AbortSignal,
): Promise<Standing> {
  const found = await checksums.lookup(name, version, signal);
  if (found === undefined) throw new AssayError("NOT_FOUND", { what: `A bind of ${name}@${version}` });
  const record = parseRecord(found.text);
  const origin = checksums.logs.list().find(({ shard }) => shard === found.shard)?.origin;
  if (origin === undefined || (record.kind !== "bind" && record.kind !== "supersede"))
    throw new AssayError("DATABASE", { reason: `the record ${found.index} of ${found.shard} is no bind` });
  return { record, shard: found.shard, origin, index: found.index };
}

async function examine(
  { admission }: Rooms,
  { name, version, tarball, manifest }: SupersedeRequest,
  { record }: Standing,
): Promise<Replacement> {
  return await admission.examineReplacement({ name, version, tarball, manifest, source: record.source });
}

function approvalOf({ record, origin, index }: Standing, { facts }: Replacement, reason: string): Approval {
  const { sizeBytes, ...content } = facts;
  if (content.integrity === record.integrity && content.manifest === record.manifest)
    throw new AssayError("CONFIG", {
      reason: `${facts.name}@${facts.version} is these bytes with this manifest already; there is nothing to replace.`,
    });
  return {
    log: origin,
    ns: record.ns,
    supersedes: logIndex(index),
    from: record.integrity,
    ...content,
    size: sizeBytes,
    reason,
  };
}

/** Throws BAD_FORMAT that names the first line in which they differ. */
function requireSame(signed: Approval, now: Approval): void {
  const lines = formatApproval(now).split("\n");
  const difference = formatApproval(signed)
    .split("\n")
    .find((line, i) => line !== lines[i]);
  if (difference === undefined) return;
  throw new AssayError("BAD_FORMAT", {
    what: "The approval",
    reason: `it says "${difference}", which is not what would be done now; make the statement again and have it signed`,
  });
}
