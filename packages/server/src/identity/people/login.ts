import { AssayError, isAssayError, type EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Principal } from "../principal.ts";
import type { People } from "../identity.ts";
import { addressBlock } from "../limits/limits.ts";
import type { Operation, StepUpRequest } from "../sign-in/step-ups.ts";
import type { DrawnToken } from "../tokens/tokens.ts";
import type { Account } from "./store.ts";
import { doerOf } from "../doer.ts";

/** What a client sends to sign in, or to make an account: npm's `org.couchdb.user` document. */
export interface LoginRequest {
  readonly name: string;
  readonly password: string;
  readonly email: string;
  /** What the client calls itself. */
  readonly agent: string;
}

export interface LoginDeps {
  readonly identity: Pick<People, "accounts" | "tokens" | "registration" | "limits" | "signIn">;
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
  request: StepUpRequest,
): Promise<DrawnToken> {
  const { accounts, registration, limits } = deps.identity;
  if (registration !== "open") return logIn(deps, { name, password, agent }, request);
  if ((await accounts.find(name)) === undefined) {
    const { address } = request.credentials;
    limits.registering.take(addressBlock(address));
    const by = doerOf({ id: `person:${name}`, address });
    const account = await accounts.create(by, { name, kind: "person", password, email });
    return tokenFor(deps, account, agent, address);
  }
  try {
    return await logIn(deps, { name, password, agent }, request);
  } catch (error) {
    if (!isAssayError(error, "UNAUTHORIZED")) throw error;
    throw new AssayError("CONFLICT", { reason: `the user name ${name} is taken` }, { cause: error });
  }
}

/** Throws UNAUTHORIZED and TOO_MANY_REQUESTS as `Accounts.checkPassword` does, and OTP_REQUIRED of who has a second factor. */
export async function logIn(
  deps: LoginDeps,
  { name, password, agent }: Pick<LoginRequest, "name" | "password" | "agent">,
  request: StepUpRequest,
): Promise<DrawnToken> {
  const { accounts, signIn } = deps.identity;
  const account = await accounts.checkPassword(name, password, request.credentials.address);
  await signIn.stepUps.require(byPassword(account, request), request, signingIn(agent));
  return tokenFor(deps, account, agent, request.credentials.address);
}

function signingIn(agent: string): Operation {
  return { what: `sign in from ${agent}`, exactly: "sign in by name and password", need: "factor" };
}

function byPassword({ name, isAdmin }: Account, { credentials: { address } }: StepUpRequest): Principal {
  const id = `person:${name}`;
  return { kind: "person", id, name, isAdmin, via: "password", grant: undefined, steppedUpAtMs: undefined, address };
}

function tokenFor(
  { identity, clock, loginDays }: LoginDeps,
  { name }: Account,
  agent: string,
  address: string,
): Promise<DrawnToken> {
  const id = `person:${name}`;
  return identity.tokens.issue(doerOf({ id, address }), {
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
