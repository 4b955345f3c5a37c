import type { PackageName } from "@assay/core";
import type { Credentials } from "../http/credentials.ts";
import type { Action, HostedNames, Identity, Principal, StepUps } from "../identity/identity.ts";

/** Who sends a change, and how it shows once more that it is there. */
export interface Writer {
  readonly principal: Principal;
  /**
   * Returns when the change needs no second factor, or has just been given one; else throws what tells the client where
   * to give it. Asked when the permission is certain, and before a byte of the body is read.
   */
  readonly confirm: (action: Action, name: PackageName) => Promise<void>;
  /** Throws UNAUTHORIZED when its credentials are not good any more: a body may take minutes. */
  readonly renew: () => Promise<void>;
}

/**
 * A writer whose second factor is asked for as its account says (`auth-and-writes`) and as the package says
 * (`publish_requires_tfa`; a bot passes there only with `automation_token_overrides_tfa`). CI is not asked: its identity
 * was proven for this very package minutes ago.
 */
export function createWriter(
  deps: {
    readonly authenticate: Identity["authenticate"];
    readonly stepUps: Pick<StepUps, "require">;
    readonly names: Pick<HostedNames, "find">;
  },
  principal: Principal,
  request: { readonly base: string; readonly credentials: Credentials },
): Writer {
  return {
    principal,
    renew: async () => void (await deps.authenticate(request.credentials)),
    async confirm(action, name) {
      const hosted = deps.names.find(name);
      const isExempt = principal.kind === "bot" && hosted?.automationOverridesTfa === true;
      await deps.stepUps.require(principal, request, {
        what: `${action} ${name}`,
        exactly: `${action} ${name}`,
        need: hosted?.publishRequiresTfa === true && !isExempt ? "enrolled" : "writes",
        // npm unpublishes in two requests, the version and its file.
        requests: action === "unpublish" ? 2 : 1,
      });
    },
  };
}
