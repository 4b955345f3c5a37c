/** A real witness on a loopback socket, and a log that asks it. For tests only. */
import { Writable } from "node:stream";
import { formatAddCheckpoint, openWitnessed } from "@assay/core";
import type { WitnessedCheckpoint } from "@assay/core";
import type { TinyLog } from "@assay/testkit/tiny-log";
import type { WitnessConfig } from "../config/witness.ts";
import { createWitnessApp, type WitnessApp } from "../witness-app.ts";

export interface TestWitness extends AsyncDisposable {
  readonly app: WitnessApp;
  readonly url: string;
  /** Log lines. */
  readonly lines: string[];
  /** Asks for the first `size` entries of a log, with a proof from `oldSize`. */
  ask(log: TinyLog, oldSize: number, size: number): Promise<WitnessAnswer>;
  /** Posts any body. */
  post(body: string | Uint8Array, headers?: Record<string, string>): Promise<WitnessAnswer>;
  get(path: string): Promise<WitnessAnswer>;
  /** The note with the lines of an answer, opened as a policy that wants this witness does. */
  open(log: TinyLog, note: string): Promise<WitnessedCheckpoint>;
}

export interface WitnessAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export function witnessConfig(folder: string, change: Partial<WitnessConfig> = {}): WitnessConfig {
  return {
    dataFolder: folder,
    listen: { host: "127.0.0.1", port: 0 },
    publicUrls: ["http://127.0.0.1:0"],
    loopbackOnly: true,
    trustedProxies: [],
    name: "witness.example.com/w1",
    keys: "ed25519",
    logs: [],
    perMinute: 60_000,
    logging: { level: "info", format: "json" },
    ...change,
  };
}

/** Starts a witness of these logs on what is in the folder. */
export async function startWitness(
  folder: string,
  logs: readonly TinyLog[],
  change: Partial<WitnessConfig> = {},
): Promise<TestWitness> {
  const lines: string[] = [];
  const logTo = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trimEnd().split("\n"));
      done();
    },
  });
  const config = witnessConfig(folder, { logs: logs.map(({ vkey }) => ({ vkey, url: undefined })), ...change });
  const app = await createWitnessApp(config, { logTo });
  await app.listen();
  const { url, vkeys } = app;

  async function send(path: string, init: RequestInit = {}): Promise<WitnessAnswer> {
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, body: await response.text(), headers: response.headers };
  }

  const post: TestWitness["post"] = (body, headers = {}) =>
    send("/add-checkpoint", { method: "POST", headers, body: typeof body === "string" ? body : Uint8Array.from(body) });

  return {
    app,
    url,
    lines,
    post,
    get: (path) => send(path),
    ask: async (log, oldSize, size) => post(await askBody(log, oldSize, size)),
    open: (log, note) =>
      openWitnessed(note, {
        logs: [{ vkey: log.vkey, url: undefined }],
        witnesses: vkeys.map((vkey, i) => ({ name: `w${i}`, vkey, url: undefined })),
        groups: [{ name: "all", threshold: vkeys.length, members: vkeys.map((_, i) => `w${i}`) }],
        quorum: "all",
      }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** The body with which a log asks for its first `size` entries. */
export async function askBody(log: TinyLog, oldSize: number, size: number): Promise<string> {
  const proof = oldSize <= size ? await log.consistency(oldSize, size) : [];
  return formatAddCheckpoint({ oldSize, proof, checkpoint: await log.checkpoint(size) });
}

/** Appends `count` entries that no other log with this `story` lacks. */
export function grow(log: TinyLog, count: number, story = "a"): TinyLog {
  for (let i = 0; i < count; i += 1) log.append(`entry ${log.size()} of story ${story}\n`);
  return log;
}
