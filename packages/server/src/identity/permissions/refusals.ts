/** Refused permissions are acts too: the audit trail has them, in a number that nobody outside can raise. */
import { isAssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { createRateLimit } from "../limits/limits.ts";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { Action, Permissions, Resource } from "./permissions.ts";
import { describeResource } from "./question.ts";
import { resourceInWords } from "./sentences.ts";
import { createTallies } from "./tallies.ts";

export interface RefusalDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly names: Pick<HostedNames, "organisationOf" | "find" | "organisation">;
  readonly telemetry: Pick<Telemetry, "log">;
}

export interface NotedPermissions {
  readonly permissions: Permissions;
  /** Tells how many refusals were not noted one by one; until aborted, and then once more. A crash forgets minutes of them. */
  run(signal: AbortSignal): Promise<void>;
}

/** Of one principal. */
const ofOne = { burst: 20, perMinute: 10 };
/** In one organisation's trail, of all who may not even know what they asked about: accounts cost nothing. */
const ofOutsiders = { burst: 20, perMinute: 1 };
const tellEveryMs = 600_000;

interface Refusal {
  readonly principal: Principal;
  readonly action: Action;
  readonly resource: Resource;
  readonly policy: string;
  readonly isOutside: boolean;
}

/** Permissions that note whom they refuse. Strangers, and reading, are not noted: that is what a public server is asked all day. */
export function withRefusals(permissions: Permissions, deps: RefusalDeps): NotedPermissions {
  const { database, events, clock, names, telemetry } = deps;
  const limits = { one: createRateLimit({ clock }, ofOne), outsiders: createRateLimit({ clock }, ofOutsiders) };
  const tallies = createTallies();
  const underWay = new Set<Promise<void>>();

  /** Whose trail shows it: a name that is nobody's is in the registry's alone. */
  function trailOf(resource: Resource): string | undefined {
    const { organisation } = describeResource(names, resource);
    return organisation === undefined || names.organisation(organisation) === undefined ? undefined : organisation;
  }

  function isWithinLimits({ principal, isOutside }: Refusal, organisation: string | undefined): boolean {
    try {
      limits.one.take(principal.id);
      if (isOutside && organisation !== undefined) limits.outsiders.take(organisation);
      return true;
    } catch {
      return false;
    }
  }

  /** Behind the answer, which does not wait for it. */
  function note(refusal: Refusal): void {
    const { principal, action, resource, policy } = refusal;
    const { id, address } = principal;
    const organisation = trailOf(resource);
    if (!isWithinLimits(refusal, organisation)) {
      tallies.add(organisation, id);
      return;
    }
    const subject = resource.kind === "package" ? `npm ${resource.name}` : resourceInWords(resource);
    const writing = database
      .write((transaction) =>
        events.record(transaction, {
          kind: "permission.refused",
          subject,
          data: { by: id, action },
          act: { who: id, address, action, policy, result: "refused", organisation },
        }),
      )
      .catch((error: unknown) => {
        telemetry.log.warn("a refusal cannot be written into the audit trail", { error });
      })
      .finally(() => void underWay.delete(writing));
    underWay.add(writing);
  }

  async function tell(): Promise<void> {
    for (const { organisation, refusals, by } of tallies.take()) {
      const [first] = by;
      await database.write((transaction) =>
        events.record(transaction, {
          kind: "permission.refused-more",
          subject: `${refusals} more refusals`,
          data: { refusals, by: by.join(" "), organisation: organisation ?? null },
          act:
            by.length === 1 && first !== undefined
              ? { who: first, address: "", action: "", policy: "", result: "refused", organisation }
              : undefined,
        }),
      );
    }
  }

  return {
    permissions: {
      ...permissions,
      async require(principal, action, resource) {
        try {
          return await permissions.require(principal, action, resource);
        } catch (error) {
          const isOutside = isAssayError(error, "NOT_FOUND");
          if (principal.kind !== "anonymous" && action !== "read" && (isOutside || isAssayError(error, "FORBIDDEN"))) {
            const policy = isAssayError(error, "FORBIDDEN") ? (error.details.policy ?? "") : "";
            note({ principal, action, resource, policy, isOutside });
          }
          throw error;
        }
      },
    },
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(tellEveryMs, signal).catch(() => undefined);
        try {
          await tell();
        } catch (error) {
          telemetry.log.warn("refusals cannot be written into the audit trail", { error });
        }
      }
      await Promise.all(underWay);
    },
  };
}
