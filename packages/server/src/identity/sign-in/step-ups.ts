import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Random } from "../../platform/random.ts";
import type { Principal } from "../principal.ts";
import { derivedSecret, digestOf, newId, newSecret } from "./secrets.ts";
import type { SecondFactors } from "./second-factors.ts";
import {
  countWaiting,
  decideStepUp,
  deleteOldStepUps,
  insertStepUp,
  readStepUp,
  useStepUp,
  type StepUp,
} from "./store-step-ups.ts";

export type { StepUp } from "./store-step-ups.ts";

/** The very thing that somebody confirms. */
export interface Operation {
  /** In words, for the page, as the end of "You are about to": `publish @acme/tools@1.2.0`. */
  readonly what: string;
  /** All that makes it this one operation and no other, in one text: method, name, digests of what is sent. */
  readonly exactly: string;
  /**
   * `always`: everybody proves anew that they are there, with a second factor or, who has none, with the password.
   * `enrolled`: everybody, with a second factor; who has none is refused, bots too, and CI passes.
   * `factor`: everybody who has a second factor. `writes`: only who set up a second factor for what their tokens do, as npm's `auth-and-writes`.
   */
  readonly need: "always" | "enrolled" | "factor" | "writes";
  /** Requests that a client makes for it under one proof; 1 by default. */
  readonly requests?: number;
}

/** What a request shows, and where it came in. */
export interface StepUpRequest {
  readonly base: string;
  readonly credentials: { readonly otp: string | undefined; readonly address: string };
}

/**
 * Operations that need more than a token. Who asks without proof is told where to prove it: in a browser (`authUrl`),
 * which the client waits for (`doneUrl`), or with a one-time password. A proof is good for the operation that it was
 * given for, for the token that asked, once, for minutes.
 */
export interface StepUps {
  /**
   * Returns when the person behind the principal has just proven to be there. Throws OTP_REQUIRED with the two URLs,
   * TOO_MANY_REQUESTS for who guesses, UNAUTHORIZED for anonymous, FORBIDDEN for bots and CI where a person is needed.
   */
  require(principal: Principal, request: StepUpRequest, operation: Operation): Promise<void>;
  /** For the page; undefined when there is none of this account (any more). */
  find(id: string, account: string): Promise<StepUp | undefined>;
  /** False when it was decided already, or has ended. The caller has checked the proof. */
  decide(id: string, account: string, decision: "confirmed" | "refused"): Promise<boolean>;
  /** What the client hears at `doneUrl`: to wait, or what to send as `npm-otp`. Undefined when there is none, or the person said no. */
  collect(secret: string): Promise<{ readonly token: string } | "waiting" | undefined>;
  sweep(): Promise<void>;
}

/** How long a session that was stepped up needs no other proof. */
export const freshMs = 10 * 60_000;
const lifeMs = 5 * 60_000;
/** Of one account at a time. */
const mostWaiting = 50;
const secretPattern = /^[\w-]{43}$/;

export function createStepUps(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly factors: Pick<SecondFactors, "stateOf" | "take">;
}): StepUps {
  const { database, clock, random, factors } = deps;

  function proof(principal: Principal, { what, exactly, requests = 1 }: Operation) {
    const nowMs = clock.now();
    return {
      account: principal.name,
      credential: `${principal.via} ${principal.grant?.tokenId ?? ""}`,
      operation: digestOf(exactly),
      what: what.slice(0, 500),
      usesLeft: requests,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + lifeMs,
      address: principal.address,
    } as const;
  }

  /** A one-time password: used up at once, and what is left of the operation's requests is remembered. */
  async function takeCode(principal: Principal, code: string, operation: Operation): Promise<boolean> {
    const known = proof(principal, operation);
    const digest = digestOf(`code ${principal.name} ${code}`);
    let isAgain = false;
    // Also what was typed before is a guess until it is found: the guard stands before both.
    const taken = await factors.take(principal.name, code, principal.address, async (transaction) => {
      isAgain = await useStepUp(transaction, { ...known, digest, nowMs: clock.now() });
      return isAgain;
    });
    if (!taken || isAgain) return taken;
    const usesLeft = known.usesLeft - 1;
    if (usesLeft > 0)
      await database.write((transaction) =>
        insertStepUp(transaction, digest, { ...known, id: undefined, state: "confirmed", usesLeft }),
      );
    return true;
  }

  async function challenge(principal: Principal, base: string, operation: Operation): Promise<never> {
    const secret = newSecret(random);
    const id = newId(random);
    await database.write(async (transaction) => {
      await deleteOldStepUps(transaction, clock.now());
      if ((await countWaiting(transaction, principal.name)) >= mostWaiting)
        throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 60 });
      await insertStepUp(transaction, digestOf(derivedSecret(secret, "step-up")), {
        ...proof(principal, operation),
        id,
        state: "waiting",
      });
    });
    throw new AssayError("OTP_REQUIRED", {
      authUrl: `${base}/-/web/step-up/${id}`,
      doneUrl: `${base}/-/v1/done/${secret}`,
    });
  }

  return {
    async require(principal, { base, credentials }, operation) {
      if (principal.kind === "anonymous")
        throw new AssayError("UNAUTHORIZED", { reason: "this needs somebody who is signed in" });
      if (principal.kind !== "person") {
        const passes = operation.need === "enrolled" ? principal.kind === "ci" : operation.need !== "always";
        if (passes) return;
        throw new AssayError("FORBIDDEN", { reason: "only a person may do this, not a bot and not CI" });
      }
      const state = await factors.stateOf(principal.name);
      if (operation.need === "enrolled" && !state.isEnrolled)
        throw new AssayError("FORBIDDEN", {
          reason: `to ${operation.what.slice(0, 200)} needs a second factor, and this account has none; set one up at ${base}/-/web/me`,
        });
      if (operation.need !== "always" && !state.isEnrolled) return;
      if (operation.need === "writes" && state.mode !== "all") return;
      if (
        principal.via === "session" &&
        principal.steppedUpAtMs !== undefined &&
        principal.steppedUpAtMs + freshMs > clock.now()
      )
        return;
      const { otp } = credentials;
      if (otp !== undefined && secretPattern.test(otp)) {
        const use = { ...proof(principal, operation), digest: digestOf(otp), nowMs: clock.now() };
        if (await database.write((transaction) => useStepUp(transaction, use))) return;
      } else if (otp !== undefined && state.isEnrolled && (await takeCode(principal, otp, operation))) return;
      await challenge(principal, base, operation);
    },

    async find(id, account) {
      const stepUp = await readStepUp(database.read, { id });
      return stepUp?.account === account && stepUp.expiresAtMs > clock.now() ? stepUp : undefined;
    },

    decide: (id, account, state) =>
      database.write((transaction) => decideStepUp(transaction, id, { account, state, nowMs: clock.now() })),

    async collect(secret) {
      const token = derivedSecret(secret, "step-up");
      const stepUp = await readStepUp(database.read, { digest: digestOf(token) });
      if (stepUp === undefined || stepUp.expiresAtMs <= clock.now() || stepUp.state === "refused") return undefined;
      return stepUp.state === "waiting" ? "waiting" : { token };
    },

    sweep: () => database.write((transaction) => deleteOldStepUps(transaction, clock.now())),
  };
}
