import { AssayError } from "@assay/core";
import type { Principal } from "../principal.ts";
import type { Tokens } from "../tokens/tokens.ts";
import type { Accounts } from "./accounts.ts";
import { doerOf } from "../doer.ts";

/** What npm's profile document may change here; what is left out stays. */
export interface ProfileChange {
  readonly email?: string;
  readonly fullName?: string;
  readonly password?: { readonly old: string; readonly new: string };
}

/** Other fields of npm's document are taken and not kept. Throws BAD_REQUEST. */
export function parseProfileChange(sent: unknown): ProfileChange {
  if (typeof sent !== "object" || sent === null || Array.isArray(sent))
    throw new AssayError("BAD_REQUEST", { reason: "its body must be an object" });
  const { email, fullname, password } = sent as Readonly<Record<string, unknown>>;
  return {
    ...(typeof email === "string" && { email }),
    ...(typeof fullname === "string" && { fullName: fullname }),
    ...(password !== undefined && password !== null && { password: parsePasswords(password) }),
  };
}

function parsePasswords(sent: unknown): NonNullable<ProfileChange["password"]> {
  const { old, new: next } = sent as { readonly old?: unknown; readonly new?: unknown };
  if (typeof old !== "string" || typeof next !== "string")
    throw new AssayError("BAD_REQUEST", { reason: "a change of the password has the old and the new one" });
  return { old, new: next };
}

/**
 * With a new password all other clients that signed in by the old one are signed out; tokens that were made stay.
 * Throws FORBIDDEN for who is no person, or shows a token that was made with grants.
 */
export async function changeProfile(
  { accounts, tokens }: { readonly accounts: Accounts; readonly tokens: Tokens },
  principal: Principal,
  { email, fullName, password }: ProfileChange,
): Promise<void> {
  const shown =
    principal.via === "token"
      ? (await tokens.list(principal.id)).find(({ key }) => key === principal.grant?.tokenId)
      : undefined;
  if (principal.kind !== "person" || (principal.via === "token" && shown?.origin !== "login"))
    throw new AssayError("FORBIDDEN", { reason: "a profile is changed by its person, signed in" });
  if (password !== undefined) {
    await accounts.checkPassword(principal.name, password.old, principal.address);
    await accounts.setPassword(doerOf(principal), principal.name, password.new);
    await tokens.revokeLogins(doerOf(principal), principal.id, shown?.key);
  }
  await accounts.setProfile(doerOf(principal), principal.name, {
    ...(email !== undefined && { email }),
    ...(fullName !== undefined && { fullName }),
  });
}
