import { AssayError, type PackageName } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { readStage, type StoredStage, type WholeStage } from "./store.ts";
import type { Stage } from "./stage.ts";

export type SeeDeps = Pick<PublishingDeps, "database" | "clock" | "names" | "permissions" | "entry">;

/** Whoever may stage versions of the package, or approve them, sees what is staged. */
export async function maySee({ permissions }: SeeDeps, principal: Principal, name: PackageName): Promise<boolean> {
  for (const action of ["stage", "approve"] as const)
    if ((await permissions.decide(principal, action, { kind: "package", name })).allowed) return true;
  return false;
}

/** Throws UNAUTHORIZED for who showed nothing, NOT_FOUND for what is not there or not for this principal. */
export async function see(deps: SeeDeps, principal: Principal, id: string): Promise<WholeStage> {
  if (principal.kind === "anonymous")
    throw new AssayError("UNAUTHORIZED", { reason: "staged versions are seen by who is signed in" });
  const stage = await readStage(deps.database.read, id.toLowerCase(), deps.clock.now());
  if (stage === undefined || !(await maySee(deps, principal, stage.name)))
    throw new AssayError("NOT_FOUND", { what: "The staged version" });
  return stage;
}

/** As it is shown: nobody sees more of it than that. */
export function shown({ names, entry }: Pick<SeeDeps, "names" | "entry">, stage: StoredStage): Stage {
  const { id, name, version, tags, integrity, shasum, sizeBytes, actor, address, createdAtMs, expiresAtMs } = stage;
  const visibility = names.find(name)?.visibility ?? stage.access ?? names.defaultVisibility(name);
  return {
    id,
    name,
    version,
    tags: entry(name, tags, false),
    visibility,
    integrity,
    shasum,
    sizeBytes,
    actor,
    address,
    createdAtMs,
    expiresAtMs,
  };
}
