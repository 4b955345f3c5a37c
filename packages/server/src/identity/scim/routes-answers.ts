/** How routes of SCIM answer. */
import type { FastifyReply } from "fastify";
import { parseFilter, type Filter } from "./filter.ts";
import type { Fields } from "./messages.ts";

export const root = "/-/scim/v2";

export type ById = { readonly Params: { readonly id: string }; readonly Querystring: Fields };

/** A filter names somebody: it is in no log. */
export const lists = { config: { secretPath: true } } as const;

export function send(reply: FastifyReply, status: number, document: object): FastifyReply {
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .type("application/scim+json; charset=utf-8")
    .send(JSON.stringify(document));
}

/** What is listed; undefined: all. Throws `invalidFilter`. */
export function filterIn<Attribute extends string>(
  { filter }: Fields,
  what: { readonly schema: string; readonly attributes: readonly Attribute[] },
): Filter<Attribute> | undefined {
  return filter === undefined ? undefined : parseFilter(typeof filter === "string" ? filter : "", what);
}
