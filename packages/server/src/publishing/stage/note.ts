/** What happens to stages, for the audit trail. */
import { actOf, type Doer } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { StoredStage } from "./store.ts";

export async function noteStage(
  { events, names }: Pick<PublishingDeps, "events" | "names">,
  transaction: Transaction,
  what: "staged" | "approved" | "rejected",
  stage: NotedStage,
  by: Doer,
): Promise<void> {
  const act = actOf(by, names.organisationOf(stage.name));
  await events.record(transaction, { kind: `stage.${what}`, ...told(stage, by.id), act });
}

/** Nobody decided in time, or nobody can any more. */
export async function noteExpired(
  { events }: Pick<PublishingDeps, "events">,
  transaction: Transaction,
  stage: NotedStage,
): Promise<void> {
  await events.record(transaction, { kind: "stage.expired", ...told(stage, null) });
}

type NotedStage = Pick<StoredStage, "id" | "name" | "version"> & { readonly integrity?: string };

function told({ id, name, version, integrity }: NotedStage, by: string | null) {
  return { subject: `npm ${name}@${version}`, data: { stage: id, by, integrity: integrity ?? null } };
}
