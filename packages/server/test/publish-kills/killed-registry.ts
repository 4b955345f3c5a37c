/** A registry whose process is killed again and again, on SQLite or PostgreSQL. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import {
  createInstallation,
  runAssay,
  spawnServer,
  startServer,
  type CommandResult,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { configuration as ofAcme, prepareInstallation } from "../publisher.ts";
import { walState, watchPostgres, withPostgres, withSqliteCopy, type Tables } from "./tables.ts";

export interface KilledRegistry extends AsyncDisposable {
  readonly installation: Installation;
  readonly env: Readonly<Record<string, string>>;
  start(): Promise<ServerProcess>;
  /** Starts a server and kills it after this time, ready or not. */
  killWhileStarting(afterMs: number): Promise<void>;
  /** As ada. */
  ask(at: string): Promise<RawAnswer>;
  publish(body: string, name: string): Promise<RawAnswer>;
  /** Another text after each commit. */
  committed(): Promise<string>;
  /** For when no server runs. */
  withTables<T>(use: (tables: Tables) => Promise<T>): Promise<T>;
  /** As if the dead server's lead of the logs had fallen, which on PostgreSQL takes four seconds. For when no server runs. */
  dropLead(): Promise<void>;
  /** Paths below the data folder, for when no server runs. */
  files(folder: string): readonly string[];
  assay(...args: readonly string[]): Promise<CommandResult>;
}

const configuration = `${ofAcme}  - {names: ["@umbrella/*"], organisation: umbrella, visibility: public}\npublish: {burstPackages: 0}\n`;

/** `databaseUrl` of an empty database on PostgreSQL; undefined: SQLite. */
export async function createKilledRegistry(databaseUrl: string | undefined): Promise<KilledRegistry> {
  const installation = await createInstallation();
  const env = databaseUrl === undefined ? {} : { ASSAY_DATABASE_URL: databaseUrl };
  const token = await prepareInstallation(installation, configuration, { env });
  const watching = databaseUrl === undefined ? undefined : await watchPostgres(databaseUrl);
  const options = { config: configuration, env, readyWithinSeconds: 120 };
  const authorization = `Bearer ${token}`;
  return {
    installation,
    env,
    start: () => startServer(installation, options),
    async killWhileStarting(afterMs) {
      const child = spawnServer(installation, options);
      const ended = new Promise((resolve) => child.once("close", resolve));
      await delay(afterMs);
      child.kill("SIGKILL");
      await ended;
    },
    ask: (at) => rawRequest(installation.url, at, { headers: { authorization } }),
    publish: (body, name) =>
      rawRequest(installation.url, `/${name.replace("/", "%2f")}`, {
        method: "PUT",
        headers: { authorization, "content-type": "application/json" },
        body,
      }),
    committed: () =>
      watching === undefined ? walState(installation.data) : watching.query("select count(*) from hosted_versions"),
    withTables: (use) =>
      databaseUrl === undefined ? withSqliteCopy(installation.data, use) : withPostgres(databaseUrl, use),
    dropLead: async () => void (await watching?.query("update log_leads set is_held = 0")),
    files(folder) {
      const at = path.join(installation.data, folder);
      if (!existsSync(at)) return [];
      return readdirSync(at, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(installation.data, path.join(entry.parentPath, entry.name)));
    },
    assay: (...args) =>
      runAssay(installation, [...args, `--data=${installation.data}`], installation.home, {
        ...env,
        ASSAY_CONFIG: path.join(installation.home, "assay.yaml"),
      }),
    async [Symbol.asyncDispose]() {
      await watching?.[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}
