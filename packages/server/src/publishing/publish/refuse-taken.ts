import { AssayError } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { Database, Reader } from "../../platform/database/database.ts";
import { readVersion } from "../store.ts";
import { contentDigest } from "./manifest.ts";
import type { PublishRequest } from "./publish-request.ts";

/**
 * Seventh step: a number is taken once. Answers `published` for a client that sends again what it sent before: its
 * first answer was lost. Throws CONFLICT for anything else. Asked before anything is stored, and again in the
 * transaction that would store it.
 */
export async function refuseTaken(
  { database }: { readonly database: Pick<Database, "read"> },
  principal: Principal,
  request: PublishRequest,
): Promise<"free" | "published"> {
  return await refuseTakenIn(database.read, principal, request);
}

export async function refuseTakenIn(
  reader: Reader,
  principal: Pick<Principal, "id">,
  request: PublishRequest,
): Promise<"free" | "published"> {
  const { name, version } = request;
  const standing = await readVersion(reader, name, version);
  if (standing === undefined) return "free";
  const conflict = (reason: string): AssayError<"CONFLICT"> =>
    new AssayError("CONFLICT", { reason: `${name}@${version} ${reason}` });
  if (standing.unpublished_at_ms !== null)
    throw conflict("was unpublished, and its number is never used again; publish another version");
  if (standing.content === contentDigest(request) && standing.published_by === principal.id) return "published";
  throw conflict("is published already, and a version never changes; publish another one");
}
