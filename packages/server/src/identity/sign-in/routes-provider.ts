import { renderDone, renderSignIn } from "@assay/web";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import { nextPath } from "./next-path.ts";
import type { Provider } from "./provider.ts";
import type { SignInRoutesDeps } from "./routes-sign-in.ts";
import { goTo, mendable, ownForm, sendForms, setSession, toConfirm, visitOf } from "./routes-visit.ts";
import { freshMs } from "./step-ups.ts";

const home = "/-/web/me";

/** To the provider and back. Who is signed in already links the own account. */
export function addProviderRoutes(
  fastify: FastifyInstance,
  deps: SignInRoutesDeps & { readonly provider: Provider; readonly clock: Clock },
): void {
  const { provider, factors } = deps;

  fastify.post("/-/web/provider", { config: { body: "form" } }, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const next = nextPath(ownForm(request, visit).text("next"), home);
    // Who links an identity of the provider to an account opens it for good.
    if (visit.session !== undefined && !isFresh(visit.session.steppedUpAtMs)) return toConfirm(reply, visit.base, home);
    const from = { browser: visit.formToken, next, account: visit.session?.account };
    // No redirect: the policy of the form's page lets it go to us alone.
    void reply.header("refresh", `0; url=${await provider.begin(visit.base, from)}`);
    const text = `Your browser goes on to ${provider.name}.`;
    const page = renderDone({ base: visit.base, who: visit.who, title: "To the provider", text, isGood: true });
    return sendForms(reply, page);
  });

  fastify.get("/-/web/provider/callback", { config: { secretPath: true } }, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    try {
      const url = new URL(request.url, visit.base);
      const { account, link, next } = await provider.finish(visit.base, url, visit.formToken);
      const { isEnrolled } = await factors.stateOf(account);
      const { secret } = await deps.begin(account, { isComplete: !isEnrolled, link }, visit);
      setSession(reply, visit.base, secret);
      return goTo(reply, visit.base, isEnrolled ? `/-/web/second-step?next=${encodeURIComponent(next)}` : next);
    } catch (error) {
      const problem = mendable(error);
      const page = renderSignIn({ ...visit, next: home, provider: provider.name, problem: problem.message });
      return sendForms(reply.code(problem.status), page);
    }
  });

  function isFresh(steppedUpAtMs: number | undefined): boolean {
    return steppedUpAtMs !== undefined && steppedUpAtMs + freshMs > deps.clock.now();
  }
}
