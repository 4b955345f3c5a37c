import { AssayError, type PackageName } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { Reader } from "../../platform/database/database.ts";
import { packagesPublishedSince } from "../store.ts";

/** How many packages one identity may publish to within so many minutes. */
export interface BurstRule {
  /** 0: any number. */
  readonly packages: number;
  readonly minutes: number;
}

/**
 * A stolen credential that spreads itself publishes to one package after the other: whoever published to many within
 * minutes stages what is of yet another one, and a person looks at it. Further versions of the same packages pass.
 * Throws FORBIDDEN. Asked before anything is stored, and again in the transaction that would store it.
 */
export async function refuseBurst(
  reader: Reader,
  { id }: Pick<Principal, "id">,
  name: PackageName,
  { packages, minutes }: BurstRule,
  nowMs: number,
): Promise<void> {
  if (packages === 0) return;
  const published = await packagesPublishedSince(reader, id, nowMs - minutes * 60_000, packages + 1);
  if (published.length < packages || published.includes(name)) return;
  throw new AssayError("FORBIDDEN", {
    reason:
      `you published to ${packages} packages within ${minutes} minutes (publish.burstPackages), so what is of yet another ` +
      `one waits for a person: use npm stage publish, or come again later`,
  });
}
