import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import { actOf, type Doer } from "../doer.ts";
import type { HostedNames } from "../names/names.ts";
import { raiseGeneration } from "../names/store.ts";

export interface ChangeEvent {
  readonly kind: ActKind;
  readonly subject: string;
  readonly organisation: string;
  readonly by: Doer;
  readonly data?: Readonly<Record<string, string>>;
  /** When it is committed. */
  readonly after?: () => void;
}

/** One change of who may do what, with its event, in the transaction that `by` brings, else in one of its own. */
export function createChange({
  database,
  events,
  names,
}: {
  readonly database: Database;
  readonly events: Events;
  readonly names: Pick<HostedNames, "changed">;
}) {
  return async (
    { kind, subject, organisation, by, data = {}, after = () => {} }: ChangeEvent,
    /** Answers what else the event says. */
    work: (transaction: Transaction) => Promise<Readonly<Record<string, string>> | void>,
  ): Promise<void> => {
    const whole = async (transaction: Transaction): Promise<void> => {
      const more = await work(transaction);
      await raiseGeneration(transaction);
      const act = actOf(by, organisation);
      await events.record(transaction, { kind, subject, data: { by: by.id, ...data, ...more }, act });
      transaction.afterCommit(after);
    };
    if (by.within !== undefined) return await whole(by.within);
    await database.write(whole);
    await names.changed();
  };
}
