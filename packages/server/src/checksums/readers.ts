import { AssayError } from "@assay/core";
import type { LogDescription } from "./checksums.ts";

/** Who may read entries, lookups, proofs and bundles of a private log, and pages that show them. */
export type LogReaders = "anyone" | "nobody";

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
