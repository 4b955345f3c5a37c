import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Accounts } from "../people/accounts.ts";
import type { Principal } from "../principal.ts";
import type { RateLimit } from "../limits/limits.ts";
import { requireWithin } from "./narrow.ts";
import type { TokenRequest } from "./token-request.ts";
import type { DrawnToken, Token, Tokens } from "./tokens.ts";
import { doerOf } from "../doer.ts";

export interface MakeTokenDeps {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** By principal. */
  readonly making: RateLimit;
}

/** After this time a second factor, or a password, must be given again. */
const freshMs = 5 * 60_000;

/**
 * Makes a token for a person. It can do no more than what shows the request: a token that was made with grants hands on
 * at most those. Who stole a token still needs the password, or a second factor that was given just now.
 *
 * Throws FORBIDDEN, UNAUTHORIZED, TOO_MANY_REQUESTS.
 */
export async function makeToken(
  { accounts, tokens, clock, making }: MakeTokenDeps,
  principal: Principal,
  { name, description, password, bounds }: TokenRequest,
): Promise<DrawnToken> {
  if (principal.kind !== "person")
    throw new AssayError("FORBIDDEN", { reason: "only people make tokens; those of a bot are made by its operator" });
  making.take(principal.id);
  const shown = await shownToken(tokens, principal);
  if (shown?.origin === "made") requireWithin(shown, bounds);
  if (password !== undefined) await accounts.checkPassword(principal.name, password, principal.address);
  else if (principal.steppedUpAtMs === undefined || clock.now() - principal.steppedUpAtMs > freshMs)
    throw new AssayError("UNAUTHORIZED", { reason: "making a token needs the password of the account" });
  return tokens.issue(doerOf(principal), {
    holder: principal.id,
    holderName: principal.name,
    origin: "made",
    name,
    description,
    ...bounds,
  });
}

/** Those that the principal may see and revoke: all of its holder, or itself alone where it was made with grants. */
export async function visibleTokens(tokens: Tokens, principal: Principal): Promise<readonly Token[]> {
  const all = await tokens.list(principal.id);
  const shown = all.find(({ key }) => key === principal.grant?.tokenId);
  return principal.via === "token" && shown?.origin !== "login" ? all.filter((each) => each === shown) : all;
}

/** The token that shows the request; undefined where none does. Throws UNAUTHORIZED when it ended meanwhile. */
async function shownToken(tokens: Tokens, principal: Principal): Promise<Token | undefined> {
  if (principal.via !== "token") return undefined;
  const shown = (await tokens.list(principal.id)).find(({ key }) => key === principal.grant?.tokenId);
  if (shown === undefined) throw new AssayError("UNAUTHORIZED", { reason: "the token was revoked" });
  return shown;
}
