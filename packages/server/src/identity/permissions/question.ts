/** A question and the facts that it is about, in the engine's words. */
import { patternCovers, type PackageName } from "@assay/core";
import type { HostedNames } from "../names/names.ts";
import type { Principal } from "../principal.ts";
import type { CedarQuestion, EntityJson } from "./cedar.ts";
import type { CiFacts, HolderFacts, PackageFacts, PermissionFacts, TeamName } from "./facts.ts";
import type { Action, Resource } from "./permissions.ts";

interface Uid {
  readonly type: string;
  readonly id: string;
}

const uid = (type: string, id: string): Uid => ({ type: `Assay::${type}`, id });
const reference = (type: string, id: string) => ({ __entity: uid(type, id) });
const teamId = ({ organisation, team }: TeamName): string => `${organisation}:${team}`;

const registry = uid("Registry", "registry");
const organisationEntity = (name: string): EntityJson => ({
  uid: uid("Organisation", name),
  attrs: {},
  parents: [registry],
});
const registryEntity: EntityJson = { uid: registry, attrs: {}, parents: [] };

/** What a resource is, from memory: its organisation, and for a package what everybody may know of it. */
export function describeResource(
  names: Pick<HostedNames, "organisationOf" | "find">,
  resource: Resource,
): { readonly organisation: string | undefined; readonly isPublic: boolean; readonly exists: boolean } {
  if (resource.kind === "registry") return { organisation: undefined, isPublic: true, exists: true };
  if (resource.kind === "organisation") return { organisation: resource.name, isPublic: false, exists: true };
  if (resource.kind === "channel") return { organisation: resource.organisation, isPublic: false, exists: true };
  const organisation = names.organisationOf(resource.name);
  if (organisation === undefined) return { organisation, isPublic: true, exists: true };
  const found = names.find(resource.name);
  return { organisation, isPublic: found?.visibility === "public", exists: found !== undefined };
}

export interface QuestionDeps {
  readonly facts: PermissionFacts;
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
}

/** Asks for the facts that the question needs. */
export async function makeQuestion(
  { facts, names }: QuestionDeps,
  principal: Principal,
  action: Action,
  resource: Resource,
): Promise<CedarQuestion> {
  const { organisation } = describeResource(names, resource);
  const [asks, access] = await Promise.all([
    principalFacts(facts, principal),
    resource.kind === "package" && organisation !== undefined ? facts.package(resource.name) : nobody,
  ]);
  return buildQuestion(names, { principal, asks, action, resource, access });
}

const nobody: PackageFacts = { owners: [], readers: [], writers: [] };

/** The way of whoever asks for nothing but to read: without facts, at once. */
export function makeOpenQuestion(
  names: Pick<HostedNames, "organisationOf" | "find">,
  principal: Principal,
  resource: Resource,
): CedarQuestion {
  return buildQuestion(names, { principal, asks: undefined, action: "read", resource, access: nobody });
}

async function principalFacts(
  facts: PermissionFacts,
  { kind, id }: Principal,
): Promise<HolderFacts | CiFacts | undefined> {
  if (kind === "anonymous") return undefined;
  const name = id.slice(kind.length + 1);
  return kind === "ci" ? await facts.ci(name) : await facts.holder(kind, name);
}

interface Asked {
  readonly principal: Principal;
  /** What is known of the principal. */
  readonly asks: HolderFacts | CiFacts | undefined;
  readonly action: Action;
  readonly resource: Resource;
  /** Who may do what with a hosted package. */
  readonly access: PackageFacts;
}

function buildQuestion(
  names: Pick<HostedNames, "organisationOf" | "find">,
  { principal, asks, action, resource, access }: Asked,
): CedarQuestion {
  const what = resourceEntity(names, resource, access);
  const { organisation } = describeResource(names, resource);
  const who = principalEntity(principal, asks, { resource, organisation, uid: what.uid });
  const others = [
    ...(resource.kind === "registry" ? [] : [registryEntity]),
    ...(organisation === undefined || resource.kind === "organisation" ? [] : [organisationEntity(organisation)]),
  ];
  return {
    principal: who.uid,
    action,
    resource: what.uid,
    context: {
      via: principal.via,
      isSteppedUp: principal.steppedUpAtMs !== undefined,
      ...(principal.address === ""
        ? {}
        : { address: { __extn: { fn: "ip", arg: principal.address.split("%")[0] ?? "" } } }),
    },
    entities: [who, what, ...others],
  };
}

/** What is asked about, and whose it is. */
interface Of {
  readonly resource: Resource;
  readonly organisation: string | undefined;
  readonly uid: Uid;
}

function resourceEntity(
  names: Pick<HostedNames, "organisationOf" | "find">,
  resource: Resource,
  { owners, readers, writers }: PackageFacts,
): EntityJson & { readonly uid: Uid } {
  switch (resource.kind) {
    case "registry":
      return { ...registryEntity, uid: registry };
    case "organisation":
      return { ...organisationEntity(resource.name), uid: uid("Organisation", resource.name) };
    case "channel":
      return {
        uid: uid("Channel", `${resource.organisation}/${resource.name}`),
        attrs: { name: resource.name },
        parents: [uid("Organisation", resource.organisation)],
      };
    case "package": {
      const { organisation, isPublic, exists } = describeResource(names, resource);
      return {
        uid: uid("Package", resource.name),
        attrs: {
          name: resource.name,
          isHosted: organisation !== undefined,
          exists,
          isPublic,
          owners: owners.map((name) => reference("Person", name)),
          readers: readers.map((team) => reference("Team", teamId(team))),
          writers: writers.map((team) => reference("Team", teamId(team))),
        },
        parents: organisation === undefined ? [] : [uid("Organisation", organisation)],
      };
    }
  }
}

/** By what its package is called, or by whose it is now. */
function isOfRule(rule: CiFacts, name: PackageName, organisation: string | undefined): boolean {
  if (rule.organisation !== undefined) return rule.organisation === organisation;
  return rule.packages.some((pattern) => patternCovers(pattern, name));
}

function principalEntity(
  { kind, id, name, isAdmin }: Principal,
  asks: HolderFacts | CiFacts | undefined,
  { resource, organisation, uid: resourceUid }: Of,
): EntityJson & { readonly uid: Uid } {
  const own = id.slice(kind.length + 1);
  if (kind === "anonymous") return { uid: uid("Anonymous", "anonymous"), attrs: { name }, parents: [] };
  if (kind === "ci") {
    // A rule that is gone gives nothing.
    const rule: CiFacts = asks !== undefined && "permissions" in asks ? asks : { packages: [], permissions: [] };
    const isCovered = resource.kind === "package" && isOfRule(rule, resource.name, organisation);
    return {
      uid: uid("Ci", own),
      attrs: { name, packages: isCovered ? [{ __entity: resourceUid }] : [], permissions: [...rule.permissions] },
      parents: [],
    };
  }
  const { organisations, teams } = asks !== undefined && "teams" in asks ? asks : { organisations: [], teams: [] };
  const whereRoleIs = (...roles: readonly string[]) =>
    organisations.filter(({ role }) => roles.includes(role)).map((one) => reference("Organisation", one.name));
  const memberOf = whereRoleIs("owner", "admin", "developer");
  const parents = teams.map((team) => uid("Team", teamId(team)));
  if (kind === "bot") return { uid: uid("Bot", own), attrs: { name, memberOf }, parents };
  return {
    uid: uid("Person", own),
    attrs: {
      name,
      isAdministrator: isAdmin,
      owns: whereRoleIs("owner"),
      administers: whereRoleIs("owner", "admin"),
      memberOf,
    },
    parents,
  };
}
