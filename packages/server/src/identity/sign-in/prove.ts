import { AssayError } from "@assay/core";
import type { ProofWanted } from "@assay/web";
import type { Form } from "../../http/form.ts";
import type { Accounts } from "../people/accounts.ts";
import type { Passkeys } from "./passkeys.ts";
import type { SecondFactors } from "./second-factors.ts";

export interface ProveDeps {
  readonly accounts: Pick<Accounts, "checkPassword">;
  readonly factors: SecondFactors;
  readonly passkeys: Passkeys;
}

/** Whose proof, in which browser. */
export interface Prover {
  readonly account: string;
  readonly base: string;
  readonly secret: string;
  readonly address: string;
}

/** How somebody can prove to be there: by a second factor, where there is one never by the password alone. */
export async function proofWanted(
  { factors, passkeys }: ProveDeps,
  { account, base, secret }: Prover,
): Promise<ProofWanted> {
  const state = await factors.stateOf(account);
  if (!state.isEnrolled) return { kind: "password" };
  return { kind: "factor", hasTotp: state.hasTotp, passkey: await passkeys.ask(account, base, secret) };
}

/** Holds what the form has against the account. Throws UNAUTHORIZED, and TOO_MANY_REQUESTS for who guesses. */
export async function prove(deps: ProveDeps, prover: Prover, form: Form): Promise<void> {
  const { account, base, secret, address } = prover;
  const { isEnrolled } = await deps.factors.stateOf(account);
  if (!isEnrolled) {
    await deps.accounts.checkPassword(account, form.text("password"), address);
    return;
  }
  const isRight =
    form.text("passkey") === ""
      ? await deps.factors.take(account, form.text("code"), address)
      : await deps.passkeys.check(account, base, secret, form.text("passkey"));
  if (!isRight) throw new AssayError("UNAUTHORIZED", { reason: "that was not right, or was used already" });
}
