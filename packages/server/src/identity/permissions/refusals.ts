/** Refused permissions are acts too: the audit trail has them, as many as one principal can tell us something by. */
import { isAssayError } from "@assay/core";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { RateLimit } from "../limits/limits.ts";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { Action, Permissions, Resource } from "./permissions.ts";
import { describeResource } from "./question.ts";
import { resourceInWords } from "./sentences.ts";

export interface RefusalDeps {
  readonly database: Database;
  readonly events: Events;
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
  readonly telemetry: Pick<Telemetry, "log">;
  /** By principal: who is refused more often stands in the trail as often as this allows. */
  readonly noting: RateLimit;
}

/** Permissions that note whom they refuse. Strangers, and reading, are not noted: that is what a public server is asked all day. */
export function withRefusals(permissions: Permissions, deps: RefusalDeps): Permissions {
  return {
    ...permissions,
    async require(principal, action, resource) {
      try {
        return await permissions.require(principal, action, resource);
      } catch (error) {
        const isRefusal = isAssayError(error, "FORBIDDEN") || isAssayError(error, "NOT_FOUND");
        if (isRefusal && principal.kind !== "anonymous" && action !== "read")
          note(deps, principal, action, resource, isAssayError(error, "FORBIDDEN") ? (error.details.policy ?? "") : "");
        throw error;
      }
    },
  };
}

/** Behind the answer, which does not wait for it. */
function note(
  { database, events, names, telemetry, noting }: RefusalDeps,
  { id, address }: Principal,
  action: Action,
  resource: Resource,
  policy: string,
): void {
  try {
    noting.take(id);
  } catch {
    // Enough of this principal is on record.
    return;
  }
  const { organisation } = describeResource(names, resource);
  const subject = resource.kind === "package" ? `npm ${resource.name}` : resourceInWords(resource);
  void database
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
    });
}
