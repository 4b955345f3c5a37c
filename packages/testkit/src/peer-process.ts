/** Servers that are not Assay, started as child processes on loopback for tests and benchmarks. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A running server. Disposing stops it and removes its folder. */
export interface PeerProcess extends AsyncDisposable {
  /** Without a trailing slash. */
  readonly url: string;
  readonly pid: number;
  /** From spawn until it answered. */
  readonly readyMilliseconds: number;
}

export interface PeerStart {
  /** For people, in errors. */
  readonly name: string;
  /** The working folder; removed at the end. */
  readonly folder: string;
  readonly url: string;
  /** A path that answers 2xx as soon as the server is up. */
  readonly probe: string;
  readonly command: readonly [string, ...string[]];
}

/** Starts a program and waits until its probe answers. Throws with what it wrote to stderr when it ends or takes 60 s. */
export async function startPeer({ name, folder, url, probe, command }: PeerStart): Promise<PeerProcess> {
  const begun = performance.now();
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.once("error", (error) => (errors += String(error)));
  while (!(await answers(`${url}${probe}`))) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() - begun > 60_000) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not start: ${errors}`);
    }
    await delay(5);
  }
  return {
    url,
    pid: child.pid ?? 0,
    readyMilliseconds: performance.now() - begun,
    async [Symbol.asyncDispose]() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  const lastResort = setTimeout(() => child.kill("SIGKILL"), 5000);
  await closed;
  clearTimeout(lastResort);
}
