import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { doerOf, type Doer } from "../doer.ts";
import { readAllOf, type ScimUserRow } from "./store.ts";
import { readGroupNames } from "./store-groups.ts";

/** Makes people's memberships what the provider's groups say. */
export interface Memberships {
  /** Of these people, now. One call after the other: what is read last is made last. */
  settle(by: Doer, people: readonly Pick<ScimUserRow, "id" | "account">[]): Promise<void>;
  /** Of everybody, again and again: what a crash or a team that was not there yet left undone. Until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface MembershipsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "log">;
  /** As `ProvidedMemberships.apply`. */
  readonly applyGroups: (source: string, person: string, groups: readonly string[], by: Doer) => Promise<void>;
}

export function createMemberships(
  { database, clock, telemetry, applyGroups }: MembershipsDeps,
  { issuer, recheckMinutes }: { readonly issuer: string; readonly recheckMinutes: number },
): Memberships {
  // Not that of sign-ins: what an ID token does not list takes away nothing that SCIM gave.
  const source = `scim:${issuer}`;
  let last: Promise<void> = Promise.resolve();

  function settle(by: Doer, people: readonly Pick<ScimUserRow, "id" | "account">[]): Promise<void> {
    const accounts = new Map(people.map(({ id, account }) => [id, account]));
    const work = async (): Promise<void> => {
      for (const [id, account] of accounts)
        await applyGroups(source, account, await readGroupNames(database.read, id), by);
    };
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    settle,
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(recheckMinutes * 60_000, signal).catch(() => undefined);
        try {
          if (!signal.aborted)
            await settle(doerOf({ id: source, address: "" }), await readAllOf(database.read, issuer));
        } catch (error) {
          telemetry.log.warn("cannot make memberships what the provider's groups say", {
            "error.message": String(error),
          });
        }
      }
    },
  };
}
