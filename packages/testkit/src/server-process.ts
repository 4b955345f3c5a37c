/**
 * Assay as its users run it: a child process with its own data folder and home, on a free loopback port.
 * A server that was stopped or killed can be started again on what it left.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import runtime from "@assay/server/runtime" with { type: "json" };

const repository = path.join(import.meta.dirname, "..", "..", "..");
const commandLine = path.join(repository, "packages", "cli", "src", "main.ts");
/** What people run: finds its Node, keeps compiled code. */
const program = path.join(repository, "packages", "cli", "bin", "assay.mjs");
const compileCache = path.join(repository, ".cache", "compile");

/** Folders that outlive one process: what a restart continues with. */
export interface Installation extends AsyncDisposable {
  /** Passed as `--data`. */
  readonly data: string;
  /** HOME of the server and of every `assay` command run beside it. */
  readonly home: string;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
}

export interface ServerOptions {
  /** Base URL of the upstream; undefined where the configuration names upstreams. */
  readonly upstream?: string;
  /** Text of an `assay.yaml`, written into the installation's home. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** More flags of `assay serve`. */
  readonly flags?: readonly string[];
  /** Started through this program, for example `["taskset", "-c", "1"]`. */
  readonly wrapper?: readonly string[];
  /** Default 20. */
  readonly readyWithinSeconds?: number;
}

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly milliseconds: number;
}

/** A server that answered ready once. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** From spawn until `/-/health/ready` answered 200. */
  readonly readyMilliseconds: number;
  /** stdout and stderr so far. */
  output(): string;
  /** Sends the signal (default SIGTERM) and waits for the end; SIGKILL after 20 s. Idempotent. */
  stop(signal?: NodeJS.Signals): Promise<Ending>;
  /** Resolves when the process ended by itself or by `stop`. */
  readonly ended: Promise<Ending>;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
}

/** Makes empty folders below the system's temporary folder; disposing deletes them. */
export async function createInstallation(): Promise<Installation> {
  const root = mkdtempSync(path.join(tmpdir(), "assay-test-"));
  const port = await freePort();
  const home = path.join(root, "home");
  mkdirSync(home);
  return {
    data: path.join(root, "data"),
    home,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      rmSync(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function environment(installation: Installation, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([key, value]) => value !== undefined && !/^(npm_|ASSAY_|NODE_TEST_CONTEXT|NODE_OPTIONS)/i.test(key),
  );
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    HOME: installation.home,
    XDG_CONFIG_HOME: path.join(installation.home, ".config"),
    XDG_STATE_HOME: path.join(installation.home, ".local", "state"),
    XDG_DATA_HOME: path.join(installation.home, ".local", "share"),
    XDG_CACHE_HOME: path.join(installation.home, ".cache"),
    NO_COLOR: "1",
    ...more,
  };
}

/** Where the text of `ServerOptions.config` stands. */
export function configFile({ home }: Pick<Installation, "home">): string {
  return path.join(home, "assay.yaml");
}

/** Spawns the server without waiting for anything: for tests that kill it while it starts. */
export function spawnServer(installation: Installation, options: ServerOptions): ChildProcess {
  if (options.config !== undefined) writeFileSync(configFile(installation), options.config);
  const command = [
    ...(options.wrapper ?? []),
    process.execPath,
    ...runtime.flags,
    commandLine,
    "serve",
    `--data=${installation.data}`,
    `--port=${installation.port}`,
    ...(options.upstream === undefined ? [] : [`--upstream=${options.upstream}`]),
    ...(options.config === undefined ? [] : [`--config=${configFile(installation)}`]),
    ...(options.flags ?? []),
  ];
  const [file, ...parameters] = command;
  if (file === undefined) throw new Error("nothing to start");
  return spawn(file, parameters, {
    cwd: installation.home,
    env: environment(installation, {
      ...runtime.env,
      NODE_COMPILE_CACHE: compileCache,
      ...options.env,
    }),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Starts a server and waits until it is ready. Throws with its output when it ends before or takes too long. */
export async function startServer(installation: Installation, options: ServerOptions): Promise<ServerProcess> {
  const started = performance.now();
  const child = spawnServer(installation, options);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const output = (): string => Buffer.concat(chunks).toString();
  let endedWith: Ending | undefined;
  let stopAsked = started;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      endedWith = { exitCode, signal, milliseconds: performance.now() - stopAsked };
      resolve(endedWith);
    });
  });

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    if (endedWith !== undefined) return endedWith;
    stopAsked = performance.now();
    child.kill(signal);
    const lastResort = setTimeout(() => child.kill("SIGKILL"), 20_000);
    try {
      return await ended;
    } finally {
      clearTimeout(lastResort);
    }
  }

  const deadline = started + (options.readyWithinSeconds ?? 20) * 1000;
  while (!(await answersReady(installation.url))) {
    if (endedWith !== undefined) {
      throw new Error(`The server ended with ${JSON.stringify(endedWith)}:\n${output()}`);
    }
    if (performance.now() > deadline) {
      await stop("SIGKILL");
      throw new Error(`The server was not ready in time:\n${output()}`);
    }
    await delay(5);
  }
  const readyMilliseconds = performance.now() - started;
  return {
    url: installation.url,
    pid: child.pid ?? 0,
    readyMilliseconds,
    output,
    stop,
    ended,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/-/health/ready`);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  /** To be signalled. */
  readonly child: ChildProcess;
  readonly result: Promise<CommandResult>;
}

/** Runs `assay <parameters>` with the installation's home; `folder` is its working folder. */
export function runAssay(
  installation: Installation,
  parameters: readonly string[],
  folder: string = installation.home,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return startAssay(installation, parameters, folder, env).result;
}

/** Starts what `runAssay` runs. */
export function startAssay(
  installation: Installation,
  parameters: readonly string[],
  folder: string = installation.home,
  env: Readonly<Record<string, string>> = {},
): RunningCommand {
  const child = spawn(process.execPath, [program, ...parameters], {
    cwd: folder,
    env: environment(installation, { NODE_COMPILE_CACHE: compileCache, ...env }),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 180_000,
    killSignal: "SIGKILL",
  });
  const result = new Promise<CommandResult>((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", reject);
    child.once("close", (exitCode) => {
      resolve({
        exitCode,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
  });
  return { child, result };
}

/** Resident memory of a process in bytes, its children not counted (Linux only). */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (line?.[1] === undefined) throw new Error(`no VmRSS of ${pid}`);
  return Number(line[1]) * 1024;
}
