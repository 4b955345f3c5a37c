import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { createAuthenticate } from "./authenticate.ts";
import { createEndAccess } from "./end-access.ts";
import type { People } from "./identity.ts";
import { createRateLimit } from "./limits/limits.ts";
import { createAccounts } from "./people/accounts.ts";
import { createInvitations } from "./people/invitations.ts";
import { createPasswordGuard } from "./people/password-guard.ts";
import { createPasswordResets } from "./people/password-resets.ts";
import { createPasswords } from "./people/passwords.ts";
import { createScimTokens } from "./scim/scim-tokens.ts";
import { createSignIn } from "./sign-in/sign-in.ts";
import type { Vault } from "./sign-in/vault.ts";
import { createLastUse } from "./tokens/last-use.ts";
import { createTokenCache } from "./tokens/token-cache.ts";
import { createTokens, tokenReader } from "./tokens/tokens.ts";

export interface IdentityDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly vault: Vault;
}

/** How often what is noted is written, and how often what is over is forgotten. */
const flushMs = 30_000;
const tidyEvery = 120;

/**
 * The room. Each part is made here and hung into the answer: `people/`, `tokens/` and `sign-in/` so far; names and permissions become members of the answer, which is an `Identity` then.
 */
export function createIdentity(
  deps: IdentityDeps,
  { identity: options, loopbackOnly }: Pick<Config, "identity" | "loopbackOnly">,
): People {
  const { database, clock, random, telemetry } = deps;
  const attempts = createRateLimit({ clock }, { burst: 30, perMinute: 15 });
  const guard = createPasswordGuard({ database, clock, attempts });
  const cache = createTokenCache({ clock, read: tokenReader(database) });
  const lastUse = createLastUse({ database, clock });
  const tokens = createTokens({ ...deps, cache });
  const changed = (): void => {
    cache.clear();
    authenticate.forget();
  };
  const passwords = createPasswords({ random });
  const accounts = createAccounts({ ...deps, passwords, guard, changed });
  const looking = createRateLimit({ clock }, { burst: 30, perMinute: 10 });
  const invitations = createInvitations({ ...deps, accounts, looking, changed });
  const signIn = createSignIn({ ...deps, guard });
  const endAccess = createEndAccess({ database, accounts, tokens, sessions: signIn.sessions });
  const resets = createPasswordResets({
    ...deps,
    passwords,
    looking,
    changed,
    signOut: endAccess.signOut,
    removeFactors: signIn.factors.removeAll,
  });
  const wrongTokens = createRateLimit({ clock }, { burst: 60, perMinute: 30 });
  const authenticate = createAuthenticate({ accounts, tokens, lastUse, clock, random, wrongTokens, signIn }, options);
  return {
    authenticate,
    accounts,
    invitations,
    resets,
    tokens,
    scimTokens: createScimTokens(deps),
    endAccess,
    limits: {
      registering: createRateLimit({ clock }, { burst: 30, perMinute: 6 }),
      making: createRateLimit({ clock }, { burst: 20, perMinute: 10 }),
      leaks: createRateLimit({ clock }, { burst: 30, perMinute: 30 }),
    },
    signIn,
    registration: registrationOf(options.registration, loopbackOnly),
    async run(signal) {
      for (let round = 0; !signal.aborted; round++) {
        await clock.sleep(flushMs, signal).catch(() => undefined);
        try {
          await lastUse.flush();
          if (round % tidyEvery === 0)
            await Promise.all([tokens.tidy(), guard.tidy(), signIn.tidy(), invitations.tidy(), resets.tidy()]);
        } catch (error) {
          telemetry.log.warn("cannot write when tokens were used", { "error.message": String(error) });
        }
      }
    },
  };
}

function registrationOf(setting: Config["identity"]["registration"], loopbackOnly: boolean): People["registration"] {
  if (setting !== "loopback") return setting;
  return loopbackOnly ? "open" : "invite";
}
