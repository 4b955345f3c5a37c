import { createHmac } from "node:crypto";
import { AssayError } from "@assay/core";
import type { Credentials } from "../http/credentials.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { addressBlock, type RateLimit } from "./limits/limits.ts";
import type { Account, Accounts } from "./people/accounts.ts";
import { anonymous, type Principal } from "./principal.ts";
import type { SignIn } from "./sign-in/sign-in.ts";
import { freshMs } from "./sign-in/step-ups.ts";
import type { LastUse } from "./tokens/last-use.ts";
import { isInBlocks } from "./tokens/narrow.ts";
import { splitHolder } from "./tokens/store.ts";
import { isToken } from "./tokens/token-text.ts";
import { hindranceOf, type StandingToken, type Tokens } from "./tokens/tokens.ts";

export interface AuthenticateDeps {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly lastUse: LastUse;
  readonly clock: Clock;
  readonly random: Random;
  /** Of tokens that are none, by address block. */
  readonly wrongTokens: RateLimit;
  readonly signIn: Pick<SignIn, "sessions" | "factors">;
}

/** Turns what a request shows into who sends it. */
export interface Authenticate {
  (credentials: Credentials): Promise<Principal>;
  /** Forgets the passwords that were right lately. */
  forget(): void;
}

/**
 * A right password that comes with every request is compared once in this time: a comparison costs 26 ms. What another
 * process changed counts within it, as for tokens.
 */
const passwordGoodMs = 3000;
const mostPasswords = 1000;

/**
 * The order is: token, user name with token or password, session, nothing. What stands first decides alone. A session
 * that is over is nothing: browsers send their cookie to whatever they look at.
 */
export function createAuthenticate(
  { accounts, tokens, lastUse, clock, random, wrongTokens, signIn }: AuthenticateDeps,
  { passwordWrites }: { readonly passwordWrites: boolean },
): Authenticate {
  const key = random.bytes(32);
  let rightPasswords = new Map<string, { readonly atMs: number; readonly account: Account }>();

  async function byToken(secret: string, user: string | undefined, address: string): Promise<Principal> {
    const standing = await tokens.find(secret);
    const reason =
      standing === undefined || (user !== undefined && user !== standing.token.holderName)
        ? "the token is not known here"
        : hindranceOf(standing, clock.now(), (blocks) => isInBlocks(blocks, address));
    if (standing === undefined || reason !== undefined) {
      wrongTokens.take(addressBlock(address));
      throw new AssayError("UNAUTHORIZED", { reason: reason ?? "the token is not known here" });
    }
    lastUse.note(standing.token.key, address);
    return principalOf(standing, address);
  }

  async function byPassword(user: string, password: string, address: string): Promise<Principal> {
    const mark = createHmac("sha256", key).update(`${user}:${password}`).digest("hex");
    const known = rightPasswords.get(mark);
    const into = rightPasswords;
    if (known !== undefined && clock.monotonicMs() - known.atMs < passwordGoodMs)
      return personByPassword(known.account, address, passwordWrites);
    const account = await accounts.checkPassword(user, password, address);
    if ((await signIn.factors.stateOf(user)).isEnrolled)
      throw new AssayError("UNAUTHORIZED", { reason: "this account has a second factor; sign in and use a token" });
    into.delete(mark);
    into.set(mark, { atMs: clock.monotonicMs(), account });
    if (into.size > mostPasswords) into.delete(into.keys().next().value ?? mark);
    return personByPassword(account, address, passwordWrites);
  }

  async function bySession(secret: string | undefined, address: string): Promise<Principal> {
    const session = await signIn.sessions.find(secret);
    const account = session?.isComplete === true ? await accounts.find(session.account) : undefined;
    if (session === undefined || account?.state !== "active") return anonymous(address);
    const { name, isAdmin } = account;
    const { steppedUpAtMs: lastMs } = session;
    // A proof of last week is none.
    const steppedUpAtMs = lastMs !== undefined && lastMs + freshMs > clock.now() ? lastMs : undefined;
    return {
      kind: "person",
      id: `person:${name}`,
      name,
      isAdmin,
      via: "session",
      grant: undefined,
      steppedUpAtMs,
      address,
    };
  }

  async function authenticate({ bearer, basic, session, address }: Credentials): Promise<Principal> {
    if (bearer !== undefined) return byToken(bearer, undefined, address);
    if (basic === undefined) return bySession(session, address);
    return isToken(basic.password)
      ? byToken(basic.password, basic.user, address)
      : byPassword(basic.user, basic.password, address);
  }

  return Object.assign(authenticate, {
    forget: () => {
      rightPasswords = new Map();
    },
  });
}

function principalOf({ token, account }: StandingToken, address: string): Principal {
  const [kind] = splitHolder(token.holder);
  return {
    kind: kind === "bot" || kind === "ci" ? kind : "person",
    id: token.holder,
    name: token.holderName,
    isAdmin: account?.isAdmin === true,
    via: "token",
    grant: {
      tokenId: token.key,
      level: token.level,
      packages: token.packages,
      organisations: token.organisations,
      expiresAtMs: token.expiresAtMs,
    },
    steppedUpAtMs: undefined,
    address,
  };
}

/** A password that a client keeps is a secret that never ends: it reads, and writes only where that was allowed. */
function personByPassword({ name, isAdmin }: Account, address: string, passwordWrites: boolean): Principal {
  return {
    kind: "person",
    id: `person:${name}`,
    name,
    isAdmin,
    via: "password",
    grant: passwordWrites
      ? undefined
      : {
          tokenId: "password",
          level: "read-only",
          packages: undefined,
          organisations: undefined,
          expiresAtMs: undefined,
        },
    steppedUpAtMs: undefined,
    address,
  };
}
