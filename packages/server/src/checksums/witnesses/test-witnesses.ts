/** A log with real witnesses on loopback sockets. For tests only. */
import { join } from "node:path";
import { openWitnessed, parsePolicy, verifier } from "@assay/core";
import type { WitnessedCheckpoint, WitnessPolicy } from "@assay/core";
import { createUpstreamClient, noCredentials } from "../../platform/network/client.ts";
import { directSettings } from "../../platform/network/settings.ts";
import { systemResolve } from "../../platform/network/dispatchers.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { createSystemRandom } from "../../platform/system-random.ts";
import { createWitnessApp, type WitnessApp } from "../../witness-app.ts";
import { witnessConfig } from "../../witnessing/test-witness.ts";
import type { Checksums, LogWitnesses } from "../checksums.ts";
import type { AskedWitness } from "./ask.ts";

const clock = createSystemClock();
const random = createSystemRandom();

/** A witness that can be stopped and started again at its address. */
export interface Watcher extends AsyncDisposable {
  readonly name: string;
  readonly vkey: string;
  readonly url: string;
  stop(): Promise<void>;
  start(vkeys: readonly string[]): Promise<void>;
}

const noLines = { write: () => true } as unknown as NodeJS.WriteStream;

/** Starts a witness of these logs in a folder of its own. */
export async function startWatcher(folder: string, name: string, vkeys: readonly string[]): Promise<Watcher> {
  let app: WitnessApp | undefined;
  let port = 0;
  const start = async (logs: readonly string[]): Promise<WitnessApp> => {
    const config = witnessConfig(join(folder, name), {
      name: `${name}.example.com`,
      listen: { host: "127.0.0.1", port },
      publicUrls: [`http://127.0.0.1:${port}`],
      logs: logs.map((vkey) => ({ vkey, url: undefined })),
    });
    app = await createWitnessApp(config, { logTo: noLines });
    await app.listen();
    port = Number(new URL(app.url).port);
    return app;
  };
  const stop = async (): Promise<void> => {
    await app?.[Symbol.asyncDispose]();
    app = undefined;
  };
  const [vkey = ""] = (await start(vkeys)).vkeys;
  return {
    name,
    vkey,
    url: `http://127.0.0.1:${port}`,
    start: async (logs) => void (await start(logs)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The witnesses of a log under the quorum `quorum` (a number, or `none`). */
export async function witnessesOf(
  watchers: readonly Pick<Watcher, "name" | "vkey" | "url">[],
  quorum: number | "none",
  change: Partial<LogWitnesses> = {},
): Promise<LogWitnesses> {
  const lines = watchers.map(({ name, vkey, url }) => `witness ${name} ${vkey} ${url}\n`);
  const names = watchers.map(({ name }) => name).join(" ");
  const last = quorum === "none" ? "quorum none\n" : `group all-of-them ${quorum} ${names}\nquorum all-of-them\n`;
  const policy = parsePolicy(lines.join("") + last);
  const witnesses = await Promise.all(watchers.map(askedWitness));
  return { policy, witnesses, timeoutMs: 2000, intervalMs: 0, refreshMs: 600_000, ...change };
}

export async function askedWitness({ name, vkey, url }: Pick<Watcher, "name" | "vkey" | "url">): Promise<AskedWitness> {
  const timeouts = { connectMs: 2000, headersMs: 2000, bodyIdleMs: 2000 };
  const client = createUpstreamClient(
    { clock, random, settings: directSettings, resolve: systemResolve },
    { url, tarballHosts: [], timeouts },
    noCredentials,
  );
  return { name, key: await verifier(vkey), client };
}

/** The newest public checkpoint, opened as somebody does who asks for this policy; undefined when there is none. */
export async function publicCheckpoint(
  checksums: Checksums,
  policy: WitnessPolicy,
  which = 0,
): Promise<WitnessedCheckpoint | undefined> {
  const shard = checksums.logs.list()[which];
  const note = checksums.logs.checkpoint(shard?.shard ?? "");
  return note === undefined
    ? undefined
    : await openWitnessed(note, { ...policy, logs: [{ vkey: shard?.vkey ?? "", url: undefined }] });
}

/** Runs the room until `done` says so. */
export async function runUntil(checksums: Checksums, done: () => Promise<boolean> | boolean): Promise<void> {
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  try {
    await Promise.race([
      running,
      (async () => {
        while (!stop.signal.aborted && !(await done())) await clock.sleep(5);
      })(),
    ]);
  } finally {
    stop.abort();
    await running;
  }
}
