import { AssayError } from "@assay/core";
import type { FastifyRequest } from "fastify";
import type {
  AccessActs,
  HostedNames,
  Identity,
  Organisations,
  Permissions,
  RateLimit,
  Stars,
} from "../identity/identity.ts";
import type { Random } from "../platform/random.ts";
import type { Publishing } from "./publishing.ts";

export interface PublishingRoutesDeps {
  readonly identity: Pick<Identity, "authenticate" | "accounts"> & {
    readonly signIn: Pick<Identity["signIn"], "stepUps" | "sessions">;
  };
  readonly random: Random;
  readonly names: Pick<HostedNames, "find" | "organisationOf">;
  readonly publishing: Publishing;
  /** How many changes one may send; undefined: any number. */
  readonly sending: Pick<RateLimit, "take"> | undefined;
  readonly hosting: {
    readonly organisations: Pick<Organisations, "ensurePersonal" | "owners" | "teams" | "grants">;
    readonly permissions: Pick<Permissions, "decide">;
    readonly access: AccessActs;
    readonly stars: Pick<Stars, "set">;
  };
}

/** The body as it arrives. Its type must be JSON, and nothing may be wrapped around it. */
export function bodyOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  const { headers } = request;
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", { reason: "it must be sent without a content encoding" });
  if (!/^application\/json(?:\s*;.*)?$/i.test(headers["content-type"] ?? ""))
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", { reason: "its content type must be application/json" });
  return request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}
