import { createHash } from "node:crypto";
import { AssayError, type EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { Principal } from "../principal.ts";
import type { Permissions } from "./permissions.ts";
import type { PolicySets } from "./policy-sets.ts";
import { policiesSince, putPolicies, readPolicies, type SavedPolicies } from "./store.ts";

export interface OrganisationPoliciesDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly telemetry: Pick<Telemetry, "log">;
  readonly policies: PolicySets;
  readonly permissions: Permissions;
  /** Claims the record in the checksum database that other policies came into force. */
  readonly record: (
    transaction: Transaction,
    facts: {
      readonly organisation: string;
      readonly policies: string;
      readonly actor: string;
      readonly atMs: EpochMs;
    },
  ) => Promise<unknown>;
}

/** Policies that organisations save for themselves. */
export interface OrganisationPolicies {
  /** Text as saved; undefined: it has none. */
  find(organisation: string): Promise<SavedPolicies | undefined>;
  /**
   * Puts them in force; an empty text takes them away. Throws BAD_REQUEST for what is refused, naming the line, and for
   * policies that would lock out who saves them. Whether the principal may is not asked here.
   */
  save(principal: Principal, organisation: string, text: string): Promise<void>;
  /** The same inside the transaction of an approval; in force when `refresh` has run after it. */
  saveIn(
    transaction: Transaction,
    principal: Pick<Principal, "id" | "address">,
    organisation: string,
    text: string,
  ): Promise<void>;
  /** Takes over what was saved, here or by other processes. */
  refresh(): Promise<void>;
  /** The same again and again, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const lookEveryMs = 1000;

/** Digest of a text of policies as it stands in `policy` records. */
export function policyDigest(text: string): string {
  return `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`;
}

/** Opens what is saved. Policies that do not hold against this version's schema stop the start: CONFIG. */
export async function openOrganisationPolicies(deps: OrganisationPoliciesDeps): Promise<OrganisationPolicies> {
  const { database, clock, random, events, telemetry, policies, permissions } = deps;
  let seen = 0;

  async function takeOver({ organisation, text, generation }: SavedPolicies): Promise<void> {
    await policies.put(organisation, text === "" ? [] : await policies.read(text));
    seen = Math.max(seen, generation);
  }

  async function wouldLockOut(principal: Principal, organisation: string, text: string): Promise<boolean> {
    const before = await readPolicies(database.read, organisation);
    await policies.put(organisation, text === "" ? [] : await policies.read(text));
    try {
      return !(await permissions.decide(principal, "administer", { kind: "organisation", name: organisation })).allowed;
    } finally {
      await policies.put(
        organisation,
        before === undefined || before.text === "" ? [] : await policies.read(before.text),
      );
    }
  }

  const room: OrganisationPolicies = {
    find: async (organisation) => {
      const found = await readPolicies(database.read, organisation);
      return found === undefined || found.text === "" ? undefined : found;
    },
    async save(principal, organisation, text) {
      if (text !== "") await policies.read(text);
      if (await wouldLockOut(principal, organisation, text))
        throw new AssayError("BAD_REQUEST", {
          reason: "with these policies you could not administer the organisation any more",
        });
      await database.write((transaction) => room.saveIn(transaction, principal, organisation, text));
      await room.refresh();
    },
    async saveIn(transaction, { id, address }, organisation, text) {
      const atMs = clock.now();
      const digest = policyDigest(text);
      const actor = policyDigest(Buffer.from(random.bytes(16)).toString("hex"));
      await putPolicies(transaction, { organisation, text, savedBy: id, savedAtMs: atMs });
      await deps.record(transaction, { organisation, policies: digest, actor, atMs });
      await events.record(transaction, {
        kind: "policy.saved",
        subject: `policies of ${organisation}`,
        data: { organisation, policies: digest, actor },
        act: { who: id, address, action: "administer", policy: "", result: "done", organisation },
      });
    },
    async refresh() {
      for (const saved of await policiesSince(database.read, seen)) await takeOver(saved);
    },
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(lookEveryMs, signal).catch(() => undefined);
        try {
          if (!signal.aborted) await room.refresh();
        } catch (error) {
          telemetry.log.error("policies that were saved cannot be taken over", { error });
        }
      }
    },
  };
  for (const saved of await policiesSince(database.read, 0)) {
    try {
      await takeOver(saved);
    } catch (cause) {
      throw new AssayError(
        "CONFIG",
        {
          reason: `The policies of the organisation ${saved.organisation} are refused by this version: ${cause instanceof Error ? cause.message : String(cause)}`,
        },
        { cause },
      );
    }
  }
  return room;
}
