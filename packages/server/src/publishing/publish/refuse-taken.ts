import { AssayError } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { Reader } from "../../platform/database/database.ts";
import { readStageOf } from "../stage/store.ts";
import { readVersion } from "../store.ts";
import type { Described } from "./publish-request.ts";

/**
 * Seventh step: a number is taken once. Answers `published` for a client that sends again what it sent before: its
 * first answer was lost. Throws CONFLICT for anything else. Asked before anything is stored, and again in the
 * transaction that would store it. `content`: the `contentDigest`.
 */
export async function refuseTaken(
  reader: Reader,
  { id }: Pick<Principal, "id">,
  { name, version }: Pick<Described, "name" | "version">,
  content: string,
): Promise<"free" | "published"> {
  const standing = await readVersion(reader, name, version);
  if (standing === undefined) return "free";
  const conflict = (reason: string): AssayError<"CONFLICT"> =>
    new AssayError("CONFLICT", { reason: `${name}@${version} ${reason}` });
  if (standing.unpublished_at_ms !== null)
    throw conflict("was unpublished, and its number is never used again; publish another version");
  if (standing.content === content && standing.published_by === id) return "published";
  throw conflict("is published already, and a version never changes; publish another one");
}

/** A staged version has its number until it is decided on, or its time is over. Throws CONFLICT. */
export async function refuseStaged(
  reader: Reader,
  { name, version }: Pick<Described, "name" | "version">,
  nowMs: number,
): Promise<void> {
  const stage = await readStageOf(reader, name, version, nowMs);
  if (stage === undefined) return;
  throw new AssayError("CONFLICT", {
    reason: `${name}@${version} is staged already and waits for approval; approve or reject it, or take another version`,
  });
}
