/** The front door with every route behind it. */
import { isAssayError } from "@assay/core";
import { renderRefusal } from "@assay/web";
import about from "../package.json" with { type: "json" };
import { logOnlyRoutes } from "./checksums/routes-log-only.ts";
import { logRoutes } from "./checksums/routes.ts";
import { gossipRoutes } from "./witnessing/routes-gossip.ts";
import type { Gossip } from "./witnessing/witnessing.ts";
import type { Config } from "./config/config.ts";
import type { LoadedConfig } from "./config/load.ts";
import { urlInWords } from "./config/urls.ts";
import { accessLogSink, createAccessLog } from "./http/access-log.ts";
import type { Credentials } from "./http/credentials.ts";
import { createHttpServer, defaultHttpLimits, type HttpServer } from "./http/server.ts";
import { createRateLimit, identityRoutes, scimRoutes, type RateLimit } from "./identity/identity.ts";
import type { Clock } from "./platform/clock.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { auditRoutes } from "./insight/insight.ts";
import { publishingRoutes } from "./publishing/publishing.ts";
import { createAnswers, createReadyAnswers, pageAssets, servingRoutes } from "./serving/serving.ts";
import { sourceChoiceRoutes, sourcePages } from "./upstreams/upstreams.ts";
import { followed, type Rooms } from "./rooms.ts";

export function createFrontDoor({ config }: LoadedConfig, rooms: Rooms, gossip: Gossip): Promise<HttpServer> {
  const { checksums, registrySigning, serving, upstreams, admission, telemetry } = rooms;
  const { gates } = rooms.hosting;
  const { fetches } = rooms.publishing;
  const { isNoted } = fetches;
  const clock = createSystemClock();
  const answers = createAnswers();
  const packages = () => upstreams.countKnown();
  return createHttpServer(
    {
      clock,
      random: createSystemRandom(),
      telemetry,
      accessLog:
        config.logging.accessLog === "off"
          ? undefined
          : createAccessLog({ clock, sink: accessLogSink(config.logging.accessLog) }),
      renderErrorPage: renderRefusal,
      readMoreUrl: (error, base) =>
        "name" in error.details && error.code === "BLOCKED" ? `${base}/${error.details.name}` : undefined,
    },
    {
      publicUrls: config.publicUrls,
      trustedProxies: config.trustedProxies,
      routes: [
        ...(config.role === "log" ? [logOnlyRoutes({ version: about.version }), pageAssets] : []),
        logRoutes({
          checksums,
          admit: (name, version) => admission.admit(name, version),
          access: { ...config.log, ...gates },
          clock,
          witnesses:
            config.checksums === undefined ? config.log.witnesses.policy : followed(config.checksums).witnesses,
        }),
        gossipRoutes({ gossip }),
        sourcePages({
          upstreams,
          checksums,
          signing: registrySigning,
          clock,
          sources: config.upstreams.map((upstream) => ({ ...upstream, url: urlInWords(upstream.url) })),
        }),
        ...(config.role === "log"
          ? []
          : [
              identityRoutes({ ...rooms, clock, random: createSystemRandom(), ...config.identity }),
              ...(rooms.scim === undefined
                ? []
                : [scimRoutes({ scim: rooms.scim, scimTokens: rooms.identity.scimTokens, clock })]),
              publishingRoutes({
                ...rooms,
                random: createSystemRandom(),
                sending: sendingLimit(clock, config.publish),
              }),
              auditRoutes({ ...rooms, permissions: rooms.hosting.permissions }),
              ...rooms.hosting.routes,
              sourceChoiceRoutes({ upstreams, sources: config.upstreams }),
              servingRoutes({
                serving,
                answers,
                ...gates,
                isNoted,
                noteFetch: (name, version, credentials) =>
                  fetches.note(name, version, () => senderOf(rooms.identity, credentials)),
                hostedAttestations: rooms.publishing.attestations,
                upstreams,
                keyRing: registrySigning.ring,
                checksums,
                clock,
                about: { version: about.version, upstream: upstreamsInWords(config), packages },
              }),
            ]),
      ],
      ...(config.role === "log" ? {} : { ready: createReadyAnswers(serving, answers, gates.isOpen, isNoted) }),
      readiness: [{ name: "log", check: async () => checksums.problem() }],
      limits: { ...defaultHttpLimits, bodyBytes: config.limits.requestBodyBytes },
    },
  );
}

/** What is open is read whatever token comes with it: one that is no good is nobody's. */
async function senderOf(
  { authenticate }: Pick<Rooms["identity"], "authenticate">,
  credentials: Credentials,
): Promise<{ readonly id: string }> {
  try {
    return await authenticate(credentials);
  } catch (error) {
    if (isAssayError(error, "UNAUTHORIZED")) return { id: "anonymous" };
    throw error;
  }
}

/** Every registry's URL; a host in other letters in both its forms. */
function upstreamsInWords({ upstreams }: Config): string {
  return upstreams
    .filter(({ kind }) => kind === "registry")
    .map(({ url }) => urlInWords(url))
    .join(", ");
}

function sendingLimit(clock: Clock, { perMinute }: Config["publish"]): RateLimit | undefined {
  return perMinute === 0 ? undefined : createRateLimit({ clock }, { burst: perMinute, perMinute });
}
