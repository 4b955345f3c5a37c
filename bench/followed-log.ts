/**
 * What following somebody else's database costs on a cold install: 900 small tarballs, 48 at once, through an Assay
 * with a log of its own, and through one that follows a database which has (warm) or has not (cold) bound them;
 * `--delay <ms>` puts that much between the two. Everything runs on this machine: compare the lines of one run.
 */
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { startLogRelay } from "@assay/testkit/log-relay";
import { createInstallation, startServer, type ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import { fetchAll, publishMany, tell } from "./many-tarballs.ts";
import { cpuSeconds } from "./processes.ts";

const { values } = parseArgs({
  options: { delay: { type: "string", default: "0" }, packages: { type: "string", default: "900" } },
});

await using stack = new AsyncDisposableStack();
const upstream = stack.use(await createTestUpstream());
const releases = publishMany([upstream], Number(values.packages));

async function server(env: Readonly<Record<string, string>>, flags: readonly string[] = []): Promise<ServerProcess> {
  const installation = stack.use(await createInstallation());
  return stack.use(await startServer(installation, { upstream: upstream.url, env, flags }));
}

const own = await server({});
tell("a log of its own, cold", await fetchAll(own, releases), releases.length);
process.stdout.write(`  ${cpuSeconds(own.pid)} s of CPU\n`);
tell("a log of its own, warm", await fetchAll(own, releases), releases.length);
await own.stop();

const database = await server({ ASSAY_LOG_VISIBILITY: "public" }, ["--role=log"]);
const { logs } = (await (await fetch(`${database.url}/-/log/`)).json()) as { logs: { vkey: string }[] };
const relay = stack.use(await startLogRelay(database.url));
const wait = Number(values.delay);
if (wait > 0)
  relay.lie = async (answer) => {
    await delay(wait);
    return answer;
  };
const env = { ASSAY_CHECKSUMS_URL: relay.url, ASSAY_CHECKSUMS_VKEY: logs[0]?.vkey ?? "" };
for (const state of ["cold", "warm"]) {
  const following = await server(env);
  relay.requests.length = 0;
  tell(
    `following a ${state} database${wait > 0 ? ` ${wait} ms away` : ""}, cold`,
    await fetchAll(following, releases),
    releases.length,
  );
  const lookups = relay.requests.filter((path) => path.includes("/lookup/")).length;
  process.stdout.write(
    `  ${relay.requests.length} requests to it, ${lookups} of them lookups; ${cpuSeconds(following.pid)} s of CPU\n`,
  );
  tell("  the same again, warm", await fetchAll(following, releases), releases.length);
  await following.stop();
}
