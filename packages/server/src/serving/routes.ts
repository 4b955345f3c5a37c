import type { PackageName, Version } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback } from "fastify";
import type { Checksums } from "../checksums/checksums.ts";
import type { Credentials } from "../http/credentials.ts";
import type { Clock } from "../platform/clock.ts";
import type { KeyRing } from "../signing/signing.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Answers } from "./answers.ts";
import { addDocumentRoutes } from "./routes-documents.ts";
import { addPageRoutes } from "./routes-pages.ts";
import { addAttestationRoutes } from "./routes-attestations.ts";
import { addKeyRoutes } from "./routes-keys.ts";
import { addRelayRoutes } from "./routes-relay.ts";
import { addSearchRoutes, type MayRead } from "./routes-search.ts";
import { addReadGate } from "./routes-read-gate.ts";
import { addTarballRoutes } from "./routes-tarballs.ts";
import type { Serving } from "./serving.ts";

export interface ServingRoutesDeps {
  readonly serving: Serving;
  readonly answers: Answers;
  readonly mayRead: MayRead;
  /** True when anybody may read the package without credentials. */
  readonly isOpen: (name: PackageName) => boolean;
  /** Passes for who may read it; else throws, the same for what is hidden as for what is not there. */
  readonly requireRead: (credentials: Credentials, name: PackageName) => Promise<void>;
  /** Throws UNAUTHORIZED for credentials that are not good. */
  readonly requireGood: (credentials: Credentials) => Promise<void>;
  /** Whether a fetch of a tarball need not be noted; from memory. */
  readonly isNoted: (name: PackageName, version: Version) => boolean;
  /** Notes that somebody gets a tarball. It is sent only when this resolves. */
  readonly noteFetch: (name: PackageName, version: Version, credentials: Credentials) => Promise<void>;
  readonly upstreams: Upstreams;
  readonly keyRing: KeyRing;
  readonly checksums: Checksums;
  readonly clock: Clock;
  /** Signed bundles of a version that lives here; none where there is none. */
  readonly hostedAttestations: (
    name: PackageName,
    version: Version,
  ) => Promise<readonly { readonly predicateType: string; readonly bundle: unknown }[]>;
  /** For the page at `/`: release of Assay, what stands behind it, how many packages are known. */
  readonly about: {
    readonly version: string;
    readonly upstream: string;
    packages(): Promise<number>;
  };
}

/**
 * The npm API for readers. Paths arrive canonical: a package name is one segment, `name` or `@scope%2Fname`,
 * decoded once.
 */
export function servingRoutes(deps: ServingRoutesDeps): FastifyPluginCallback {
  return (fastify: FastifyInstance, _options, done) => {
    addReadGate(fastify, deps);
    addTarballRoutes(fastify, deps);
    addDocumentRoutes(fastify, deps);
    addKeyRoutes(fastify, deps);
    addAttestationRoutes(fastify, deps);
    addRelayRoutes(fastify, deps);
    addSearchRoutes(fastify, deps);
    addPageRoutes(fastify, deps);
    done();
  };
}
