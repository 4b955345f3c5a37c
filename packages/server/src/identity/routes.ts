import type { FastifyPluginCallback } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { People } from "./identity.ts";
import { createRateLimit } from "./limits/limits.ts";
import { addJoinRoutes } from "./people/routes-join.ts";
import { addLoginRoutes } from "./people/routes-login.ts";
import { addProfileRoutes } from "./people/routes-profile.ts";
import { addResetRoutes } from "./people/routes-reset.ts";
import { addTokenRoutes } from "./tokens/routes-tokens.ts";
import { addAccountRoutes } from "./sign-in/routes-account.ts";
import type { Provider } from "./sign-in/provider.ts";
import { addProviderRoutes } from "./sign-in/routes-provider.ts";
import { addSignInRoutes } from "./sign-in/routes-sign-in.ts";
import { addStepUpRoutes } from "./sign-in/routes-step-up.ts";
import { addTokensPage } from "./sign-in/routes-tokens-page.ts";
import { addWebLoginRoutes } from "./sign-in/routes-web-login.ts";

export interface IdentityRoutesDeps {
  readonly identity: People;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a token that a client gets by signing in is good. */
  readonly loginDays: number;
  /** The longest that a token which people make is good. */
  readonly maxTokenDays: number;
  /** Whom people sign in through, besides. */
  readonly provider: Provider | undefined;
}

/** Everything that this room answers over HTTP. */
export function identityRoutes(deps: IdentityRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    addLoginRoutes(fastify, deps);
    addJoinRoutes(fastify, deps);
    addResetRoutes(fastify, deps);
    addProfileRoutes(fastify, deps);
    addTokenRoutes(fastify, deps);
    const beginning = createRateLimit(deps, { burst: 30, perMinute: 30 });
    const { signIn, registration } = deps.identity;
    const pages = { ...signIn, ...deps.identity, ...deps, registration, beginning };
    addSignInRoutes(fastify, pages);
    addWebLoginRoutes(fastify, pages);
    addStepUpRoutes(fastify, pages);
    addAccountRoutes(fastify, pages);
    addTokensPage(fastify, pages);
    if (deps.provider !== undefined) addProviderRoutes(fastify, { ...pages, provider: deps.provider });
    done();
  };
}
