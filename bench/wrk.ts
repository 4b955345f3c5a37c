/** Load from `wrk`, with what it cost the server. */
import { spawn } from "node:child_process";
import { cpuSeconds } from "./processes.ts";

/** One timed round. */
export interface Round {
  readonly requestsPerSecond: number;
  readonly p99Milliseconds: number;
  /** CPU of the server, its children included. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Socket errors, time-outs and answers outside 2xx and 3xx. */
  readonly failures: number;
}

export interface WrkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** The server's process. */
  readonly pid: number;
}

/** True when wrk is there. */
export function hasWrk(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn("wrk", ["--version"], { stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("close", () => resolve(true));
  });
}

/** One thread of wrk for some seconds. Throws when its output cannot be read. */
export async function runWrk(options: WrkOptions): Promise<Round> {
  const headers = Object.entries(options.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const before = cpuSeconds(options.pid);
  const output = await wrkOutput([
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    "--timeout",
    "30s",
    "--latency",
    ...headers,
    options.url,
  ]);
  const cpu = cpuSeconds(options.pid) - before;
  const requests = numberIn(output, /^\s*(\d+) requests in/m);
  return {
    requestsPerSecond: numberIn(output, /^Requests\/sec:\s+([\d.]+)/m),
    p99Milliseconds: milliseconds(/^\s+99%\s+(\S+)/m.exec(output)?.[1]),
    cpuMicrosecondsPerRequest: requests === 0 ? Number.NaN : (cpu * 1e6) / requests,
    failures: failuresIn(output),
  };
}

function wrkOutput(parameters: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("wrk", parameters, { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      const text = Buffer.concat(chunks).toString();
      if (code === 0) resolve(text);
      else reject(new Error(`wrk ended with ${code}: ${text}`));
    });
  });
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`wrk printed something else:\n${text}`);
  return Number(found);
}

function failuresIn(text: string): number {
  const wrongStatus = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return (sockets?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), wrongStatus);
}

/** wrk prints `812.00us`, `1.20ms` or `2.05s`. */
function milliseconds(text: string | undefined): number {
  const parts = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "");
  if (parts === null) return Number.NaN;
  const factors: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  return Number(parts[1]) * (factors[parts[2] ?? ""] ?? Number.NaN);
}
