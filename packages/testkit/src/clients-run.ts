/** Runs a package manager in a world of its own: no inherited configuration, caches or credentials. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { clientsFolder } from "./install-clients.ts";

/** What a run of a client gave. */
export interface ClientRun {
  /** Exit code, or null when it was killed. */
  readonly exitCode: number | null;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** Where a client works. */
export interface Surroundings {
  /** The project: a folder with a package.json. */
  readonly project: string;
  /** HOME of the run; configuration files of the user are read from here and nowhere else. */
  readonly home: string;
  /** The client's cache: an empty folder is a cold start, the folder of an earlier run a warm one. */
  readonly cache: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run in a terminal of its own: some clients ask nothing, and wait for nobody, elsewhere. Default false. */
  readonly terminal?: boolean;
  /** Called with all that it wrote so far, whenever it wrote more. */
  readonly watch?: (output: string) => void;
  /** Lines to type, each when its prompt has appeared behind the one before. Default: nothing can be typed. */
  readonly answers?: readonly { readonly prompt: RegExp; readonly line: string }[];
  /** Killed after this time. Default 300. */
  readonly timeoutSeconds?: number;
}

/**
 * What a client may inherit: how to reach the network, nothing else. An `npm_config_…` of the surrounding npm
 * would silently point every client elsewhere.
 */
const inherited = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
];

/** Path of a file inside an installed client. */
export function clientFile(...segments: string[]): string {
  return path.join(clientsFolder, "node_modules", ...segments);
}

/** Runs a client's program and waits for its end. A kill by time-out shows as exit code null. */
export function runClient(command: readonly [string, ...string[]], where: Surroundings): Promise<ClientRun> {
  mkdirSync(where.home, { recursive: true });
  mkdirSync(where.cache, { recursive: true });
  const network = Object.fromEntries(
    inherited.flatMap((key) => {
      const value = process.env[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const env = {
    ...network,
    PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: where.home,
    XDG_CACHE_HOME: where.cache,
    XDG_CONFIG_HOME: path.join(where.home, "config"),
    XDG_DATA_HOME: path.join(where.cache, "data"),
    XDG_STATE_HOME: path.join(where.cache, "state"),
    CI: "1",
    NO_COLOR: "1",
    DO_NOT_TRACK: "1",
    ...where.env,
  };
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // `script` gives its child a terminal and ends as it ends.
  const [file, ...parameters] = where.terminal === true ? (["script", "-qefc", quoted, "/dev/null"] as const) : command;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(file, parameters, {
      cwd: where.project,
      env,
      stdio: [where.answers === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      timeout: (where.timeoutSeconds ?? 300) * 1000,
      killSignal: "SIGKILL",
    });
    const output: Buffer[] = [];
    const left = [...(where.answers ?? [])];
    let answered = 0;
    const take = (chunk: Buffer): void => {
      output.push(chunk);
      const text = Buffer.concat(output).toString();
      where.watch?.(text);
      const next = left[0];
      if (next === undefined || !next.prompt.test(text.slice(answered))) return;
      left.shift();
      answered = text.length;
      child.stdin?.write(`${next.line}\n`);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    child.once("error", reject);
    child.once("close", (exitCode) => {
      resolve({
        exitCode,
        output: Buffer.concat(output).toString(),
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
}
