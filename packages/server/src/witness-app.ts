/** The composition of a witness: a small server of its own, without any room of the registry. */
import { join } from "node:path";
import type { Writable } from "node:stream";
import type { Cosigner } from "@assay/core";
import { renderRefusal } from "@assay/web";
import about from "../package.json" with { type: "json" };
import type { WitnessConfig } from "./config/witness.ts";
import { createHttpServer, defaultHttpLimits } from "./http/server.ts";
import { createBackgroundRun } from "./platform/background-run.ts";
import { lockFolder } from "./platform/database/folder-lock.ts";
import { runMigrations } from "./platform/database/migrate.ts";
import { createSqliteDatabase } from "./platform/database/sqlite.ts";
import type { Random } from "./platform/random.ts";
import { listenProblem, makeOwnFolder } from "./platform/surroundings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { chooseFormat, createLogger } from "./platform/telemetry/logger.ts";
import { createMetrics } from "./platform/telemetry/metrics.ts";
import { cosignerKey, cosignerName } from "./signing/signing.ts";
import { witnessWelcome } from "./witness-welcome.ts";
import { witnessRoutes } from "./witnessing/routes.ts";
import { gossipRoutes } from "./witnessing/routes-gossip.ts";
import { createWitness, gossipMigrations, witnessMigrations, type Gossip } from "./witnessing/witnessing.ts";

export interface WitnessApp extends AsyncDisposable {
  listen(): Promise<void>;
  /** The first public URL, with the real port once it is listening. */
  readonly url: string;
  readonly gossip: Gossip;
  /** vkeys of its cosignatures. */
  readonly vkeys: readonly string[];
  /** What the operator and the operator of a log need, for the terminal. */
  welcome(): string;
  /** Stops accepting and lets requests under way finish for at most this long. */
  drain(graceMs: number): Promise<void>;
}

export interface WitnessAppOptions {
  readonly logTo: Writable & { readonly isTTY?: boolean };
  /** Called between what was made durable and the answer; tests die there. */
  readonly crashPoint?: () => void;
}

/**
 * Opens a witness below its data folder: key (made at the first start), database, server. One process works in a
 * folder. Throws CONFIG for what the operator can put right.
 */
export async function createWitnessApp(
  config: WitnessConfig,
  { logTo, crashPoint }: WitnessAppOptions,
): Promise<WitnessApp> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const log = createLogger(
    { clock, write: (line) => void logTo.write(line) },
    { level: config.logging.level, format: chooseFormat(config.logging.format, logTo.isTTY === true) },
  );
  const telemetry = { log, metrics: createMetrics({ processMetrics: true }) };
  const below = (name: string): string => join(config.dataFolder, name);
  await makeOwnFolder({ title: "The data folder", path: config.dataFolder, advice: "choose another with --data" });
  await using stack = new AsyncDisposableStack();
  stack.use(lockFolder(below("lock.db")));
  const database = stack.use(await createSqliteDatabase({ path: below("witness.db") }));
  await runMigrations({ database, clock }, [witnessMigrations, gossipMigrations]);
  const cosigners = await openKeys(random, config, below("keys"));
  const witness = await createWitness(
    { database, clock, random, telemetry, fetch, cosigners, ...(crashPoint && { crashPoint }) },
    { logs: config.logs, perMinute: config.perMinute, evidenceFolder: below("evidence") },
  );
  const http = stack.use(
    await createHttpServer(
      { clock, random, telemetry, accessLog: undefined, renderErrorPage: renderRefusal, readMoreUrl: () => undefined },
      {
        publicUrls: config.publicUrls,
        trustedProxies: config.trustedProxies,
        routes: [witnessRoutes({ witness }), gossipRoutes(witness)],
        readiness: [{ name: "database", check: async () => void (await witness.logs()) }],
        limits: defaultHttpLimits,
      },
    ),
  );

  const background = stack.use(createBackgroundRun());
  const opened = stack.move();
  return {
    async listen() {
      await http.listen(config.listen).catch((error: unknown) => {
        throw listenProblem(config.listen, error);
      });
      background.start(witness.gossip.run);
    },
    get url() {
      return http.publicUrls[0] ?? "";
    },
    gossip: witness.gossip,
    vkeys: witness.vkeys,
    welcome: () =>
      witnessWelcome({ version: about.version, config, publicUrls: http.publicUrls, vkeys: witness.vkeys }),
    drain: (graceMs) => http.close(graceMs),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openKeys(random: Random, config: WitnessConfig, keyFolder: string): Promise<readonly Cosigner[]> {
  const name = config.name ?? (await cosignerName(keyFolder)) ?? defaultName(random, config);
  const ed25519 = await cosignerKey({ random }, { keyFolder, name, kind: "ed25519" });
  if (config.keys === "ed25519") return [ed25519];
  return [ed25519, await cosignerKey({ random }, { keyFolder, name, kind: "ml-dsa-44" })];
}

/** The first public URL without its scheme; on loopback, where that would be everybody's, a random name. */
function defaultName(random: Random, { loopbackOnly, publicUrls }: WitnessConfig): string {
  if (loopbackOnly) return `assay.invalid/${Buffer.from(random.bytes(8)).toString("hex")}/witness`;
  return (publicUrls[0] ?? "").replace(/^https?:\/\//, "");
}
