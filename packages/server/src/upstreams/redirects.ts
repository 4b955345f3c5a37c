import type { Integrity, PackageName, Version } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Clock } from "../platform/clock.ts";
import { NetworkError } from "../platform/network/network.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Ordering } from "./choose.ts";
import { canonicalPath } from "./mirror-tarball.ts";
import type { SourceChoice } from "./source-choice.ts";
import type { Source, Sources } from "./sources.ts";
import type { Standing } from "./standing.ts";

/** A bound version whose tarball a client asks for. */
export interface RedirectRequest {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
  readonly sizeBytes: number;
}

export interface Redirects {
  /** Whether clients may be sent elsewhere for tarballs of this package. */
  isRedirected(name: PackageName): boolean;
  /**
   * The canonical URL of the tarball at a source with `tarballs: redirect`; undefined: serve it from here. The source
   * was seen within ten minutes to have a file of the bound size there; what is in it only the client can check.
   */
  redirect(release: RedirectRequest, choice?: SourceChoice): Promise<string | undefined>;
}

interface RedirectsDeps {
  readonly sources: Sources;
  readonly standing: Standing;
  readonly ordering: Ordering;
  readonly clock: Clock;
}

const goodForMs = 10 * 60_000;
const badForMs = 60_000;
const idleMs = 5_000;

export function createRedirects({ sources, standing, ordering, clock }: RedirectsDeps): Redirects {
  /** What was found at a URL, for bytes of one integrity. */
  const seen = createByteCache<{ readonly isThere: boolean; readonly untilMs: number }>({
    maxBytes: 8 * 1024 * 1024,
    sizeOf: () => 400,
  });
  const looks = createSingleFlight<boolean>();

  function redirecting(name: PackageName): readonly Source[] {
    return sources.sourcesOf(name).filter(({ config }) => config.tarballs === "redirect");
  }

  async function isThere({ client, config }: Source, release: RedirectRequest): Promise<boolean> {
    const key = `${config.name} ${release.name}@${release.version} ${release.integrity}`;
    const known = seen.get(key);
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.isThere;
    return await looks.run(key, async () => {
      const found = await look(client, release).catch((error: unknown) => {
        if (error instanceof NetworkError) return false;
        throw error;
      });
      seen.set(key, { isThere: found, untilMs: clock.monotonicMs() + (found ? goodForMs : badForMs) });
      return found;
    });
  }

  return {
    isRedirected: (name) => redirecting(name).length > 0,
    async redirect(release, choice) {
      const owner = sources.ownerOf(release.name);
      const aside = await standing.aside();
      const candidates = redirecting(release.name).filter(({ config }) => !aside.has(config.name));
      if (owner === undefined) return undefined;
      for (const source of ordering(owner, candidates, release.name, choice)) {
        if (await isThere(source, release))
          return `${source.config.url}${canonicalPath(release.name, release.version)}`;
      }
      return undefined;
    },
  };
}

async function look(client: Source["client"], { name, version, sizeBytes }: RedirectRequest): Promise<boolean> {
  const answer = await client.request(canonicalPath(name, version), {
    decode: false,
    maxBytes: sizeBytes,
    tries: 1,
    idleMs,
  });
  answer.body.destroy();
  return answer.status === 200 && answer.headers["content-length"] === String(sizeBytes);
}
