import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { RequestOptions, UpstreamResponse } from "../platform/network/network.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Activity } from "./activity.ts";
import type { Ordering } from "./choose.ts";
import type { AskSource, Fetched } from "./fetch.ts";
import type { Latency } from "./latency.ts";
import { askMirror, canonicalPath } from "./mirror-tarball.ts";
import { createOffers } from "./offers.ts";
import type { Source, Sources } from "./sources.ts";
import type { Standing } from "./standing.ts";
import { tarballUrl } from "./tarball-url.ts";
import type { TarballRequest, Upstreams } from "./upstreams.ts";

interface TarballsDeps {
  readonly sources: Sources;
  readonly standing: Standing;
  readonly latency: Latency;
  readonly ordering: Ordering;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly telemetry: Telemetry;
  readonly activity: Pick<Activity, "answered" | "asked">;
  readonly ask: AskSource;
}

/** `Upstreams.tarballs`: whom to ask for a version's bytes, and how each is asked. */
export function createTarballs(
  deps: TarballsDeps,
  limits: Pick<Config["limits"], "tarballBytes">,
): Upstreams["tarballs"] {
  const { sources, standing, latency, ordering, clock, telemetry, activity } = deps;
  const outcomes = telemetry.metrics.counter(
    "assay_upstream_tarballs_total",
    "Requests to upstreams for tarballs, by outcome.",
    ["upstream", "outcome"],
  );

  async function open(
    source: Source,
    request: TarballRequest,
    more: Partial<RequestOptions>,
  ): Promise<UpstreamResponse> {
    const { name, version, listed } = request;
    const options: RequestOptions = {
      ...more,
      decode: false,
      maxBytes: limits.tarballBytes,
      headers: { accept: "application/octet-stream, */*" },
    };
    if (source.config.kind === "mirror") {
      const listing = (): Promise<Fetched> => deps.ask(source, name, undefined, more);
      return await askMirror(deps, source, { name, version, listing }, options);
    }
    const target = listed === undefined ? canonicalPath(name, version) : tarballUrl(listed.tarball, source.config);
    return await source.client.request(target, options);
  }

  return async (request) => {
    const { name, version, signal, isOwnerOnly, skip, choice } = request;
    const owner = sources.ownerOf(name);
    const aside = await standing.aside();
    const candidates = sources.sourcesOf(name).filter(({ config }) => {
      return (config.kind === "registry" || !(isOwnerOnly || aside.has(config.name))) && !skip(config.name);
    });
    return createOffers(
      {
        clock,
        latency,
        standing,
        count: (upstream, outcome) => {
          outcomes.add(1, { upstream, outcome });
          activity.asked(upstream, outcome, request.listed?.publishedMs);
        },
      },
      {
        name,
        version,
        sources: owner === undefined ? [] : ordering(owner, candidates, name, choice),
        isImpatient: owner?.config.choose === "fastest",
        signal,
        open: async (source, more) => {
          const startedMs = clock.monotonicMs();
          const response = await open(source, request, more);
          if (response.status === 200) activity.answered(source.config.name, startedMs);
          return response;
        },
      },
    );
  };
}
