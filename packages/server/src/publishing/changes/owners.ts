import { AssayError, type PackageName } from "@assay/core";
import type { Doer, Organisations } from "../../identity/identity.ts";
import { isJsonObject } from "../publish/json.ts";
import { requireRevision } from "./revision.ts";

const mostOwners = 100;

/** Whom the `maintainers` that a client sends back name, each once. Throws BAD_REQUEST. */
export function readMaintainers(maintainers: unknown): readonly string[] {
  if (!Array.isArray(maintainers) || maintainers.length > mostOwners)
    throw new AssayError("BAD_REQUEST", { reason: `maintainers must be a list of at most ${mostOwners}` });
  const people = maintainers.map((one: unknown) => {
    if (isJsonObject(one) && typeof one["name"] === "string") return one["name"];
    throw new AssayError("BAD_REQUEST", { reason: "each of maintainers must have a name" });
  });
  return [...new Set(people)].sort();
}

/** Makes these people the owners. Throws CONFLICT, also when the packument was changed meanwhile, and NOT_FOUND. */
export async function replaceOwners(
  { organisations }: { readonly organisations: Pick<Organisations, "changeOwners"> },
  by: Doer,
  name: PackageName,
  { people, revision }: { readonly people: readonly string[]; readonly revision: string },
): Promise<void> {
  await organisations.changeOwners(by, name, { kind: "replace", people }, (transaction) =>
    requireRevision(transaction, name, revision),
  );
}
