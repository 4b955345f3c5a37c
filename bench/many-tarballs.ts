/** Many small tarballs, asked for as a client with a lockfile does. */
import { randomBytes } from "node:crypto";
import type { ServerProcess } from "@assay/testkit/server-process";
import type { PublishedRelease, TestUpstream } from "@assay/testkit/upstream";

const atOnce = 48;

/** Publishes `p0@1.0.0` and so on, each with 12 KB that do not compress; the same on all. */
export function publishMany(upstreams: readonly TestUpstream[], count: number): readonly PublishedRelease[] {
  const releases: PublishedRelease[] = [];
  for (let i = 0; i < count; i += 1) {
    const files = { "data.bin": randomBytes(12_000) };
    const [published] = upstreams.map((upstream) => upstream.publish({ name: `p${i}`, version: "1.0.0", files }));
    if (published !== undefined) releases.push(published);
  }
  return releases;
}

/** Milliseconds until all are here. Throws on any refusal. */
export async function fetchAll(at: ServerProcess, releases: readonly PublishedRelease[]): Promise<number> {
  const waiting = releases.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const release of waiting) {
        const answer = await fetch(`${at.url}${release.path}`);
        if (answer.status !== 200) throw new Error(`${release.name}: ${answer.status} ${await answer.text()}`);
        await answer.arrayBuffer();
      }
    }),
  );
  return performance.now() - started;
}

export function tell(what: string, ms: number, count: number): void {
  process.stdout.write(`${what.padEnd(44)} ${(ms / 1000).toFixed(2)} s  ${Math.round((count * 1000) / ms)}/s\n`);
}
