/** What happens to stages, for the audit trail. */
import type { Principal } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { StoredStage } from "./store.ts";

export async function noteStage(
  { events, names }: Pick<PublishingDeps, "events" | "names">,
  transaction: Transaction,
  what: "staged" | "approved" | "rejected" | "expired",
  { id, name, version, integrity }: Pick<StoredStage, "id" | "name" | "version"> & { readonly integrity?: string },
  principal?: Principal,
): Promise<void> {
  await events.record(transaction, {
    kind: `stage.${what}`,
    subject: `npm ${name}@${version}`,
    data: { stage: id, by: principal?.id ?? null, integrity: integrity ?? null },
    act: principal && {
      who: principal.id,
      address: principal.address,
      action: what === "staged" ? "stage" : "approve",
      policy: "",
      result: "done",
      organisation: names.organisationOf(name),
    },
  });
}
