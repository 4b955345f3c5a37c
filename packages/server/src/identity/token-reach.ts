import type { Action } from "./permissions/permissions.ts";
import type { Grant } from "./principal.ts";

/** What a token of each level is good for at most; undefined: everything that its holder may. */
const actions: Readonly<Record<Grant["level"], ReadonlySet<Action> | undefined>> = {
  "read-only": new Set<Action>(["read", "audit"]),
  "stage-only": new Set<Action>(["read", "stage"]),
  "read-write": undefined,
};

/** True when a token of this level is good for the action at all. */
export function levelHas(level: Grant["level"], action: Action): boolean {
  return actions[level]?.has(action) !== false;
}

/** True when a token of the second level is good for nothing that one of the first is not. */
export function levelCovers(outer: Grant["level"], inner: Grant["level"]): boolean {
  const [all, some] = [actions[outer], actions[inner]];
  return all === undefined || (some !== undefined && some.isSubsetOf(all));
}

/**
 * The organisations whose settings a token reaches; undefined: all. A token that was cut down to packages is for those
 * of no organisation, unless it names some.
 */
export function reachedOrganisations(bounds: Pick<Grant, "packages" | "organisations">): readonly string[] | undefined {
  return bounds.organisations ?? (bounds.packages === undefined ? undefined : []);
}
