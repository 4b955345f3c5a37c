import { AssayError, type EpochMs } from "@assay/core";
import { renderDone, renderPair } from "@assay/web";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import type { RateLimit } from "../limits/limits.ts";
import { addressBlock } from "../limits/limits.ts";
import type { DrawnToken, Tokens } from "../tokens/tokens.ts";
import type { SignInRoutesDeps } from "./routes-sign-in.ts";
import { ownForm, sendForms, toConfirm, toSignIn, visitOf, type Visit } from "./routes-visit.ts";
import { freshMs } from "./step-ups.ts";
import { doerOf } from "../doer.ts";

export interface WebLoginRoutesDeps extends SignInRoutesDeps {
  readonly tokens: Pick<Tokens, "draw">;
  readonly clock: Clock;
  readonly loginDays: number;
  /** Logins begun, by address block: anybody may. */
  readonly beginning: RateLimit;
}

const dayMs = 24 * 3_600_000;
const retryAfterSeconds = 1;

/** Clients that sign in through a browser (npm's web login), and what clients wait for at `doneUrl`. */
export function addWebLoginRoutes(fastify: FastifyInstance, deps: WebLoginRoutesDeps): void {
  const { webLogins, stepUps, clock, tokens } = deps;

  // npm sends {}, Berry nothing, others their host name: none of it is needed.
  fastify.post("/-/v1/login", { config: { body: "stream" } }, async (request, reply) => {
    const { address } = request.credentials;
    deps.beginning.take(addressBlock(address));
    const { id, secret, code } = await webLogins.begin({ address, agent: request.headers["user-agent"] ?? "" });
    return reply
      .headers({
        "cache-control": "no-store",
        "npm-notice": `Your code is ${code}: the page in the browser must show the same.`,
      })
      .send({
        loginUrl: `${request.base}/-/web/pair/${id}`,
        doneUrl: `${request.base}/-/v1/done/${secret}`,
      });
  });

  fastify.route<{ Params: { secret: string } }>({
    // npm asks with the method, and the body, of what it waits for: `npm dist-tag add` puts.
    method: ["GET", "PUT", "POST", "DELETE"],
    url: "/-/v1/done/:secret",
    config: { secretPath: true },
    handler: async (request, reply) => {
      const { secret } = request.params;
      void reply.header("cache-control", "no-store");
      const stepUp = await stepUps.collect(secret);
      if (stepUp === "waiting") return waiting(reply);
      if (stepUp !== undefined) return reply.send(stepUp);
      let drawn: DrawnToken | undefined;
      const done = await webLogins.collect(secret, async (transaction, login) => {
        const holder = `person:${login.account}`;
        drawn = tokens.draw(doerOf({ id: holder, address: request.credentials.address }), {
          holder,
          holderName: login.account,
          origin: "login",
          name: `web login by ${/^[\w.@/-]{1,40}/.exec(login.agent)?.[0] ?? "a client"}`,
          level: "read-write",
          packages: undefined,
          organisations: undefined,
          cidrs: undefined,
          expiresAtMs: (clock.now() + deps.loginDays * dayMs) as EpochMs,
        });
        await drawn.store(transaction);
        return { token: drawn.secret };
      });
      return done === "waiting" ? waiting(reply) : reply.send(done);
    },
  });

  fastify.get<{ Params: { id: string } }>(
    "/-/web/pair/:id",
    { config: { secretPath: true } },
    async (request, reply) => {
      const visit = await visitOf(deps, request, reply);
      const here = `/-/web/pair/${encodeURIComponent(request.params.id)}`;
      if (visit.session === undefined) return toSignIn(reply, visit.base, here);
      if (!isFresh(visit.session.steppedUpAtMs)) return toConfirm(reply, visit.base, here);
      return await sendPair(reply, visit, request.params.id);
    },
  );

  fastify.post<{ Params: { id: string } }>(
    "/-/web/pair/:id",
    { config: { body: "form", secretPath: true } },
    async (request, reply) => {
      const visit = await visitOf(deps, request, reply);
      const sent = ownForm(request, visit);
      const here = `/-/web/pair/${encodeURIComponent(request.params.id)}`;
      if (visit.session === undefined) return toSignIn(reply, visit.base, here);
      if (!isFresh(visit.session.steppedUpAtMs)) return toConfirm(reply, visit.base, here);
      const isYes = sent.text("decision") === "yes";
      if (isYes && sent.text("compared") !== "yes")
        return await sendPair(reply.code(400), visit, request.params.id, "Please compare the code first, and say so.");
      const { account } = visit.session;
      if (!(await webLogins.decide(request.params.id, account, isYes ? "confirmed" : "refused")))
        throw new AssayError("NOT_FOUND", { what: "A client that waits here" });
      const title = isYes ? "Signed in" : "Refused";
      const text = isYes ? "Your client is signed in. Go back to the terminal." : "The client gets nothing.";
      return sendForms(reply, renderDone({ base: visit.base, who: account, title, text, isGood: isYes }));
    },
  );

  async function sendPair(reply: FastifyReply, visit: Visit, wanted: string, problem?: string): Promise<FastifyReply> {
    const login = await webLogins.find(wanted);
    if (login?.state !== "waiting") throw new AssayError("NOT_FOUND", { what: "A client that waits here" });
    const { id, code, agent, address, createdAtMs } = login;
    const secondsAgo = Math.max(0, Math.floor((clock.now() - createdAtMs) / 1000));
    return sendForms(reply, renderPair({ ...visit, id, code, agent, address, secondsAgo, problem }));
  }

  function isFresh(steppedUpAtMs: EpochMs | undefined): boolean {
    return steppedUpAtMs !== undefined && steppedUpAtMs + freshMs > clock.now();
  }
}

/** npm polls without any pause when it is not told one. */
function waiting(reply: FastifyReply): FastifyReply {
  return reply.code(202).header("retry-after", String(retryAfterSeconds)).send({});
}
