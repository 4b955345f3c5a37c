/** The servers that are compared, each started on a free loopback port with an empty store. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createInstallation, freePort, startServer } from "@assay/testkit/server-process";
import { cacheFolder } from "./recording.ts";

export type ContenderName = "Assay" | "Verdaccio" | "nginx";

/** A running server. */
export interface Contender extends AsyncDisposable {
  readonly name: ContenderName;
  readonly url: string;
  readonly pid: number;
  /** From spawn until it answered. */
  readonly readyMilliseconds: number;
}

/** Starts Assay on fresh folders. */
export async function startAssay(upstream: string): Promise<Contender> {
  const installation = await createInstallation();
  const server = await startServer(installation, { upstream });
  return {
    name: "Assay",
    url: server.url,
    pid: server.pid,
    readyMilliseconds: server.readyMilliseconds,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await installation[Symbol.asyncDispose]();
    },
  };
}

const verdaccioFolder = path.join(cacheFolder, "verdaccio");
const verdaccioProgram = path.join(verdaccioFolder, "node_modules", "verdaccio", "bin", "verdaccio");

/** Installs Verdaccio on first use. False when that fails: it is then left out, by name. */
export async function installVerdaccio(say: (line: string) => void): Promise<boolean> {
  if (existsSync(verdaccioProgram)) return true;
  say("Installing Verdaccio 6.10.4 for comparison (first use) …");
  mkdirSync(verdaccioFolder, { recursive: true });
  const manifest = {
    name: "bench-verdaccio",
    private: true,
    dependencies: { verdaccio: "6.10.4" },
    overrides: { "node-fetch": "2.7.0" },
  };
  writeFileSync(path.join(verdaccioFolder, "package.json"), JSON.stringify(manifest));
  const child = spawn("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: verdaccioFolder,
    stdio: "ignore",
  });
  const code = await new Promise((resolve) => {
    child.once("error", () => resolve(1));
    child.once("close", resolve);
  });
  return code === 0 && existsSync(verdaccioProgram);
}

/** Starts Verdaccio with its usual settings and quiet logs, reading through to the upstream. */
export async function startVerdaccio(upstream: string): Promise<Contender> {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-verdaccio-"));
  const port = await freePort();
  const config = path.join(folder, "config.yaml");
  writeFileSync(
    config,
    [
      `storage: ${path.join(folder, "storage")}`,
      `listen: 127.0.0.1:${port}`,
      `uplinks: { up: { url: "${upstream}/", maxage: 60m } }`,
      `packages: { "@*/*": { access: $all, proxy: up }, "**": { access: $all, proxy: up } }`,
      `web: { enable: false }`,
      `log: { type: stdout, format: json, level: fatal }`,
      "",
    ].join("\n"),
  );
  return started("Verdaccio", folder, `http://127.0.0.1:${port}`, "/-/ping", [
    process.execPath,
    verdaccioProgram,
    "--config",
    config,
  ]);
}

/** A file that nginx answers a path with, as it is. */
export interface StaticFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
}

/** Starts nginx with one worker, access log off, serving the files from disk with `sendfile`. */
export async function startNginx(files: readonly StaticFile[]): Promise<Contender> {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-nginx-"));
  const port = await freePort();
  const locations = files.map((file, index) => {
    const where = path.join(folder, `file-${index}`);
    writeFileSync(where, file.bytes);
    const encoding = file.contentEncoding === undefined ? "" : `add_header Content-Encoding ${file.contentEncoding};`;
    return `location = ${file.path} { default_type ${file.contentType}; ${encoding} alias ${where}; }`;
  });
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${path.join(folder, kind)};`)
    .join("\n");
  const config = path.join(folder, "nginx.conf");
  // As root, workers drop to an unprivileged account that could not read a private temporary folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  writeFileSync(
    config,
    `${user}
daemon off;
worker_processes 1;
pid ${path.join(folder, "pid")};
error_log ${path.join(folder, "error.log")};
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  ${temp}
  server {
    listen 127.0.0.1:${port};
    location = /-/ping { default_type application/json; return 200 "{}"; }
    ${locations.join("\n    ")}
  }
}
`,
  );
  return started("nginx", folder, `http://127.0.0.1:${port}`, "/-/ping", [
    "nginx",
    "-p",
    folder,
    "-c",
    config,
    "-e",
    path.join(folder, "error.log"),
  ]);
}

async function started(
  name: ContenderName,
  folder: string,
  url: string,
  probe: string,
  command: readonly [string, ...string[]],
): Promise<Contender> {
  const begun = performance.now();
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.once("error", (error) => (errors += String(error)));
  while (!(await answers(`${url}${probe}`))) {
    if (child.exitCode !== null || performance.now() - begun > 60_000) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not start: ${errors}`);
    }
    await delay(5);
  }
  return {
    name,
    url,
    pid: child.pid ?? 0,
    readyMilliseconds: performance.now() - begun,
    async [Symbol.asyncDispose]() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
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
