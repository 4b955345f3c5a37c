import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import { createPasskeys, type Passkeys } from "./passkeys.ts";
import { createSecondFactors, type GuessGuard, type SecondFactors } from "./second-factors.ts";
import { createSessions, type Session, type SessionPlace, type Sessions } from "./sessions.ts";
import { createStepUps, type StepUps } from "./step-ups.ts";
import type { Vault } from "./vault.ts";
import { createWebLogins, type WebLogins } from "./web-logins.ts";
import { actOf, doerOf } from "../doer.ts";

export interface SignInDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly vault: Vault;
  /** Of second factors. */
  readonly guard: GuessGuard;
}

/** How people show who they are beyond a password or a token. */
export interface SignIn {
  readonly sessions: Sessions;
  readonly factors: SecondFactors;
  readonly passkeys: Passkeys;
  readonly webLogins: WebLogins;
  readonly stepUps: StepUps;
  /** A session of who has shown who it is, with its event; what the browser had before ends. */
  begin(
    account: string,
    how: { readonly isComplete: boolean; readonly link?: string | undefined },
    visit: { readonly secret: string | undefined; readonly place: SessionPlace },
  ): Promise<{ readonly secret: string; readonly session: Session }>;
  /** Forgets what is over. */
  tidy(): Promise<void>;
}

export function createSignIn(deps: SignInDeps): SignIn {
  const { database, events } = deps;
  const sessions = createSessions(deps);
  const factors = createSecondFactors(deps);
  const webLogins = createWebLogins(deps);
  const stepUps = createStepUps({ ...deps, factors });
  return {
    sessions,
    factors,
    passkeys: createPasskeys({ ...deps, sessions, factors }),
    webLogins,
    stepUps,
    async begin(account, { isComplete, link }, { secret: before, place }) {
      const begun = await sessions.begin(account, { isComplete, steppedUp: isComplete, link, before }, place);
      await database.write((transaction) =>
        events.record(transaction, {
          kind: isComplete ? "sign-in.done" : "sign-in.half-done",
          subject: `person:${account}`,
          data: {
            by: `person:${account}`,
            session: begun.session.id,
            how: link === undefined ? "password" : "provider",
          },
          act: actOf(doerOf({ id: `person:${account}`, address: place.address })),
        }),
      );
      return begun;
    },
    async tidy() {
      await Promise.all([sessions.sweep(), webLogins.sweep(), stepUps.sweep()]);
    },
  };
}
