import type { PackageName } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { documentChanged } from "./document-changed.ts";

export type ChangeDeps = Pick<
  PublishingDeps,
  "database" | "clock" | "events" | "checksums" | "releases" | "listings" | "hostedChanged"
>;

/**
 * One change of what a package's document says: all that `work` writes, a new revision, and from the commit on whoever
 * reads here sees it. `work` answers whether anything changed; nothing is raised when not. It may run more than once.
 */
export async function change(
  { database, clock, checksums, listings, hostedChanged }: ChangeDeps,
  name: PackageName,
  work: (transaction: Transaction, nowMs: ReturnType<ChangeDeps["clock"]["now"]>) => Promise<boolean>,
): Promise<void> {
  const isChanged = await database.write(async (transaction) => {
    const nowMs = clock.now();
    if (!(await work(transaction, nowMs))) return false;
    await documentChanged({ listings, checksums }, transaction, name, nowMs);
    return true;
  });
  if (!isChanged) return;
  hostedChanged(name);
  checksums.wake();
}
