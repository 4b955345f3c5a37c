import type { PackageName } from "@assay/core";
import type { Credentials } from "../http/credentials.ts";
import {
  manageNeed,
  writeNeed,
  type Action,
  type HostedNames,
  type Identity,
  type Principal,
  type StepUps,
} from "../identity/identity.ts";

/** Who sends a change, and how it shows once more that it is there. */
export interface Writer {
  readonly principal: Principal;
  /** Below which it reaches us, for addresses that it is told. */
  readonly base: string;
  /**
   * Returns when the change needs no second factor, or has just been given one; else throws what tells the client where
   * to give it. Asked when the permission is certain, and where the path tells what is wanted before a byte of the body
   * is read. `what` says it to the person, and is all that the proof is good for; without it, the action and the name.
   */
  readonly confirm: (action: Action, name: PackageName, what?: string) => Promise<void>;
  /** Throws UNAUTHORIZED when its credentials are not good any more: a body may take minutes. */
  readonly renew: () => Promise<void>;
}

/** A writer whose second factor is asked for as its account and the package say (`writeNeed`; for owners `manageNeed`). */
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
    base: request.base,
    renew: async () => void (await deps.authenticate(request.credentials)),
    async confirm(action, name, what = `${action} ${name}`) {
      const hosted = deps.names.find(name);
      await deps.stepUps.require(principal, request, {
        what,
        exactly: what,
        need: action === "own" ? manageNeed(hosted) : writeNeed(principal, hosted),
        // npm unpublishes in two requests, the version and its file.
        requests: action === "unpublish" ? 2 : 1,
      });
    },
  };
}
