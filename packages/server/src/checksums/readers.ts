import { AssayError } from "@assay/core";
import type { Credentials } from "../http/credentials.ts";
import type { Checksums, LogDescription } from "./checksums.ts";
import { organisationOfLog, publicLog } from "./log-ids.ts";

/** Who may read entries, lookups, proofs and bundles of a private log, and pages that show them. */
export type LogReaders = "anyone" | "nobody";

/**
 * Whether who shows these credentials may read what is an organisation's own; undefined: the registry's. Throws
 * UNAUTHORIZED for credentials that are not good.
 */
export type MayReadHosted = (credentials: Credentials, organisation: string | undefined) => Promise<boolean>;

/** Whom what is shown of the logs. */
export interface LogAccess {
  /** Throws UNAUTHORIZED for credentials that are not good. */
  readonly requireGood: (credentials: Credentials) => Promise<void>;
  /** Of the log of the public namespace, where it is private. */
  readonly readers: LogReaders;
  readonly mayReadHosted: MayReadHosted;
  /** Who sees checkpoints and hash tiles of organisations' logs: they tell when and how much is published. */
  readonly hostedTiles: "readers" | "anyone";
}

/** Whether a reader may see what the records of this log say. Sizes, checkpoints and hash tiles are for everybody. */
export function mayRead(readers: LogReaders, log: LogDescription): boolean {
  return log.visibility === "public" || readers === "anyone";
}

/** Throws FORBIDDEN, with how to open the log, unless `mayRead`. */
export function requireReader(readers: LogReaders, log: LogDescription): void {
  if (mayRead(readers, log)) return;
  throw new AssayError("FORBIDDEN", { reason: whyClosed(log) });
}

/** The sentence for who may not read. */
export function whyClosed(log: LogDescription): string {
  return `the log ${log.shard} is private and log.readers is nobody; set log.readers to anyone in assay.yaml to open it`;
}

/** A request, as far as it shows who sends it. */
export interface Asker {
  readonly credentials: Credentials;
}

export interface LogAccessDeps {
  readonly checksums: Pick<Checksums, "logs" | "logOf">;
  readonly access: LogAccess;
}

/** Whether the log is not that of the public namespace: whoever may not read it is told nothing of it. */
export function isHostedLog(log: string): boolean {
  return log !== publicLog;
}

/** Whether the sender of a request may read the log of this id, which need not exist. */
export async function mayReadLog({ access }: LogAccessDeps, request: Asker, log: string): Promise<boolean> {
  return await access.mayReadHosted(request.credentials, organisationOfLog(log));
}

/** The shards that the sender of a request may know of: those of the public namespace first. */
export async function visibleShards(deps: LogAccessDeps, request: Asker): Promise<readonly LogDescription[]> {
  const { logs } = deps.checksums;
  const visible = [...logs.list()];
  for (const [log, shards] of Map.groupBy(logs.listHosted(), (shard) => shard.log))
    if (await mayReadLog(deps, request, log)) visible.push(...shards);
  return visible;
}

/**
 * A shard by its name. Throws NOT_FOUND where there is none, and the same where it is of a log that the sender may not
 * read; `tiles`: as far as checkpoints and hash tiles go.
 */
export async function findShard(
  deps: LogAccessDeps,
  request: Asker,
  name: string,
  what: "tiles" | "records",
): Promise<LogDescription> {
  const { logs } = deps.checksums;
  const open = logs.list().find(({ shard }) => shard === name);
  if (open !== undefined) return open;
  const hosted = logs.listHosted().find(({ shard }) => shard === name);
  const isShown = what === "tiles" && deps.access.hostedTiles === "anyone";
  if (hosted === undefined || !(isShown || (await mayReadLog(deps, request, hosted.log))))
    throw new AssayError("NOT_FOUND", { what: "A log of this name" });
  return hosted;
}
