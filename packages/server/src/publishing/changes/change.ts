import type { PackageName } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { Doer } from "../../identity/identity.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { documentChanged } from "./document-changed.ts";

export type ChangeDeps = Pick<
  PublishingDeps,
  | "database"
  | "clock"
  | "events"
  | "checksums"
  | "releases"
  | "listings"
  | "hostedChanged"
  | "names"
  | "quotas"
  | "entry"
>;

/**
 * One change of what a package's document says: all that `work` writes, a new revision, and from the commit on whoever
 * reads here sees it. `work` answers whether anything changed; nothing is raised when not. It may run more than once.
 * `by` may bring the transaction to change it in.
 */
export async function change(
  { database, clock, checksums, listings, hostedChanged }: ChangeDeps,
  { within }: Doer,
  name: PackageName,
  work: (transaction: Transaction, nowMs: ReturnType<ChangeDeps["clock"]["now"]>) => Promise<boolean>,
): Promise<void> {
  const whole = async (transaction: Transaction): Promise<boolean> => {
    const nowMs = clock.now();
    if (!(await work(transaction, nowMs))) return false;
    await documentChanged({ listings, checksums }, transaction, name, nowMs);
    return true;
  };
  const tell = (): void => {
    hostedChanged(name);
    checksums.wake();
  };
  if (within === undefined) {
    if (await database.write(whole)) tell();
  } else if (await whole(within)) within.afterCommit(tell);
}
