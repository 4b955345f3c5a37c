/** The composition of a monitor: it follows other people's logs, in a state folder of its own. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { AssayError } from "@assay/core";
import { renderRefusal } from "@assay/web";
import { createHttpServer, defaultHttpLimits, type HttpServer } from "./http/server.ts";
import {
  createMonitor,
  monitorMigrations,
  parseExpected,
  parseScopes,
  type Monitor,
  type MonitoredLog,
} from "./monitoring/monitoring.ts";
import { monitorRoutes } from "./monitoring/routes.ts";
import { lockFolder } from "./platform/database/folder-lock.ts";
import { runMigrations } from "./platform/database/migrate.ts";
import { createSqliteDatabase } from "./platform/database/sqlite.ts";
import { createUpstreamClient, noCredentials } from "./platform/network/client.ts";
import { systemResolve } from "./platform/network/dispatchers.ts";
import { directSettings } from "./platform/network/settings.ts";
import { listenProblem, makeOwnFolder } from "./platform/surroundings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { chooseFormat, createLogger } from "./platform/telemetry/logger.ts";
import { createMetrics } from "./platform/telemetry/metrics.ts";
import { gossipRoutes } from "./witnessing/routes-gossip.ts";
import { gossipMigrations } from "./witnessing/witnessing.ts";

export { findingDocument } from "./monitoring/monitoring.ts";
export type { Monitor, MonitoredLog, Round, StoredFinding } from "./monitoring/monitoring.ts";

export interface MonitorConfig {
  /** Absolute path. */
  readonly stateFolder: string;
  readonly logs: readonly MonitoredLog[];
  /** `@scope` or whole names that we publish ourselves. */
  readonly scopes: readonly string[];
  /** File with what CI published; read anew each round. */
  readonly expectedFile: string | undefined;
  readonly expectedGraceMs: number;
  /** Base URL of a registry or mirror to sample, and hosts besides its own from which tarballs may come. */
  readonly registry: { readonly url: string; readonly tarballHosts: readonly string[] } | undefined;
  readonly samplesPerRound: number;
  readonly webhooks: readonly string[];
  /** Where metrics, findings and gossip are answered; undefined: nowhere. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
}

export interface MonitorApp extends AsyncDisposable {
  readonly monitor: Monitor;
  /** Starts to answer, where it is to; the URL. */
  listen(): Promise<string | undefined>;
}

const registryTimeouts = { connectMs: 10_000, headersMs: 60_000, bodyIdleMs: 60_000 };

/** Opens a monitor on its state folder. One process works in a folder. Throws CONFIG, USAGE, BAD_FORMAT. */
export async function createMonitorApp(
  config: MonitorConfig,
  { logTo }: { readonly logTo: Writable & { readonly isTTY?: boolean } },
): Promise<MonitorApp> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const log = createLogger(
    { clock, write: (line) => void logTo.write(line) },
    { level: "info", format: chooseFormat("auto", logTo.isTTY === true) },
  );
  const telemetry = { log, metrics: createMetrics({ processMetrics: true }) };
  const below = (name: string): string => join(config.stateFolder, name);
  const scopes = parseScopes(config.scopes);
  await makeOwnFolder({ title: "The state folder", path: config.stateFolder, advice: "choose another with --state" });
  await using stack = new AsyncDisposableStack();
  stack.use(lockFolder(below("lock.db"), "--state"));
  const database = stack.use(await createSqliteDatabase({ path: below("monitor.db") }));
  await runMigrations({ database, clock }, [gossipMigrations, monitorMigrations]);
  const { registry, expectedFile } = config;
  const client =
    registry &&
    stack.use(
      createUpstreamClient(
        { clock, random, settings: directSettings, resolve: systemResolve },
        { ...registry, timeouts: registryTimeouts },
        noCredentials,
      ),
    );
  const monitor = await createMonitor(
    {
      database,
      clock,
      random,
      telemetry,
      fetch,
      registry: registry && client && { client, host: new URL(registry.url).host },
      readExpected: expectedFile === undefined ? undefined : () => readExpected(expectedFile),
    },
    { ...config, scopes, evidenceFolder: below("evidence") },
  );
  const http = config.listen && stack.use(await createServer(monitor, { clock, random, telemetry }, config.listen));

  const opened = stack.move();
  return {
    monitor,
    async listen() {
      if (http === undefined || config.listen === undefined) return undefined;
      const { listen } = config;
      await http.listen(listen).catch((error: unknown) => {
        throw listenProblem(listen, error);
      });
      return http.publicUrls[0];
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function readExpected(path: string): Promise<ReturnType<typeof parseExpected>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new AssayError("CONFIG", { reason: `--expected names ${path}, which cannot be read.` }, { cause });
  }
  return parseExpected(text);
}

function createServer(
  monitor: Monitor,
  deps: Pick<Parameters<typeof createHttpServer>[0], "clock" | "random" | "telemetry">,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const inUrl = host.includes(":") ? `[${host}]` : host;
  return createHttpServer(
    { ...deps, accessLog: undefined, renderErrorPage: renderRefusal, readMoreUrl: () => undefined },
    {
      publicUrls: [`http://${inUrl}:${port}`, `http://localhost:${port}`],
      trustedProxies: [],
      routes: [monitorRoutes({ monitor }), gossipRoutes(monitor)],
      readiness: [],
      limits: defaultHttpLimits,
    },
  );
}
