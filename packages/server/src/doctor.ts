import { hash } from "node:crypto";
import { access, constants, readdir, stat, statfs } from "node:fs/promises";
import { join, relative } from "node:path";
import { fromBase64, integrityHex, toHex } from "@assay/core";
import { checkLog, checkWitnesses, type Bind, type LogWitnesses } from "./checksums/checksums.ts";
import { bindOfClaim } from "./checksums/claim-text.ts";
import { claimsPage, newestClaimId } from "./checksums/store-claims.ts";
import type { Config } from "./config/config.ts";
import { loadConfig, type Flags } from "./config/load.ts";
import { failed, fine, messageOf, warning, type DoctorFinding } from "./doctor-finding.ts";
import { checkFollowed } from "./doctor-followed-log.ts";
import { checkPutAside, checkUpstream } from "./doctor-upstreams.ts";
import { openLogWitnesses } from "./log-witnesses.ts";
import { checkQuotas } from "./doctor-quotas.ts";
import { checkSweep } from "./doctor-sweep.ts";
import type { BlobStore } from "./platform/blobs/blobs.ts";
import { createFileBlobStore } from "./platform/blobs/files.ts";
import { blobKey } from "./platform/blobs/key.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database/database.ts";
import { openDatabase } from "./platform/database/open.ts";
import { openLogClient, openUpstreamClients } from "./platform/network/clients.ts";
import type { UpstreamClient } from "./platform/network/network.ts";
import type { Random } from "./platform/random.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { createLogger } from "./platform/telemetry/logger.ts";
import { createMetrics } from "./platform/telemetry/metrics.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";

export type { DoctorFinding } from "./doctor-finding.ts";

export interface DoctorDependencies {
  readonly clock: Clock;
  /** By alias; of every upstream. */
  readonly clients: ReadonlyMap<string, UpstreamClient>;
  /** Aliases of upstreams that are asked with credentials. */
  readonly withCredentials: ReadonlySet<string>;
  /** Whom the log asks for cosignatures. */
  readonly witnesses: LogWitnesses;
  /** `process.versions.node` and `process.versions.sqlite`. */
  readonly versions: { readonly node: string; readonly sqlite: string | undefined };
  /** The way to the followed log; undefined where none is followed. */
  readonly followedClient?: UpstreamClient | undefined;
  /** Opens what is stored, for the doctor to close; undefined when nothing is. Called only when there is a data folder. */
  readonly openStores: () => Promise<DoctorStores | undefined>;
}

export interface DoctorStores extends AsyncDisposable {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/**
 * `runDoctor` over the installation that these flags and this environment configure. What is stored is opened as it
 * is: no migration runs, no key and no log is made. Throws CONFIG when the configuration is refused.
 */
export async function* doctor(given: {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}): AsyncGenerator<DoctorFinding, void, undefined> {
  const { config, secrets } = await loadConfig(given);
  const clock = createSystemClock();
  const random = createSystemRandom();
  await using clients = await openUpstreamClients({ clock, random }, config, secrets);
  await using witnesses = await openLogWitnesses({ clock, random }, config, secrets);
  await using followed = await openLogClient({ clock, random }, config, secrets);
  // What the rooms would log is what the findings say.
  const log = createLogger({ clock, write: () => {} }, { level: "error", format: "json" });
  const telemetry = { log, metrics: createMetrics({ processMetrics: false }) };
  const { node, sqlite } = process.versions;
  yield* runDoctor(
    {
      clock,
      clients: clients.byAlias,
      followedClient: followed.client,
      withCredentials: new Set(
        config.upstreams
          .filter(({ name, tls }) => tls !== undefined || secrets.upstreams.get(name)?.authorization !== undefined)
          .map(({ name }) => name),
      ),
      witnesses,
      versions: { node, sqlite },
      async openStores() {
        const path = join(config.dataFolder, "assay.db");
        // Opening would make it.
        if (config.database.engine === "sqlite" && !(await exists(path))) return undefined;
        const database = await openDatabase(
          { clock, random },
          config.database.engine === "sqlite"
            ? { engine: "sqlite", path }
            : { engine: "postgres", url: secrets.databaseUrl ?? "" },
        );
        const folder = join(config.dataFolder, "blobs");
        const blobs = await createFileBlobStore({ random }, { folder });
        return {
          database,
          blobs,
          random,
          telemetry,
          [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
        };
      },
    },
    config,
  );
}

/**
 * Checks an installation from the outside in, and yields each finding as soon as it is known. Changes nothing.
 * It may run beside a server. Never throws for what it checks: what cannot be checked is a finding.
 */
export async function* runDoctor(
  deps: DoctorDependencies,
  config: Config,
): AsyncGenerator<DoctorFinding, void, undefined> {
  yield checkNode(deps.versions.node);
  if (config.database.engine === "sqlite") yield checkSqlite(deps.versions.sqlite);
  yield* guarded("upstream", () => checkUpstreams(deps, config));
  const { followedClient } = deps;
  const checkFollowing = (database: Database | undefined) =>
    followedClient === undefined ? [] : checkFollowed({ clock: deps.clock, client: followedClient, database }, config);
  const hasData = await exists(config.dataFolder);
  if (!hasData) {
    yield* guarded("followed log", () => checkFollowing(undefined));
    yield warning(
      "data",
      `There is no data folder ${config.dataFolder} yet.`,
      "assay serve makes it; or name the right one with --data.",
    );
    return;
  }
  yield* guarded("disk", () => checkDisk(config.dataFolder));
  yield* guarded("permissions", () => checkPermissions(config));
  yield* guarded("guard", () => checkGuardFolder(config));
  try {
    await using stores = await deps.openStores();
    yield* guarded("followed log", () => checkFollowing(stores?.database));
    if (stores === undefined) {
      yield warning("log", "Nothing is stored yet.", "assay serve makes the log and its key.");
      return;
    }
    yield* guarded("put-aside", () => checkPutAside(stores, deps.clock, config));
    yield* guarded("log", () => checkLogs(stores, config));
    yield* guarded("witnesses", () => checkLogWitnesses(deps, stores));
    yield* guarded("blobs", () => checkBlobs(stores));
    yield* guarded("quotas", () => checkQuotas(stores.database, config));
    yield* guarded("sweep", () => checkSweep({ clock: deps.clock, read: stores.database.read }, config));
  } catch (error) {
    yield failed(
      "database",
      `What is stored cannot be opened: ${messageOf(error)}`,
      "Run assay serve and read what it says.",
    );
  }
}

async function* checkUpstreams(
  { clock, clients, withCredentials }: DoctorDependencies,
  { upstreams }: Config,
): AsyncGenerator<DoctorFinding, void, undefined> {
  for (const upstream of upstreams) {
    const client = clients.get(upstream.name);
    if (client === undefined) continue;
    yield* checkUpstream({ clock, client, hasCredentials: withCredentials.has(upstream.name) }, upstream);
  }
}

type Findings = AsyncIterable<DoctorFinding> | Iterable<DoctorFinding>;

async function* guarded(
  check: string,
  run: () => Findings | Promise<Findings>,
): AsyncGenerator<DoctorFinding, void, undefined> {
  try {
    yield* await run();
  } catch (error) {
    yield failed(check, `This could not be checked: ${messageOf(error)}`, "Put that right and run assay doctor again.");
  }
}

function checkNode(version: string): DoctorFinding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major >= 26 || (major === 24 && minor >= 15)
    ? fine("node", `Node.js ${version}.`)
    : failed("node", `Node.js ${version} is not supported.`, "Use 24.15 or later of version 24, or 26 and later.");
}

/** Older ones have known faults; what we read of them needs hostile SQL or files, which never get near, but scanners report them. */
const goodSqlite = [3, 54] as const;

function checkSqlite(version: string | undefined): DoctorFinding {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major > goodSqlite[0] || (major === goodSqlite[0] && minor >= goodSqlite[1])
    ? fine("sqlite", `SQLite ${version}.`)
    : warning(
        "sqlite",
        `SQLite ${version ?? "of an unknown version"} is older than ${goodSqlite.join(".")}.`,
        "Use a Node.js that brings a newer one as soon as there is one.",
      );
}

const gib = 1024 ** 3;

async function checkDisk(folder: string): Promise<DoctorFinding[]> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const words = `${(free / gib).toFixed(1)} GiB are free for ${folder}.`;
  const advice = "Free some space or move the data folder: a full disk stops every new package.";
  if (free < gib / 4) return [failed("disk", words, advice)];
  return [free < 2 * gib ? warning("disk", words, advice) : fine("disk", words)];
}

async function* checkPermissions(config: Config): AsyncGenerator<DoctorFinding, void, undefined> {
  const { dataFolder } = config;
  const problems: DoctorFinding[] = [];
  const folder = await stat(dataFolder);
  if (!folder.isDirectory())
    problems.push(failed("permissions", `${dataFolder} is not a folder.`, "Name another one with --data."));
  if ((folder.mode & 0o022) !== 0)
    problems.push(
      failed(
        "permissions",
        `Others may write to ${dataFolder}.`,
        `Run chmod go-w ${dataFolder}, and find out who did.`,
      ),
    );
  if (!(await mayUse(dataFolder)))
    problems.push(
      failed("permissions", `${dataFolder} cannot be read and written by this user.`, "Run as the user that owns it."),
    );
  for (const path of await keyFiles(join(dataFolder, "keys"))) {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0)
      problems.push(
        failed(
          "permissions",
          `The key ${relative(dataFolder, path)} is open to group or others (mode ${(mode & 0o777).toString(8)}).`,
          `Run chmod 600 ${path}, and consider the key stolen if others could read it.`,
        ),
      );
  }
  if (problems.length === 0) yield fine("permissions", "Data folder and keys belong to this user alone.");
  yield* problems;
}

async function keyFiles(folder: string): Promise<readonly string[]> {
  if (!(await exists(folder))) return [];
  const names = await readdir(folder);
  return names.map((name) => join(folder, name));
}

async function checkGuardFolder({ log: { guardFolder }, dataFolder }: Config): Promise<DoctorFinding[]> {
  const inside = !relative(dataFolder, guardFolder).startsWith("..");
  if (inside)
    return [
      failed(
        "guard",
        `The second copy of the signing guard is inside the data folder (${guardFolder}).`,
        "Name a folder elsewhere: a restored backup would bring an old guard with it.",
      ),
    ];
  if (!(await exists(guardFolder)))
    return [
      warning(
        "guard",
        `There is no guard folder ${guardFolder} yet.`,
        "assay serve makes it with the first signature.",
      ),
    ];
  return (await mayUse(guardFolder))
    ? [fine("guard", `The signing guard has its second copy in ${guardFolder}.`)]
    : [failed("guard", `${guardFolder} cannot be read and written by this user.`, "Run as the user that owns it.")];
}

/** Entries of each shard that are read. */
const checkedEntries = 10_000;

async function* checkLogs(stores: DoctorStores, config: Config): AsyncGenerator<DoctorFinding, void, undefined> {
  const { guardFolder } = config.log;
  const findings = await checkLog(stores, { guardFolder, entries: checkedEntries });
  if (findings.length === 0)
    yield fine("log", `The log agrees with itself, its keys and its guard (newest ${checkedEntries} entries).`);
  for (const { severity, shard, message } of findings)
    yield severity === "warning"
      ? warning("log", `${shard}: ${message}.`, "The next start of assay serve repairs what can be made again.")
      : failed(
          "log",
          `${shard}: ${message}.`,
          "Do not go on signing: compare with a backup and with what clients saw.",
        );
}

async function* checkLogWitnesses(
  { clock, witnesses }: DoctorDependencies,
  stores: DoctorStores,
): AsyncGenerator<DoctorFinding, void, undefined> {
  for await (const { outcome, message } of checkWitnesses({ clock, ...stores }, witnesses))
    if (outcome === "ok") yield fine("witnesses", message);
    else if (outcome === "warning")
      yield warning("witnesses", message, "Ask its operator; docs/operations/quorum.md says what goes on meanwhile.");
    else yield failed("witnesses", message, "Do not go on signing: somebody holds a longer or another log.");
}

/** Newest binds whose blobs are looked at, and how many of these are read and hashed. */
const sampledBinds = 200;
const hashedBinds = 20;
/** Larger ones are only measured. */
const mostHashedBytes = 16 * 1024 * 1024;

async function* checkBlobs(stores: DoctorStores): AsyncGenerator<DoctorFinding, void, undefined> {
  const { database, blobs } = stores;
  const newest = await newestClaimId(database.read, "npm");
  const page = await claimsPage(database.read, "npm", Math.max(0, newest - sampledBinds), sampledBinds);
  const binds = page
    .filter(({ facts }) => facts.startsWith("assay/v1 bind\n"))
    .map(({ facts }) => bindOfClaim(facts, 0));
  let wrong = 0;
  for (const [position, bind] of binds.entries()) {
    const problem = await blobProblem(blobs, bind, position >= binds.length - hashedBinds);
    if (problem === undefined) continue;
    wrong += 1;
    yield failed(
      "blobs",
      `${bind.name}@${bind.version}: ${problem}.`,
      "Restore the blob from a backup; it cannot be served meanwhile.",
    );
  }
  if (wrong === 0) yield fine("blobs", `Every one of the newest ${binds.length} bound releases has its bytes.`);
}

async function blobProblem(blobs: BlobStore, bind: Bind, isHashed: boolean): Promise<string | undefined> {
  const hex = integrityHex(bind.integrity);
  const tarball = blobKey("tarball", "sha512", hex);
  const found = await blobs.stat(tarball);
  if (found === undefined) return "it is bound, but its tarball is not stored";
  if (found.sizeBytes !== bind.sizeBytes)
    return `its tarball has ${found.sizeBytes} bytes, bound are ${bind.sizeBytes}`;
  if (isHashed && found.sizeBytes <= mostHashedBytes) {
    const bytes = await blobs.read(tarball);
    if (bytes === undefined || hash("sha512", bytes, "hex") !== hex)
      return "its tarball does not have the bound digest";
  }
  const manifest = blobKey("manifest", "sha256", toHex(fromBase64(bind.manifest.slice("sha256-".length))));
  return (await blobs.stat(manifest)) === undefined ? "its manifest fragment is not stored" : undefined;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function mayUse(folder: string): Promise<boolean> {
  return await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
