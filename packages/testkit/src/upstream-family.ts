/** A registry and mirrors of it in this process: each can die, hang, lie and come back. */
import { createTestUpstream } from "./upstream.ts";
import type { NewRelease, PublishedRelease, TestUpstream } from "./upstream.ts";

export interface UpstreamFamily extends AsyncDisposable {
  readonly registry: TestUpstream;
  /** By alias. */
  readonly mirrors: Readonly<Record<string, TestUpstream>>;
  /** The registry, which is `npm`, and the mirrors by alias. */
  readonly all: Readonly<Record<string, TestUpstream>>;
  /** Publishes the same bytes everywhere. */
  publish(release: NewRelease): PublishedRelease;
  /** Text of an `assay.yaml` with all of them, mirrors first; `registry` are more settings of the registry. */
  config(more?: FamilyConfig): string;
}

export interface FamilyConfig {
  /** Lines of YAML below the registry, such as `choose: fastest`. */
  readonly registry?: readonly string[];
  /** More aliases of mirrors with their URLs. */
  readonly others?: Readonly<Record<string, string>>;
  /** Lines at the top level. */
  readonly rest?: readonly string[];
}

/** Short enough for tests in which upstreams hang. */
const timeouts = "timeouts: { connectMs: 1000, headersMs: 3000, bodyIdleMs: 1500 }";

export async function createUpstreamFamily(aliases: readonly string[]): Promise<UpstreamFamily> {
  const registry = await createTestUpstream();
  const mirrors = Object.fromEntries(
    await Promise.all(aliases.map(async (alias) => [alias, await createTestUpstream()] as const)),
  );
  let published = 0;
  return {
    registry,
    mirrors,
    all: { npm: registry, ...mirrors },
    publish(release) {
      published += 1;
      const time = new Date(Date.UTC(2020, 0, 1, 0, published)).toISOString();
      for (const mirror of Object.values(mirrors)) mirror.publish({ time, ...release });
      return registry.publish({ time, ...release });
    },
    config({ registry: more = [], others = {}, rest = [] } = {}) {
      const urls = {
        ...Object.fromEntries(Object.entries(mirrors).map(([alias, { url }]) => [alias, url])),
        ...others,
      };
      const mirrorLines = Object.entries(urls).flatMap(([alias, url]) => [
        `  ${alias}:`,
        ...["kind: mirror", "of: npm", `url: ${url}`, timeouts].map((line) => `    ${line}`),
      ]);
      const own = [`url: ${registry.url}`, `names: ["*"]`, timeouts, ...more].map((line) => `    ${line}`);
      return [...rest, "upstreams:", ...mirrorLines, "  npm:", ...own, ""].join("\n");
    },
    async [Symbol.asyncDispose]() {
      for (const one of [registry, ...Object.values(mirrors)]) await one[Symbol.asyncDispose]();
    },
  };
}
