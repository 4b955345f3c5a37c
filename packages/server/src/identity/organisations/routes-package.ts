import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Identity } from "../identity.ts";
import type { Principal } from "../principal.ts";
import {
  bodyLimit,
  memberIn,
  organisationIn,
  teamIn,
  textIn,
  wordIn,
  type Asked,
  type Asking,
  type Named,
} from "./routes-asking.ts";
import type { AccessActs } from "./access-acts.ts";
import type { Level, Organisations, PackageSettings } from "./organisations.ts";

/** `npm access`, and owners as pnpm asks for them. */
export function addPackageRoutes(
  fastify: FastifyInstance,
  { may, known, ofPackage }: Asking,
  acts: AccessActs,
  {
    names,
    permissions,
    organisations,
  }: Pick<Identity, "names" | "permissions"> & { readonly organisations: Organisations },
): void {
  fastify.get<Named>("/-/team/:org/:team/package", async (request) => {
    const principal = await may(request, "read", organisationIn(request));
    const grants = await organisations.teamPackages(teamIn(request));
    return levels(await permissions.readable(principal, [...grants.keys()]), (name) => grants.get(name));
  });

  fastify.put<Named>("/-/team/:org/:team/package", { bodyLimit }, async (request, reply) => {
    const level = wordIn(request, "permissions", ["read-only", "read-write"]) === "read-write" ? "write" : "read";
    await grant(request, level);
    return reply.code(201).send({});
  });

  fastify.delete<Named>("/-/team/:org/:team/package", { bodyLimit }, async (request, reply) => {
    await grant(request, undefined);
    return reply.code(204).send();
  });

  async function grant(request: Asked, level: Level | undefined): Promise<void> {
    const name = parsePackageName(textIn(request, "package"));
    await acts.grant(request, teamIn(request), name, level);
  }

  fastify.get<Named>("/-/org/:org/package", async (request) => {
    const principal = await may(request, "read", organisationIn(request));
    await organisations.teams(request.params.org);
    return await accessOf(principal, names.packages(request.params.org));
  });

  fastify.get<Named>("/-/user/:user/package", async (request) => {
    const principal = await known(request);
    const found: Record<string, string> = Object.create(null) as Record<string, string>;
    // Of others only what the asker may read too: nobody learns of a name by asking for somebody's packages.
    for (const name of await permissions.readable(
      principal,
      names.packages().map((each) => each.name),
    )) {
      const level = (await collaborators(principal, name)).get(request.params.user);
      if (level !== undefined) found[name] = level;
    }
    return found;
  });

  fastify.get<Named>("/-/package/:name/visibility", async (request) => {
    const { name } = await ofPackage(request, "read");
    return { public: names.find(name)?.visibility === "public" };
  });

  fastify.get<Named>("/-/package/:name/collaborators", async (request) => {
    const { principal, name } = await ofPackage(request, "read");
    const { user } = request.query as { readonly user?: unknown };
    const found = [...(await collaborators(principal, name))];
    return Object.fromEntries(typeof user === "string" ? found.filter(([each]) => each === user) : found);
  });

  /**
   * Who is outside the organisation is told the owners, who stand in the packument as `maintainers` anyway, and nothing
   * of its teams.
   */
  async function collaborators(principal: Principal, name: PackageName): Promise<ReadonlyMap<string, Level>> {
    const organisation = names.organisationOf(name);
    if (
      organisation === undefined ||
      (await permissions.decide(principal, "read", { kind: "organisation", name: organisation })).allowed ||
      (await permissions.decide(principal, "own", { kind: "package", name })).allowed
    )
      return await organisations.collaborators(name);
    return new Map((await organisations.owners(name)).map((owner) => [owner, "write"]));
  }

  fastify.get<Named>("/-/package/:name/access", async (request) => {
    const { name } = await ofPackage(request, "read");
    const found = names.find(name);
    return {
      access: found?.visibility ?? "restricted",
      public: found?.visibility === "public",
      publish_requires_tfa: found?.publishRequiresTfa ?? false,
      automation_token_overrides_tfa: found?.automationOverridesTfa ?? true,
    };
  });

  fastify.post<Named>("/-/package/:name/access", { bodyLimit }, async (request) => {
    await acts.configure(request, parsePackageName(request.params.name), settingsIn(request));
    return {};
  });

  fastify.get<Named>("/-/package/:name/owners", async (request) => {
    const { name } = await ofPackage(request, "read");
    return { owners: await organisations.owners(name) };
  });

  // pnpm takes an owner away by path.
  for (const [method, url, kind] of [
    ["PUT", "/-/package/:name/owners", "add"],
    ["DELETE", "/-/package/:name/owners", "remove"],
    ["DELETE", "/-/package/:name/owners/:user", "remove"],
  ] as const)
    fastify.route<Named>({
      method,
      url,
      bodyLimit,
      handler: async (request) => {
        const name = parsePackageName(request.params.name);
        const person = url.endsWith(":user") ? request.params.user : textIn(request, "user");
        await acts.changeOwner(request, name, kind, person);
        return { owners: await organisations.owners(name) };
      },
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

function settingsIn(request: Asked): PackageSettings {
  const access = memberIn(request, "access");
  const requires = memberIn(request, "publish_requires_tfa");
  const overrides = memberIn(request, "automation_token_overrides_tfa");
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
