import { AssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Principal } from "../principal.ts";
import type { IdentityRoutesDeps } from "../routes.ts";
import type { Account } from "./accounts.ts";
import { changeProfile, parseProfileChange } from "./profile.ts";
import { changeTfa, tfaOf } from "../sign-in/tfa.ts";
import { requirePrincipal } from "./routes-login.ts";

/** `npm profile`, `pnpm profile`. */
export function addProfileRoutes(fastify: FastifyInstance, { identity }: IdentityRoutesDeps): void {
  async function accountOf(principal: Principal): Promise<Account> {
    const account = principal.kind === "ci" ? undefined : await identity.accounts.find(principal.name);
    if (account === undefined) throw new AssayError("FORBIDDEN", { reason: "only people and bots have a profile" });
    return account;
  }

  fastify.get("/-/npm/v1/user", async (request, reply) => {
    const account = await accountOf(await requirePrincipal(identity, request));
    const tfa = tfaOf(await identity.signIn.factors.stateOf(account.name));
    return reply.header("cache-control", "no-store").send({ ...profileDocument(account), tfa });
  });

  fastify.post("/-/npm/v1/user", { bodyLimit: 16 * 1024 }, async (request, reply) => {
    const principal = await requirePrincipal(identity, request);
    const { tfa, ...sent } = (request.body ?? {}) as Readonly<Record<string, unknown>>;
    void reply.header("cache-control", "no-store");
    if (tfa !== undefined && tfa !== null)
      return reply.send({ tfa: await changeTfa({ ...identity, ...identity.signIn }, principal, request, tfa) });
    const change = parseProfileChange(sent);
    if (change.password !== undefined)
      await identity.signIn.stepUps.require(principal, request, {
        what: "change your password",
        exactly: "change the password",
        need: "factor",
      });
    await changeProfile(identity, principal, change);
    if (change.password !== undefined) await identity.signIn.sessions.endAll(principal.name);
    return reply.send(profileDocument(await accountOf(principal)));
  });
}

/** Every field that npm prints; those of other networks are not kept here. */
function profileDocument({ name, email, fullName, createdAtMs }: Account): Readonly<Record<string, unknown>> {
  const created = new Date(createdAtMs).toISOString();
  return {
    tfa: null,
    name,
    email: email ?? "",
    email_verified: false,
    fullname: fullName ?? "",
    homepage: "",
    freenode: "",
    twitter: "",
    github: "",
    created,
    updated: created,
    cidr_whitelist: null,
  };
}
