import type { Config } from "../../config/config.ts";
import type { Gate } from "../approvals/gate.ts";
import { doerOf, type Doer } from "../doer.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import { subjectText } from "./exchange.ts";
import type { TrustRule, TrustSubject } from "./rules.ts";
import { isTrustedOnly, readRules } from "./store.ts";
import {
  carryOutTrust,
  readTrustRequests,
  requestsText,
  trustInWords,
  trustOperation,
  type TrustChange,
  type TrustChangeDeps,
} from "./trust-changes.ts";

/** Who changes rules, and how it shows once more that it is there. */
export interface Caller {
  readonly principal: Principal;
  /** Below which it reaches us. */
  readonly base: string;
  /** Returns when a person has just proven to be there; else throws what tells the client where to. */
  readonly confirm: (operation: { readonly what: string; readonly exactly: string }) => Promise<void>;
}

/**
 * Who may publish from CI, and whether anybody else may. Every call asks `Permissions` first, and every change has a
 * person confirm it: whoever stole a token must not make itself a rule that outlives it.
 */
export interface Trust {
  /** The oldest first. */
  list(caller: Caller, subject: TrustSubject): Promise<readonly TrustRule[]>;
  /**
   * Adds what `npm trust` posts: a list of rules. All of them or none. Throws BAD_REQUEST for malformed ones, for too
   * many, and for open ones where these are forbidden.
   */
  add(caller: Caller, subject: TrustSubject, body: unknown): Promise<readonly TrustRule[]>;
  /** Removes a rule, and with it every token that was exchanged by it. Throws NOT_FOUND. */
  remove(caller: Caller, subject: TrustSubject, id: string): Promise<void>;
  /** Whether trusted CI alone publishes here. */
  isExclusive(caller: Caller, subject: TrustSubject): Promise<boolean>;
  setExclusive(caller: Caller, subject: TrustSubject, isExclusive: boolean): Promise<void>;
}

export interface TrustDeps extends TrustChangeDeps {
  readonly permissions: Pick<Permissions, "require">;
  readonly gate: Gate;
}

export function createTrust(deps: TrustDeps, options: Config["trust"]): Trust {
  const { database, permissions, gate } = deps;

  async function admit({ principal }: Caller, subject: TrustSubject): Promise<Doer> {
    const action = subject.kind === "package" ? "trust" : "administer";
    return doerOf(principal, action, await permissions.require(principal, action, subject));
  }

  /** A person confirms it, and others approve it where a rule says so. */
  async function change(caller: Caller, by: Doer, wanted: TrustChange, exactly: string): Promise<readonly TrustRule[]> {
    await caller.confirm({ what: trustInWords(options, wanted), exactly });
    await gate.pass(caller, trustOperation(deps, options, by, wanted));
    return await carryOutTrust(deps, options, by, wanted);
  }

  return {
    async list(caller, subject) {
      await admit(caller, subject);
      return await readRules(database.read, subject);
    },
    async add(caller, subject, body) {
      const by = await admit(caller, subject);
      const rules = requestsText(readTrustRequests(options, subject, body));
      return await change(caller, by, { do: "add", subject, body }, `add trust ${subjectText(subject)} ${rules}`);
    },
    async remove(caller, subject, id) {
      const by = await admit(caller, subject);
      await change(caller, by, { do: "remove", subject, id }, `remove trust ${subjectText(subject)} ${id}`);
    },
    async isExclusive(caller, subject) {
      await admit(caller, subject);
      return await isTrustedOnly(database.read, subject);
    },
    async setExclusive(caller, subject, isExclusive) {
      const by = await admit(caller, subject);
      const exactly = `exclusive ${String(isExclusive)} ${subjectText(subject)}`;
      await change(caller, by, { do: "exclusive", subject, isExclusive }, exactly);
    },
  };
}
