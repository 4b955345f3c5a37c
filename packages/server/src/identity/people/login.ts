import { AssayError, isAssayError, type EpochMs } from "@assay/core";
import type { Credentials } from "../../http/credentials.ts";
import type { Clock } from "../../platform/clock.ts";
import type { People } from "../identity.ts";
import { addressBlock } from "../limits/limits.ts";
import type { DrawnToken } from "../tokens/tokens.ts";
import type { Account } from "./store.ts";

/** What a client sends to sign in, or to make an account: npm's `org.couchdb.user` document. */
export interface LoginRequest {
  readonly name: string;
  readonly password: string;
  readonly email: string;
  /** What the client calls itself. */
  readonly agent: string;
}

export interface LoginDeps {
  readonly identity: Pick<People, "accounts" | "tokens" | "registration" | "limits">;
  readonly clock: Clock;
  readonly loginDays: number;
}

const dayMs = 24 * 3_600_000;

/**
 * The one request of all clients that sign in by name and password. Whose account it is gets a token. Where people may
 * register by themselves, an unknown name makes an account, and a wrong password is CONFLICT: clients then try to sign
 * in, and say what they say for a wrong password. Elsewhere nothing tells whether there is such an account.
 */
export async function logInOrRegister(
  deps: LoginDeps,
  { name, password, email, agent }: LoginRequest,
  { address }: Credentials,
): Promise<DrawnToken> {
  const { accounts, registration, limits } = deps.identity;
  if (registration !== "open") return logIn(deps, { name, password, agent }, address);
  if ((await accounts.find(name)) === undefined) {
    limits.registering.take(addressBlock(address));
    const account = await accounts.create(`person:${name}`, { name, kind: "person", password, email });
    return tokenFor(deps, account, agent);
  }
  try {
    return await logIn(deps, { name, password, agent }, address);
  } catch (error) {
    if (!isAssayError(error, "UNAUTHORIZED")) throw error;
    throw new AssayError("CONFLICT", { reason: `the user name ${name} is taken` }, { cause: error });
  }
}

/** Throws UNAUTHORIZED and TOO_MANY_REQUESTS as `Accounts.checkPassword` does. */
export async function logIn(
  deps: LoginDeps,
  { name, password, agent }: Pick<LoginRequest, "name" | "password" | "agent">,
  address: string,
): Promise<DrawnToken> {
  return tokenFor(deps, await deps.identity.accounts.checkPassword(name, password, address), agent);
}

function tokenFor({ identity, clock, loginDays }: LoginDeps, { name }: Account, agent: string): Promise<DrawnToken> {
  const id = `person:${name}`;
  return identity.tokens.issue(id, {
    holder: id,
    holderName: name,
    origin: "login",
    name: `login by ${agent}`,
    level: "read-write",
    packages: undefined,
    organisations: undefined,
    cidrs: undefined,
    expiresAtMs: (clock.now() + loginDays * dayMs) as EpochMs,
  });
}
