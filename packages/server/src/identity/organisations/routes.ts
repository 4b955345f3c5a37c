import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from "fastify";
import type { Identity } from "../identity.ts";
import type { Action, Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import {
  isWhole,
  type Level,
  type Organisations,
  type PackageSettings,
  type Role,
  type TeamRow,
} from "./organisations.ts";

export interface OrganisationRoutesDeps {
  readonly identity: Pick<Identity, "authenticate" | "names" | "permissions">;
  readonly organisations: Organisations;
}

interface Named {
  readonly Params: { readonly org: string; readonly team: string; readonly name: string; readonly user: string };
}
type Asked = FastifyRequest<Named>;

const bodyLimit = 64 * 1024;

/** `npm org`, `npm team`, `npm access` and pnpm's owners, and making organisations: who asks, may they, what is said. */
export function organisationRoutes(deps: OrganisationRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    addRoutes(fastify, deps);
    done();
  };
}

function addRoutes(fastify: FastifyInstance, { identity, organisations }: OrganisationRoutesDeps): void {
  const { names, permissions } = identity;

  /** Nothing is read of the body, and nothing looked up, before it is known that the sender may. */
  async function may(request: Asked, action: Action, resource: Resource): Promise<Principal> {
    const principal = await identity.authenticate(request.credentials);
    await permissions.require(principal, action, resource);
    return principal;
  }

  const mayReadOrganisation = (request: Asked): Promise<Principal> => may(request, "read", organisation(request));
  const administers = (request: Asked): Promise<Principal> => may(request, "administer", organisation(request));

  /** What is hidden, what is not there and what is an upstream's are answered alike: none of them is here to be changed. */
  async function mayWith(request: Asked, action: Action, name: PackageName): Promise<Principal> {
    const principal = await identity.authenticate(request.credentials);
    const missing = new AssayError("NOT_FOUND", { what: `The package ${name}` });
    if (principal.kind !== "anonymous" && names.organisationOf(name) === undefined) throw missing;
    await permissions.require(principal, action, { kind: "package", name });
    if (names.find(name) === undefined) throw missing;
    return principal;
  }

  async function ofPackage(request: Asked, action: Action): Promise<{ principal: Principal; name: PackageName }> {
    const name = parsePackageName(request.params.name);
    return { principal: await mayWith(request, action, name), name };
  }

  fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));

  fastify.post<Named>("/-/assay/v1/organisations", { bodyLimit }, async (request, reply) => {
    const principal = await identity.authenticate(request.credentials);
    if (principal.kind === "anonymous")
      throw new AssayError("UNAUTHORIZED", { reason: "this needs an account; sign in or send a token" });
    const name = textIn(request, "name");
    await organisations.create(principal, name);
    return reply.code(201).send({ name });
  });

  fastify.get<Named>("/-/org/:org/user", async (request) => {
    await mayReadOrganisation(request);
    return Object.fromEntries(await organisations.members(request.params.org));
  });

  fastify.put<Named>("/-/org/:org/user", { bodyLimit }, async (request, reply) => {
    const { id } = await administers(request);
    const user = textIn(request, "user");
    const role = oneOf(request, "role", ["owner", "admin", "developer"], "developer") as Role;
    const size = await organisations.setMember(id, request.params.org, user, role);
    // npm's client breaks without `org`.
    return reply.code(201).send({ org: { name: request.params.org, size }, user, role });
  });

  fastify.delete<Named>("/-/org/:org/user", { bodyLimit }, async (request, reply) => {
    const user = textIn(request, "user");
    const principal = await identity.authenticate(request.credentials);
    // Whoever wants to leave may.
    const isLeaving = principal.id === `person:${user}` && isWhole(principal);
    await permissions.require(principal, isLeaving ? "read" : "administer", organisation(request));
    await organisations.removeMember(principal.id, request.params.org, user);
    return reply.code(204).send();
  });

  fastify.get<Named>("/-/org/:org/team", async (request) => {
    await mayReadOrganisation(request);
    const { org } = request.params;
    return (await organisations.teams(org)).map((team) => `${org}:${team}`);
  });

  fastify.put<Named>("/-/org/:org/team", { bodyLimit }, async (request, reply) => {
    const { id } = await administers(request);
    const name = textIn(request, "name");
    const team = { organisation: request.params.org, team: name };
    await organisations.createTeam(id, team, textIn(request, "description", ""));
    return reply.code(201).send({ name });
  });

  // The OpenAPI description has teams below `/-/org/`, npm's client below `/-/team/`.
  for (const base of ["/-/team/:org/:team", "/-/org/:org/:team"] as const) {
    fastify.delete<Named>(base, async (request, reply) => {
      const { id } = await administers(request);
      await organisations.removeTeam(id, teamOf(request));
      return reply.code(204).send();
    });
    fastify.get<Named>(`${base}/user`, async (request) => {
      await mayReadOrganisation(request);
      return await organisations.teamMembers(teamOf(request));
    });
    fastify.put<Named>(`${base}/user`, { bodyLimit }, async (request, reply) => {
      const { id } = await administers(request);
      await organisations.addTeamMember(id, teamOf(request), textIn(request, "user"));
      return reply.code(201).send({});
    });
    fastify.delete<Named>(`${base}/user`, { bodyLimit }, async (request, reply) => {
      const { id } = await administers(request);
      await organisations.removeTeamMember(id, teamOf(request), textIn(request, "user"));
      return reply.code(204).send();
    });
  }

  fastify.get<Named>("/-/team/:org/:team/package", async (request) => {
    const principal = await mayReadOrganisation(request);
    const grants = await organisations.teamPackages(teamOf(request));
    return levels(await permissions.readable(principal, [...grants.keys()]), (name) => grants.get(name));
  });

  fastify.put<Named>("/-/team/:org/:team/package", { bodyLimit }, async (request, reply) => {
    const level = oneOf(request, "permissions", ["read-only", "read-write"]) === "read-write" ? "write" : "read";
    await grant(request, level);
    return reply.code(201).send({});
  });

  fastify.delete<Named>("/-/team/:org/:team/package", { bodyLimit }, async (request, reply) => {
    await grant(request, undefined);
    return reply.code(204).send();
  });

  async function grant(request: Asked, level: Level | undefined): Promise<void> {
    const name = parsePackageName(textIn(request, "package"));
    const { id } = await mayWith(request, "own", name);
    await organisations.grant(id, teamOf(request), name, level);
  }

  fastify.get<Named>("/-/org/:org/package", async (request) => {
    const principal = await mayReadOrganisation(request);
    await organisations.teams(request.params.org);
    return await accessOf(principal, names.packages(request.params.org));
  });

  fastify.get<Named>("/-/user/:user/package", async (request) => {
    const principal = await identity.authenticate(request.credentials);
    if (principal.kind === "anonymous")
      throw new AssayError("UNAUTHORIZED", { reason: "this needs an account; sign in or send a token" });
    const found: Record<string, string> = Object.create(null) as Record<string, string>;
    // Of others only what the asker may read too: nobody learns of a name by asking for somebody's packages.
    for (const name of await permissions.readable(
      principal,
      names.packages().map((each) => each.name),
    )) {
      const level = (await organisations.collaborators(name)).get(request.params.user);
      if (level !== undefined) found[name] = level;
    }
    return found;
  });

  fastify.get<Named>("/-/package/:name/visibility", async (request) => {
    const { name } = await ofPackage(request, "read");
    return { public: names.find(name)?.visibility === "public" };
  });

  fastify.get<Named>("/-/package/:name/collaborators", async (request) => {
    const { name } = await ofPackage(request, "read");
    const { user } = request.query as { readonly user?: unknown };
    const found = [...(await organisations.collaborators(name))];
    return Object.fromEntries(typeof user === "string" ? found.filter(([each]) => each === user) : found);
  });

  fastify.get<Named>("/-/package/:name/access", async (request) => {
    const { name } = await ofPackage(request, "read");
    const known = names.find(name);
    return {
      access: known?.visibility ?? "restricted",
      public: known?.visibility === "public",
      publish_requires_tfa: known?.publishRequiresTfa ?? false,
      automation_token_overrides_tfa: known?.automationOverridesTfa ?? true,
    };
  });

  fastify.post<Named>("/-/package/:name/access", { bodyLimit }, async (request) => {
    const { principal, name } = await ofPackage(request, "configure");
    await organisations.configure(principal.id, name, settingsIn(request));
    return {};
  });

  const owners = async (name: PackageName): Promise<object> => ({ owners: await organisations.owners(name) });

  fastify.get<Named>("/-/package/:name/owners", async (request) => {
    return await owners((await ofPackage(request, "read")).name);
  });

  fastify.put<Named>("/-/package/:name/owners", { bodyLimit }, async (request) => {
    const { principal, name } = await ofPackage(request, "own");
    const people = new Set(await organisations.owners(name)).add(textIn(request, "user"));
    await organisations.setOwners(principal.id, name, [...people]);
    return await owners(name);
  });

  fastify.delete<Named>("/-/package/:name/owners", { bodyLimit }, async (request) => {
    const { principal, name } = await ofPackage(request, "own");
    const user = textIn(request, "user");
    const left = (await organisations.owners(name)).filter((each) => each !== user);
    await organisations.setOwners(principal.id, name, left);
    return await owners(name);
  });

  async function accessOf(principal: Principal, all: readonly { readonly name: PackageName }[]): Promise<object> {
    const read = await permissions.readable(
      principal,
      all.map(({ name }) => name),
    );
    const writes = new Map<PackageName, Level>();
    for (const name of read) {
      const { allowed } = await permissions.decide(principal, "publish", { kind: "package", name });
      writes.set(name, allowed ? "write" : "read");
    }
    return levels(read, (name) => writes.get(name));
  }
}

function levels(all: readonly PackageName[], levelOf: (name: PackageName) => Level | undefined): object {
  return Object.fromEntries(all.map((name) => [name, levelOf(name)]));
}

function organisation({ params }: Asked): Resource {
  return { kind: "organisation", name: params.org };
}

function teamOf({ params }: Asked): TeamRow {
  return { organisation: params.org, team: params.team };
}

function member(request: Asked, field: string): unknown {
  const body: unknown = request.body;
  return typeof body === "object" && body !== null && Object.hasOwn(body, field)
    ? (body as Readonly<Record<string, unknown>>)[field]
    : undefined;
}

function textIn(request: Asked, field: string, fallback?: string): string {
  const value = member(request, field) ?? fallback;
  // npm's commands take names with and without the sign.
  if (typeof value === "string" && value.length <= 512) return field === "package" ? value : value.replace(/^[@~]/, "");
  throw new AssayError("BAD_REQUEST", { reason: `the body must have ${field}` });
}

function oneOf(request: Asked, field: string, words: readonly string[], fallback?: string): string {
  const value = textIn(request, field, fallback);
  if (words.includes(value)) return value;
  throw new AssayError("BAD_REQUEST", { reason: `${field} must be ${words.join(" or ")}` });
}

function settingsIn(request: Asked): PackageSettings {
  const access = member(request, "access");
  const requires = member(request, "publish_requires_tfa");
  const overrides = member(request, "automation_token_overrides_tfa");
  if (access !== undefined && !["public", "restricted", "private"].includes(access as string))
    throw new AssayError("BAD_REQUEST", { reason: "access must be public or restricted" });
  for (const each of [requires, overrides])
    if (each !== undefined && typeof each !== "boolean")
      throw new AssayError("BAD_REQUEST", { reason: "what a package requires is true or false" });
  return {
    ...(access !== undefined && { visibility: access === "public" ? "public" : "restricted" }),
    ...(requires !== undefined && { publishRequiresTfa: requires as boolean }),
    ...(overrides !== undefined && { automationOverridesTfa: overrides as boolean }),
  };
}
