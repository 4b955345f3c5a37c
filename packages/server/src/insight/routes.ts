import { AssayError } from "@assay/core";
import type { FastifyPluginCallback } from "fastify";
import type { Identity } from "../identity/identity.ts";
import type { AuditTrail } from "./audit.ts";
import type { AuditFilter } from "./store.ts";

export interface AuditRoutesDeps {
  readonly audit: AuditTrail;
  readonly identity: Pick<Identity, "authenticate" | "permissions">;
}

type Query = Readonly<Record<string, string | undefined>>;

/** The trail over HTTP: of the registry for who may `audit` it, of an organisation for who may `audit` that. */
export function auditRoutes({ audit, identity }: AuditRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.get<{ Querystring: Query }>("/-/assay/v1/audit", async (request, reply) => {
      const { filter, limit } = parseQuery(request.query);
      const { organisation } = filter;
      const principal = await identity.authenticate(request.credentials);
      await identity.permissions.require(
        principal,
        "audit",
        organisation === undefined ? { kind: "registry" } : { kind: "organisation", name: organisation },
      );
      const entries = await audit.list(filter, limit);
      const last = entries.length === limit ? entries.at(-1)?.seq : undefined;
      return reply.header("cache-control", "no-store").send({
        entries,
        next: last === undefined ? null : filter.after === undefined ? { before: last } : { after: last },
      });
    });
    done();
  };
}

const known = new Set(["organisation", "who", "kind", "from", "until", "after", "before", "limit"]);

function parseQuery(query: Query): { readonly filter: AuditFilter; readonly limit: number } {
  const strange = Object.keys(query).find((name) => !known.has(name));
  if (strange !== undefined)
    throw new AssayError("BAD_REQUEST", {
      reason: `there is no parameter ${strange}; there are ${[...known].join(", ")}`,
    });
  const text = (name: string): string | undefined => {
    const value: unknown = query[name];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || !/^[ -~]{1,256}$/.test(value))
      throw new AssayError("BAD_REQUEST", { reason: `${name} must be given once, as text` });
    return value;
  };
  const whole = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d{1,15}$/.test(value))
      throw new AssayError("BAD_REQUEST", { reason: `${name} must be a whole number` });
    return value === undefined ? undefined : Number(value);
  };
  const time = (name: string): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const ms = Date.parse(value);
    if (Number.isNaN(ms))
      throw new AssayError("BAD_REQUEST", { reason: `${name} must be a time such as 2026-11-26T10:00:00Z` });
    return ms;
  };
  const filter = {
    organisation: text("organisation"),
    who: text("who"),
    kind: text("kind"),
    fromMs: time("from"),
    untilMs: time("until"),
    after: whole("after"),
    before: whole("before"),
  };
  return { filter, limit: Math.min(1000, Math.max(1, whole("limit") ?? 100)) };
}
