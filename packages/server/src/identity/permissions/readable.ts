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

/** Where policies look at each package by itself, so many are decided, of one organisation and of all; the rest is not shown. */
const mostOfOne = 2000;
const mostOfAll = 4000;

/**
 * Those of the names that the principal may read, in their order. Packages are alike when they have one organisation and
 * visibility, the principal has the same hand in them, and its token reaches all or none of them: one decision is for
 * all. A policy that looks at a package's own name or people tells them apart; then each is decided, up to 2,000 of an
 * organisation and 4,000 in all, of which those with fewer get theirs first: nobody's many hide another's few.
 */
export async function readableOf(
  deps: ReadableDeps,
  principal: Principal,
  all: readonly PackageName[],
): Promise<readonly PackageName[]> {
  const likenessOf = await likeness(deps, principal);
  const shares = sharesOf(all.filter((name) => likenessOf(name) === undefined).map(deps.names.organisationOf));
  const decided = new Map<string, Promise<boolean>>();
  const readable: PackageName[] = [];
  for (const name of all) {
    const alike = likenessOf(name);
    if (alike === undefined && !takeOne(shares, deps.names.organisationOf(name))) continue;
    const key = alike ?? name;
    let decision = decided.get(key);
    if (decision === undefined) decided.set(key, (decision = deps.mayRead(principal, name)));
    if (await decision) readable.push(name);
  }
  return readable;
}

/** How many of each organisation are decided: what is left of all is divided among those that want more. */
function sharesOf(organisations: readonly (string | undefined)[]): Map<string | undefined, number> {
  const shares = new Map<string | undefined, number>();
  for (const organisation of organisations) shares.set(organisation, (shares.get(organisation) ?? 0) + 1);
  let left = mostOfAll;
  let others = shares.size;
  for (const [organisation, wanted] of [...shares].toSorted(([, one], [, other]) => one - other)) {
    const share = Math.min(wanted, mostOfOne, Math.ceil(left / others));
    shares.set(organisation, share);
    left -= share;
    others -= 1;
  }
  return shares;
}

function takeOne(shares: Map<string | undefined, number>, organisation: string | undefined): boolean {
  const left = shares.get(organisation) ?? 0;
  shares.set(organisation, left - 1);
  return left > 0;
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
