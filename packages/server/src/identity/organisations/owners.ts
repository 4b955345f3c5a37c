import { AssayError, type PackageName } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import type { Accounts } from "../people/accounts.ts";
import { deleteOwner, insertOwner, readOwners } from "./store.ts";

/** One more owner, one less, or the whole list anew. */
export type OwnersChange =
  | { readonly kind: "add" | "remove"; readonly person: string }
  | { readonly kind: "replace"; readonly people: readonly string[] };

/** Why somebody whom the change names cannot become an owner, by name; asked before the transaction. */
export type Hindrances = ReadonlyMap<string, AssayError>;

export async function hindrancesOf(
  accounts: Pick<Accounts, "find">,
  change: OwnersChange,
  within?: Transaction,
): Promise<Hindrances> {
  const found = new Map<string, AssayError>();
  for (const name of joining(change)) {
    const account = await accounts.find(name, within);
    if (account === undefined) found.set(name, new AssayError("NOT_FOUND", { what: `The user ${name}` }));
    else if (account.kind !== "person")
      found.set(name, new AssayError("CONFLICT", { reason: `${name} is a bot, and only people own packages` }));
  }
  return found;
}

/**
 * Reads who owns the package and writes who shall: of two changes at once neither undoes the other. Answers who does
 * now. Throws CONFLICT when nobody would be left, and the hindrance of whoever is new.
 */
export async function writeOwners(
  transaction: Transaction,
  name: PackageName,
  change: OwnersChange,
  hindrances: Hindrances,
): Promise<readonly string[]> {
  const before = await readOwners(transaction, name);
  const after = applyTo(before, change);
  if (after.length === 0) throw new AssayError("CONFLICT", { reason: `${name} would have no owner` });
  for (const person of after) {
    const hindrance = before.includes(person) ? undefined : hindrances.get(person);
    if (hindrance !== undefined) throw hindrance;
  }
  for (const person of before) await deleteOwner(transaction, name, person);
  for (const person of after) await insertOwner(transaction, name, person);
  return after;
}

const mostNamed = 5;

/** Throws CONFLICT with the packages that nobody would own without this person. */
export async function keepOwned(
  transaction: Transaction,
  packages: readonly PackageName[],
  person: string,
): Promise<void> {
  const alone: PackageName[] = [];
  for (const name of packages) {
    const owners = await readOwners(transaction, name);
    if (owners.length === 1 && owners[0] === person) alone.push(name);
  }
  if (alone.length === 0) return;
  const others = alone.length > mostNamed ? ` and ${alone.length - mostNamed} more` : "";
  throw new AssayError("CONFLICT", {
    reason: `${person} is the only owner of ${alone.slice(0, mostNamed).join(", ")}${others}; add another owner first`,
  });
}

/** Whose accounts the change is about. */
function joining(change: OwnersChange): readonly string[] {
  if (change.kind === "replace") return change.people;
  return change.kind === "add" ? [change.person] : [];
}

function applyTo(before: readonly string[], change: OwnersChange): readonly string[] {
  if (change.kind === "replace") return [...new Set(change.people)].sort();
  const others = before.filter((each) => each !== change.person);
  return change.kind === "add" ? [...others, change.person].sort() : others;
}
