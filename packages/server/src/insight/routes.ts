import { AssayError } from "@assay/core";
import { renderAudit } from "@assay/web";
import type { FastifyPluginCallback, FastifyRequest } from "fastify";
import { sendPage } from "../http/send.ts";
import type { Identity, Principal, Resource } from "../identity/identity.ts";
import type { AuditTrail } from "./audit.ts";
import type { AuditEntry } from "./entry.ts";
import type { AuditFilter } from "./store.ts";

export interface AuditRoutesDeps {
  readonly audit: Pick<AuditTrail, "list" | "catchUp">;
  readonly identity: Pick<Identity, "authenticate">;
  readonly permissions: Pick<Identity["permissions"], "require">;
}

const onPage = 50;
const mostLines = 1000;

/**
 * `/-/assay/v1/audit`: the trail of an organisation, or of the whole registry, as JSON lines, newest first; and the
 * page `/-/audit`. For whoever may `audit` it.
 */
export function auditRoutes({ audit, identity, permissions }: AuditRoutesDeps): FastifyPluginCallback {
  async function read(principal: Principal, filter: AuditFilter, limit: number): Promise<readonly AuditEntry[]> {
    const { organisation } = filter;
    const resource: Resource =
      organisation === undefined ? { kind: "registry" } : { kind: "organisation", name: organisation };
    await permissions.require(principal, "audit", resource);
    // What was done a moment ago is there too.
    await audit.catchUp();
    return await audit.list(filter, limit);
  }

  return (fastify, _options, done) => {
    fastify.get("/-/assay/v1/audit", async (request, reply) => {
      const principal = await identity.authenticate(request.credentials);
      const limit = numberIn(request, "limit") ?? 100;
      const entries = await read(principal, filterOf(request), Math.min(Math.max(limit, 1), mostLines));
      return await reply
        .header("cache-control", "no-store")
        .type("application/x-ndjson")
        .send(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    });

    fastify.get("/-/audit", async (request, reply) => {
      const { base } = request;
      const principal = await identity.authenticate(request.credentials);
      if (principal.kind === "anonymous")
        return await reply.redirect(`${base}/-/web/sign-in?next=${encodeURIComponent(request.url)}`, 303);
      const filter = filterOf(request);
      const entries = await read(principal, filter, onPage + 1);
      const page = {
        base,
        who: principal.name,
        filter,
        entries: entries.slice(0, onPage),
        next: entries.length > onPage ? entries[onPage - 1]?.seq : undefined,
      };
      void reply.header("cache-control", "no-store");
      return sendPage(reply, renderAudit(page));
    });
    done();
  };
}

/** Empty fields of the page's form say nothing. */
function textIn({ query }: FastifyRequest, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string" && value.length <= 300) return value;
  throw new AssayError("BAD_REQUEST", { reason: `${name} must come once, with at most 300 characters` });
}

function numberIn(request: FastifyRequest, name: string): number | undefined {
  const text = textIn(request, name);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new AssayError("BAD_REQUEST", { reason: `${name} must be a whole number` });
}

function timeIn(request: FastifyRequest, name: string): number | undefined {
  const text = textIn(request, name);
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new AssayError("BAD_REQUEST", { reason: `${name} must be a time such as 2026-01-31` });
  return ms;
}

function filterOf(request: FastifyRequest): AuditFilter {
  return {
    organisation: textIn(request, "organisation"),
    who: textIn(request, "who"),
    kind: textIn(request, "kind"),
    fromMs: timeIn(request, "from"),
    untilMs: timeIn(request, "until"),
    after: numberIn(request, "after"),
    before: numberIn(request, "before"),
  };
}
