/** What happens to stages, for the audit trail. */
import { actOf, type Doer } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { StoredStage } from "./store.ts";

export async function noteStage(
  { events, names }: Pick<PublishingDeps, "events" | "names">,
  transaction: Transaction,
  what: "staged" | "approved" | "rejected" | "expired",
  { id, name, version, integrity }: Pick<StoredStage, "id" | "name" | "version"> & { readonly integrity?: string },
  by?: Doer,
): Promise<void> {
  await events.record(transaction, {
    kind: `stage.${what}`,
    subject: `npm ${name}@${version}`,
    data: { stage: id, by: by?.id ?? null, integrity: integrity ?? null },
    act: by && actOf(by, names.organisationOf(name)),
  });
}
