import type { FastifyPluginCallback } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { People } from "./identity.ts";
import { addLoginRoutes } from "./people/routes-login.ts";

export interface IdentityRoutesDeps {
  readonly identity: People;
  readonly clock: Clock;
  /** How long a token that a client gets by signing in is good. */
  readonly loginDays: number;
}

/** Everything that this room answers over HTTP. */
export function identityRoutes(deps: IdentityRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    addLoginRoutes(fastify, deps);
    done();
  };
}
