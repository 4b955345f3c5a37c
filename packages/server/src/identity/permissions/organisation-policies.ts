import { createHash } from "node:crypto";
import { AssayError, epochMs, type EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { createRateLimit } from "../limits/limits.ts";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { PermissionFacts } from "./facts.ts";
import type { Resource } from "./permissions.ts";
import type { Policy } from "./policies.ts";
import type { PolicySets } from "./policy-sets.ts";
import { makeQuestion } from "./question.ts";
import { policiesSince, putPolicies, readPolicies, type SavedPolicies } from "./store.ts";

export interface OrganisationPoliciesDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly telemetry: Pick<Telemetry, "log">;
  readonly policies: PolicySets;
  readonly facts: PermissionFacts;
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
  /** Who owns an organisation and can sign in, each as they come with a fresh session. */
  readonly ownersOf: (organisation: string) => Promise<readonly Principal[]>;
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

declare const checked: unique symbol;

/** A text that was read, and that leaves a way back; made by `check` alone. */
export interface CheckedPolicies {
  readonly [checked]: true;
  readonly organisation: string;
  readonly text: string;
  readonly count: number;
}

/** A save that waits for approval. */
export interface WaitingPolicies {
  readonly organisation: string;
  readonly text: string;
  readonly revision: number;
}

/** Who saves, and which policy lets them. */
export type PolicySaver = Pick<Principal, "id" | "address"> & { readonly policy: string };

/** Policies that organisations save for themselves. Whether somebody may is not asked here. */
export interface OrganisationPolicies {
  /** The text as it was saved, empty when there is none, and the revision that a save must name; 0 before the first. */
  find(organisation: string): Promise<{
    readonly text: string;
    readonly revision: number;
    readonly savedBy: string | undefined;
    readonly savedAtMs: EpochMs | undefined;
  }>;
  /**
   * Reads them; an empty text takes those of before away. Throws BAD_REQUEST for what is refused, naming the line, and
   * for policies by which no owner of the organisation could administer it any more, or `saver` could not. They are tried aside, and
   * come into force by a save alone. Throws TOO_MANY_REQUESTS for a `saver` who has more than ten checked, and then four a
   * minute.
   */
  check(organisation: string, text: string, saver?: Principal): Promise<CheckedPolicies>;
  /** Puts them in force. Throws CONFLICT when the revision is another one. Answers the new one. */
  save(saver: PolicySaver, policies: CheckedPolicies, revision: number): Promise<number>;
  /** The same inside the transaction of an approval; in force when `refresh` has run after it. */
  saveIn(transaction: Transaction, saver: PolicySaver, policies: CheckedPolicies, revision: number): Promise<number>;
  /** Takes over what was saved, here or by other processes. What cannot be read closes its organisation, and only that. */
  refresh(): Promise<void>;
  /** The same again and again, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const lookEveryMs = 1000;
/** A check is up to a second of work for the whole process, and comes before the proof: that is used up by a good text alone. */
const checksOfOne = { burst: 10, perMinute: 4 };

/** Digest of a text of policies as it stands in `policy` records. */
export function policyDigest(text: string): string {
  return `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`;
}

/** Opens what is saved. An organisation whose policies do not hold against this version's schema is closed, not the registry. */
export async function openOrganisationPolicies(deps: OrganisationPoliciesDeps): Promise<OrganisationPolicies> {
  const { database, clock, random, events, telemetry, policies } = deps;
  const checking = createRateLimit({ clock }, checksOfOne);
  let seen = 0;
  let looking: Promise<void> = Promise.resolve();

  const read = async (text: string): Promise<readonly Policy[]> => (text === "" ? [] : await policies.read(text));

  async function takeOver({ organisation, text }: SavedPolicies): Promise<void> {
    try {
      await policies.put(organisation, await read(text));
    } catch (error) {
      telemetry.log.error(
        "the policies of an organisation cannot be read, so everything of it is refused until others are saved",
        { organisation, error },
      );
      await policies.close(organisation);
    }
  }

  async function look(): Promise<void> {
    for (const saved of await policiesSince(database.read, seen)) {
      await takeOver(saved);
      seen = Math.max(seen, saved.generation);
    }
  }

  async function mayAdminister(principal: Principal, organisation: string, own: readonly Policy[]): Promise<boolean> {
    const resource: Resource = { kind: "organisation", name: organisation };
    const question = await makeQuestion(deps, principal, "administer", resource);
    return (await policies.askAside(own, question)).outcome === "allow";
  }

  async function requireWayBack(
    organisation: string,
    own: readonly Policy[],
    saver: Principal | undefined,
  ): Promise<void> {
    if (saver !== undefined && !(await mayAdminister(withSession(saver, clock.now()), organisation, own)))
      throw new AssayError("BAD_REQUEST", {
        reason: "with these policies you could not administer the organisation any more",
      });
    const owners = await deps.ownersOf(organisation);
    for (const owner of owners) if (await mayAdminister(owner, organisation, own)) return;
    if (owners.length > 0)
      throw new AssayError("BAD_REQUEST", {
        reason: `with these policies no owner of ${organisation} could administer it any more`,
      });
  }

  const room: OrganisationPolicies = {
    async find(organisation) {
      const found = await readPolicies(database.read, organisation);
      return {
        text: found?.text ?? "",
        revision: found?.generation ?? 0,
        savedBy: found?.savedBy,
        savedAtMs: found?.savedAtMs,
      };
    },
    async check(organisation, text, saver) {
      if (saver !== undefined && text !== "") checking.take(saver.id);
      const own = await read(text);
      if (text !== "") await requireWayBack(organisation, own, saver);
      return { organisation, text, count: own.length } as CheckedPolicies;
    },
    async save(saver, own, revision) {
      const saved = await database.write((transaction) => room.saveIn(transaction, saver, own, revision));
      await room.refresh();
      return saved;
    },
    async saveIn(transaction, { id, address, policy }, { organisation, text }, revision) {
      const before = await readPolicies(transaction, organisation);
      if ((before?.generation ?? 0) !== revision)
        throw new AssayError("CONFLICT", {
          reason: `the policies of ${organisation} were saved by somebody else since; look at revision ${before?.generation ?? 0}`,
        });
      const atMs = clock.now();
      const digest = policyDigest(text);
      const actor = policyDigest(Buffer.from(random.bytes(16)).toString("hex"));
      const generation = await putPolicies(transaction, { organisation, text, savedBy: id, savedAtMs: atMs });
      await deps.record(transaction, { organisation, policies: digest, actor, atMs });
      await events.record(transaction, {
        kind: "policy.saved",
        subject: `policies of ${organisation}`,
        data: { organisation, policies: digest, actor, revision: generation },
        act: { who: id, address, action: "administer", policy, result: "done", organisation },
      });
      return generation;
    },
    // One look after another: an older one must not put back what a newer one took away.
    refresh: () => (looking = looking.then(look, look)),
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(lookEveryMs, signal).catch(() => undefined);
        try {
          if (!signal.aborted) await room.refresh();
        } catch (error) {
          telemetry.log.error("policies that were saved cannot be looked for", { error });
        }
      }
    },
  };
  await room.refresh();
  return room;
}

/** As whoever it is comes with a session that was proven lately: a token is not what must find the way back. */
function withSession(principal: Principal, nowMs: number): Principal {
  return { ...principal, via: "session", grant: undefined, steppedUpAtMs: epochMs(nowMs) };
}
