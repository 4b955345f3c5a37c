/** Which packages of many somebody may read, decided once for all that nothing tells apart. */
import { patternCovers, type PackageName } from "@assay/core";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { PermissionFacts } from "./facts.ts";
import type { PolicySets } from "./policy-sets.ts";
import { describeResource } from "./question.ts";

export interface ReadableDeps {
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
  readonly facts: Pick<PermissionFacts, "handIn" | "ci">;
  readonly policies: Pick<PolicySets, "slotFor">;
  /** The decision about one package. */
  readonly mayRead: (principal: Principal, name: PackageName) => Promise<boolean>;
}

/** Where policies look at each package by itself, so many are decided; the rest is not shown. */
const mostByThemselves = 2000;

/**
 * Those of the names that the principal may read, in their order. Packages are alike when they have one organisation and
 * visibility, the principal has the same hand in them, and its token reaches all or none of them: one decision is for
 * all. A policy that looks at a package's own name or people tells them apart; then each is decided, up to 2,000.
 */
export async function readableOf(
  deps: ReadableDeps,
  principal: Principal,
  all: readonly PackageName[],
): Promise<readonly PackageName[]> {
  const likenessOf = await likeness(deps, principal);
  const decided = new Map<string, Promise<boolean>>();
  const readable: PackageName[] = [];
  let byThemselves = 0;
  for (const name of all) {
    const alike = likenessOf(name);
    if (alike === undefined && (byThemselves += 1) > mostByThemselves) continue;
    const key = alike ?? name;
    let decision = decided.get(key);
    if (decision === undefined) decided.set(key, (decision = deps.mayRead(principal, name)));
    if (await decision) readable.push(name);
  }
  return readable;
}

/** A text that is the same for packages that nothing tells apart; undefined for one that is looked at by itself. */
async function likeness(
  { names, facts, policies }: ReadableDeps,
  { kind, id, grant }: Principal,
): Promise<(name: PackageName) => string | undefined> {
  const own = id.slice(kind.length + 1);
  const hands = kind === "person" || kind === "bot" ? await facts.handIn(own) : new Map<PackageName, string>();
  const rule = kind === "ci" ? await facts.ci(own) : undefined;
  return (name) => {
    const { organisation, isPublic, exists } = describeResource(names, { kind: "package", name });
    if (policies.slotFor(organisation).tellsPackages) return undefined;
    const isReached = grant?.packages?.some((pattern) => patternCovers(pattern, name)) ?? true;
    const isRuled = rule?.packages.some((pattern) => patternCovers(pattern, name)) ?? false;
    return JSON.stringify([organisation ?? null, isPublic, exists, hands.get(name) ?? "", isReached, isRuled]);
  };
}
