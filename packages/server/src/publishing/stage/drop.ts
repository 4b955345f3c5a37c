import { AssayError } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { noteExpired } from "./note.ts";
import { removeStage, type OverdueStage, type StoredStage } from "./store.ts";

/** Whom its tarball is held for. */
export function holderOf({ id }: Pick<StoredStage, "id">): string {
  return `stage:${id}`;
}

/** Ends a stage: its number is free again, its tarball nobody's. False when it is not there any more. */
export async function dropIfThere(
  { admission, quotas }: Pick<PublishingDeps, "admission" | "quotas">,
  transaction: Transaction,
  stage: Pick<StoredStage, "id">,
): Promise<boolean> {
  const removed = await removeStage(transaction, stage.id);
  if (removed === undefined) return false;
  await quotas.count(transaction, removed.name, { packages: 0, versions: -1, sizeBytes: -removed.sizeBytes });
  await admission.letGo(transaction, holderOf(stage));
  return true;
}

/** As `dropIfThere`, for who has decided on it. Throws CONFLICT when it is not there any more. */
export async function drop(
  deps: Pick<PublishingDeps, "admission" | "quotas">,
  transaction: Transaction,
  stage: Pick<StoredStage, "id">,
): Promise<void> {
  if (!(await dropIfThere(deps, transaction, stage)))
    throw new AssayError("CONFLICT", { reason: "somebody else has just decided on this staged version" });
}

/** Ends one whose time is over, and the approval that waited for people: there is nothing left to approve. */
export async function expire(
  deps: Pick<PublishingDeps, "admission" | "events" | "names" | "quotas"> & {
    readonly approvals: Pick<PublishingDeps["approvals"], "withdraw">;
  },
  transaction: Transaction,
  stage: OverdueStage,
): Promise<void> {
  await drop(deps, transaction, stage);
  if (stage.approval !== undefined) await deps.approvals.withdraw(transaction, stage.approval);
  await noteExpired(deps, transaction, stage);
}
