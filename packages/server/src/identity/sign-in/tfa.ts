import { AssayError } from "@assay/core";
import type { Accounts } from "../people/accounts.ts";
import type { Principal } from "../principal.ts";
import type { FactorState, SecondFactors } from "./second-factors.ts";
import type { StepUpRequest, StepUps } from "./step-ups.ts";

export interface TfaDeps {
  readonly accounts: Pick<Accounts, "checkPassword">;
  readonly factors: SecondFactors;
  readonly stepUps: StepUps;
}

const modes = { "auth-only": "sign-in", "auth-and-writes": "all" } as const;

/** As npm's profile document says it; null: none. */
export function tfaOf({ isEnrolled, mode }: FactorState): { readonly mode: string; readonly pending: false } | null {
  return isEnrolled ? { mode: mode === "all" ? "auth-and-writes" : "auth-only", pending: false } : null;
}

/**
 * `npm profile enable-2fa` and `disable-2fa`: `{password, mode}` answers the otpauth URL of a new seed, or null when a
 * factor that is there got another mode or was removed; `[code]` confirms the seed and answers recovery codes.
 *
 * Throws UNAUTHORIZED for a wrong password, OTP_REQUIRED where a factor is there, BAD_REQUEST, FORBIDDEN for bots and CI.
 */
export async function changeTfa(
  { accounts, factors, stepUps }: TfaDeps,
  principal: Principal,
  request: StepUpRequest,
  sent: unknown,
): Promise<string | readonly string[] | null> {
  if (principal.kind !== "person") throw new AssayError("FORBIDDEN", { reason: "only people have a second factor" });
  const { name, address } = principal;
  if (Array.isArray(sent)) {
    const [code] = sent as readonly unknown[];
    if (sent.length !== 1 || typeof code !== "string") throw bad("tfa must hold one code");
    return factors.confirmTotp(name, code, address);
  }
  const { password, mode } = sent as { readonly password?: unknown; readonly mode?: unknown };
  if (typeof password !== "string" || typeof mode !== "string") throw bad("tfa must have a password and a mode");
  await accounts.checkPassword(name, password, address);
  await stepUps.require(principal, request, {
    what: mode === "disable" ? "remove your authenticator app" : "change what your second factor is asked for",
    exactly: `tfa ${mode}`,
    need: "factor",
  });
  if (mode === "disable") {
    await factors.removeTotp({ account: name, address });
    return null;
  }
  if (mode !== "auth-only" && mode !== "auth-and-writes")
    throw bad("the mode of tfa must be auth-only, auth-and-writes or disable");
  const { hasTotp } = await factors.stateOf(name);
  await factors.setMode({ account: name, address }, modes[mode]);
  return hasTotp ? null : (await factors.offerTotp(name, new URL(request.base).hostname)).url;
}

function bad(reason: string): AssayError {
  return new AssayError("BAD_REQUEST", { reason });
}
