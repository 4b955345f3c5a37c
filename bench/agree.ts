/**
 * What it costs a cold install that several sources must agree: many small tarballs through an Assay that believes the
 * owner's listing, and through ones that ask for the bytes of two and three operators first. Round robin, medians;
 * `--delay <ms>` until each source answers. Everything runs on this machine: compare the lines of one run.
 */
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import { median } from "./numbers.ts";
import { fetchAll, publishMany, tell } from "./many-tarballs.ts";
import { cpuSeconds } from "./processes.ts";

const { values } = parseArgs({
  options: {
    delay: { type: "string", default: "20" },
    packages: { type: "string", default: "600" },
    rounds: { type: "string", default: "3" },
  },
});

await using stack = new AsyncDisposableStack();
const sources = [await createTestUpstream(), await createTestUpstream(), await createTestUpstream()];
for (const source of sources) stack.use(source);
const releases = publishMany(sources, Number(values.packages));
const wait = Number(values.delay);
for (const source of wait > 0 ? sources : [])
  source.lie("*", async ({ honest }) => {
    await delay(wait);
    honest();
  });
const [owner, one, two] = sources.map(({ url }) => url);

async function round(agree: number): Promise<{ readonly ms: number; readonly cpu: number }> {
  await using installation = await createInstallation();
  const config = `
upstreams:
  npm: {url: "${owner}", names: ["*"], agree: ${agree}}
  one: {url: "${one}", kind: mirror, of: npm}
  two: {url: "${two}", kind: mirror, of: npm}
`;
  await using server = await startServer(installation, { config });
  return { ms: await fetchAll(server, releases), cpu: cpuSeconds(server.pid) };
}

const results = new Map<number, { readonly ms: number; readonly cpu: number }[]>([1, 2, 3].map((agree) => [agree, []]));
for (let i = 0; i < Number(values.rounds); i += 1)
  for (const [agree, rounds] of results) rounds.push(await round(agree));
for (const [agree, rounds] of results) {
  tell(`agree: ${agree}, cold, ${wait} ms to each source`, median(rounds.map(({ ms }) => ms)), releases.length);
  process.stdout.write(`  ${median(rounds.map(({ cpu }) => cpu)).toFixed(1)} s of CPU\n`);
}
