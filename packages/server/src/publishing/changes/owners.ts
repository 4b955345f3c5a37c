import { AssayError, type PackageName } from "@assay/core";
import type { Organisations, Principal } from "../../identity/identity.ts";
import { isJsonObject } from "../publish/json.ts";
import { requireRevision } from "./revision.ts";

const mostOwners = 100;

/** Makes the `maintainers` that a client sends back the owners. Throws BAD_REQUEST, CONFLICT, NOT_FOUND. */
export async function replaceOwners(
  { organisations }: { readonly organisations: Pick<Organisations, "setOwners"> },
  principal: Principal,
  name: PackageName,
  sent: { readonly maintainers: unknown; readonly revision: string },
): Promise<void> {
  const { maintainers, revision } = sent;
  if (!Array.isArray(maintainers) || maintainers.length > mostOwners)
    throw new AssayError("BAD_REQUEST", { reason: `maintainers must be a list of at most ${mostOwners}` });
  const people = maintainers.map((one: unknown) => {
    if (isJsonObject(one) && typeof one["name"] === "string") return one["name"];
    throw new AssayError("BAD_REQUEST", { reason: "each of maintainers must have a name" });
  });
  await organisations.setOwners(principal.id, name, [...new Set(people)], (transaction) =>
    requireRevision(transaction, name, revision),
  );
}
