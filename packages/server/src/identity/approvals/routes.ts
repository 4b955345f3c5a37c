import { AssayError } from "@assay/core";
import type { FastifyPluginCallback, FastifyRequest } from "fastify";
import type { Random } from "../../platform/random.ts";
import type { Identity } from "../identity.ts";
import type { Principal } from "../principal.ts";
import type { Approval, Approvals, CountedApproval, Decision } from "./approvals.ts";
import { addApprovalPages } from "./routes-pages.ts";

export interface ApprovalRoutesDeps {
  readonly identity: Pick<Identity, "authenticate" | "accounts" | "signIn">;
  readonly approvals: Approvals;
  readonly random: Random;
}

/** Who decides, and how they show that they are there. */
export interface Voter {
  readonly principal: Principal;
  readonly confirm: Decision["confirm"];
}

interface ById {
  readonly Params: { readonly id: string };
}

const path = "/-/assay/v1/approvals";
const bodyLimit = 16 * 1024;
const states = ["waiting", "done", "rejected", "expired"] as const;

/** `/-/assay/v1/approvals`: what waits for whom, and deciding on it; and the pages that do the same. */
export function approvalRoutes(deps: ApprovalRoutesDeps): FastifyPluginCallback {
  const { identity, approvals } = deps;

  /** Whoever shows nothing is told to sign in, whatever is there. */
  async function voterOf({ base, credentials }: FastifyRequest): Promise<Voter> {
    const principal = await identity.authenticate(credentials);
    if (principal.kind === "anonymous")
      throw new AssayError("UNAUTHORIZED", { reason: "this needs an account; sign in or send a token" });
    return {
      principal,
      confirm: (operation) =>
        identity.signIn.stepUps.require(principal, { base, credentials }, { ...operation, need: "always" }),
    };
  }

  return (fastify, _options, done) => {
    fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));

    fastify.get(path, async (request) => {
      const { principal } = await voterOf(request);
      const { state, after } = request.query as { readonly state?: unknown; readonly after?: unknown };
      const page = await approvals.list(principal, {
        state: stateIn(state),
        after: typeof after === "string" ? after : undefined,
      });
      return { approvals: page.approvals.map((one) => show(request.base, one)), next: page.next ?? null };
    });

    fastify.get<ById>(`${path}/:id`, async (request) => {
      const { principal } = await voterOf(request);
      const found = await approvals.find(principal, request.params.id);
      const hindrance = found.state === "waiting" ? await approvals.hindrance(principal, found) : undefined;
      return {
        ...show(request.base, found),
        detail: found.detail ?? null,
        mayDecide: found.state === "waiting" && hindrance === undefined,
        hindrance: hindrance ?? null,
      };
    });

    for (const verdict of ["approve", "reject"] as const)
      fastify.post<ById>(`${path}/:id/${verdict}`, { bodyLimit }, async (request) => {
        const { principal, confirm } = await voterOf(request);
        const decision = {
          digest: textIn(request.body, "digest"),
          reason: textIn(request.body, "reason", ""),
          confirm,
        };
        return show(request.base, await approvals[verdict](principal, request.params.id, decision));
      });

    addApprovalPages(fastify, deps, voterOf);
    done();
  };
}

function stateIn(state: unknown): Approval["state"] | undefined {
  const found = states.find((one) => one === state);
  if (state === undefined || found !== undefined) return found;
  throw new AssayError("BAD_REQUEST", { reason: `state must be ${states.join(" or ")}` });
}

function textIn(body: unknown, field: string, fallback?: string): string {
  const value =
    typeof body === "object" && body !== null && Object.hasOwn(body, field)
      ? (body as Record<string, unknown>)[field]
      : fallback;
  if (typeof value === "string" && value.length <= 4096) return value;
  throw new AssayError("BAD_REQUEST", { reason: `the body must have ${field}` });
}

const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

function show(base: string, approval: Approval): Readonly<Record<string, unknown>> {
  const {
    requestedAtMs,
    expiresAtMs,
    decidedAtMs,
    votes,
    requester,
    requesterName,
    resource: _resource,
    counting,
    ...rest
  }: Approval & Partial<CountedApproval> = approval;
  return {
    ...rest,
    organisation: approval.organisation ?? null,
    approvers: approval.approvers ?? null,
    url: `${base}/-/approvals/${approval.id}`,
    requester: { id: requester, name: requesterName },
    requestedAt: time(requestedAtMs),
    expiresAt: time(expiresAtMs),
    decidedAt: time(decidedAtMs),
    votes: votes.map(({ voterName, verdict, reason, atMs }) => ({ by: voterName, verdict, reason, at: time(atMs) })),
    ...(counting && { counting: counting.map(({ voterName }) => voterName) }),
  };
}
