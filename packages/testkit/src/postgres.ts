/**
 * A throw-away PostgreSQL on loopback, for tests. Its files are below the system's temporary folder; it runs
 * as `nobody` when the tests run as root, because PostgreSQL refuses root. About a second to start.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export interface TestPostgres {
  /** Makes an empty UTF8 database and answers its URL. `icu`: a locale that does not sort by bytes. */
  createDatabase(collation: "C" | "icu"): Promise<string>;
  /** Kills the server as a power cut would. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const run = promisify(execFile);
const startTimeoutMs = 30_000;

/**
 * Why there is no PostgreSQL here, or undefined when there is. With ASSAY_REQUIRE_COMPONENTS=1 a missing one
 * throws; without, it is said on the console, and the caller skips.
 */
export function missingPostgres(): string | undefined {
  if (findBinaries() !== undefined) return undefined;
  const reason = "PostgreSQL's server programs (Debian: postgresql-15) were not found";
  if (process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(reason);
  console.warn(`SKIPPED: ${reason}`);
  return reason;
}

/** Starts a server. Ends with `await using`, or with this process. */
export async function startPostgres(): Promise<TestPostgres> {
  const binaries = findBinaries();
  if (binaries === undefined) throw new Error("PostgreSQL's server programs were not found");
  const folder = mkdtempSync(join(tmpdir(), "assay-postgres-"));
  const asServer = unprivileged(folder);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const data = join(folder, "data");
  try {
    const initdb = [join(binaries, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"];
    const [file, args] = asServer([...initdb, "--locale=C", "--no-sync"]);
    await run(file, args);
  } catch (error) {
    remove();
    throw error;
  }
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, `unix_socket_directories=${folder}`];
  const speed = ["fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB"];
  const [file, args] = asServer([
    join(binaries, "postgres"),
    "-D",
    data,
    ...[...settings, ...speed].flatMap((setting) => ["-c", setting]),
  ]);
  // A child of this process, not a daemon: it is reaped as soon as it ends.
  const server = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-8192)));
  const killNow = () => {
    server.kill("SIGKILL");
    remove();
  };
  process.once("exit", killNow);
  const psql = (database: string, command: string) =>
    run(join(binaries, "psql"), ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url(port, database), "-c", command]);
  const end = async (signal: NodeJS.Signals) => {
    await stopped(server, signal);
    process.removeListener("exit", killNow);
    remove();
  };
  try {
    await untilReady(
      server,
      () => psql("postgres", "select 1"),
      () => log,
    );
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  let made = 0;
  return {
    async createDatabase(collation) {
      made += 1;
      const name = `test_${made}`;
      const locale = collation === "C" ? "" : " locale_provider icu icu_locale 'en-US' locale 'C'";
      await psql("postgres", `create database ${name} template template0 encoding 'UTF8'${locale}`);
      return url(port, name);
    },
    kill: () => stopped(server, "SIGKILL"),
    // SIGINT is PostgreSQL's fast shutdown: it ends connections instead of waiting for them.
    [Symbol.asyncDispose]: () => end("SIGINT"),
  };
}

function url(port: number, database: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${database}`;
}

/** The newest folder that holds `initdb`, `postgres` and `psql`. */
function findBinaries(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).filter((name) => /^[0-9]+$/.test(name)) : [];
  const packaged = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, "bin"));
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...packaged, ...onPath].find((folder) =>
    ["initdb", "postgres", "psql"].every((name) => existsSync(join(folder, name))),
  );
}

/** How to run a server program: as it is, or through setpriv when this process is root; then it also dies with it. */
function unprivileged(folder: string): (command: readonly string[]) => [string, string[]] {
  if (process.getuid?.() !== 0) return ([file = "", ...args]) => [file, args];
  const number = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }).trim());
  const user = number("-u");
  const group = number("-g");
  chownSync(folder, user, group);
  const drop = [`--reuid=${user}`, `--regid=${group}`, "--clear-groups", "--pdeathsig=KILL"];
  return (command) => ["setpriv", [...drop, "--", "env", `HOME=${folder}`, ...command]];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function untilReady(server: ChildProcess, ask: () => Promise<unknown>, log: () => string): Promise<void> {
  const until = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (cause) {
      if (server.exitCode !== null || performance.now() > until)
        throw new Error(`PostgreSQL did not start:\n${log()}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function stopped(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((resolve) => server.once("exit", resolve));
  server.kill(signal);
  await exited;
}
