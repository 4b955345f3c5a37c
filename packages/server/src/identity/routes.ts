import type { FastifyPluginCallback } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { People } from "./identity.ts";
import { addLoginRoutes } from "./people/routes-login.ts";
import { addProfileRoutes } from "./people/routes-profile.ts";
import { addTokenRoutes } from "./tokens/routes-tokens.ts";

export interface IdentityRoutesDeps {
  readonly identity: People;
  readonly clock: Clock;
  /** How long a token that a client gets by signing in is good. */
  readonly loginDays: number;
  /** The longest that a token which people make is good. */
  readonly maxTokenDays: number;
}

/** Everything that this room answers over HTTP. */
export function identityRoutes(deps: IdentityRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    addLoginRoutes(fastify, deps);
    addProfileRoutes(fastify, deps);
    addTokenRoutes(fastify, deps);
    done();
  };
}
