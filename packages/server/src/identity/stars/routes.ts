import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { FastifyPluginCallback, FastifyRequest } from "fastify";
import type { People } from "../identity.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Stars } from "./stars.ts";

export interface StarRoutesDeps {
  readonly identity: Pick<People, "authenticate"> & { readonly permissions: Pick<Permissions, "require"> };
  readonly stars: Stars;
}

/** `npm stars` of npm 10 and 11, and stars as pnpm 11 and later ask for them; `npm star` is a PUT of the package. */
export function starRoutes({ identity, stars }: StarRoutesDeps): FastifyPluginCallback {
  async function reader(request: FastifyRequest): Promise<Principal> {
    const principal = await identity.authenticate(request.credentials);
    await identity.permissions.require(principal, "read", { kind: "registry" });
    return principal;
  }

  return (fastify, _options, done) => {
    fastify.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

    fastify.get("/-/_view/starredByUser", async (request) => {
      const { key } = request.query as { readonly key?: unknown };
      const person = typeof key === "string" ? /^"(.{1,128})"$/.exec(key)?.[1] : undefined;
      if (person === undefined) throw new AssayError("BAD_REQUEST", { reason: `key must be a user name in quotes` });
      const names = await stars.of(await reader(request), person);
      return { rows: names.map((name) => ({ id: name, key: person, value: name })) };
    });

    fastify.get<{ Params: { user: string } }>("/-/user/:user/stars", async (request) => {
      const names = await stars.of(await reader(request), request.params.user);
      return Object.fromEntries(names.map((name) => [name, true]));
    });

    fastify.get("/-/user/v1/star", async (request) => {
      const principal = await reader(request);
      if (principal.kind === "anonymous") throw new AssayError("UNAUTHORIZED", { reason: "sign in to see your stars" });
      return await stars.of(principal, principal.name);
    });

    for (const method of ["PUT", "DELETE"] as const)
      fastify.route({
        method,
        url: "/-/user/v1/star",
        bodyLimit: 4096,
        handler: async (request) => {
          const principal = await identity.authenticate(request.credentials);
          await stars.set(principal, namedIn(request.body), method === "PUT");
          return { ok: true };
        },
      });
    done();
  };
}

function namedIn(body: unknown): PackageName {
  const { name } = (body ?? {}) as { readonly name?: unknown };
  if (typeof name !== "string") throw new AssayError("BAD_REQUEST", { reason: "the body must have name" });
  return parsePackageName(name);
}
