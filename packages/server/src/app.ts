/** The composition root: the only file that wires adapters to rooms. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { noWitnesses, parsePolicy } from "@assay/core";
import { renderRefusal } from "@assay/web";
import about from "../package.json" with { type: "json" };
import { createAdmission, type Admission } from "./admission/admission.ts";
import { createChecksums, type Checksums, type RemoteLogConfig } from "./checksums/checksums.ts";
import { logOnlyRoutes } from "./checksums/routes-log-only.ts";
import { logRoutes } from "./checksums/routes.ts";
import { openClosure, type Closure } from "./closure/closure.ts";
import { createLogGossip } from "./log-gossip.ts";
import { gossipRoutes } from "./witnessing/routes-gossip.ts";
import type { Gossip } from "./witnessing/witnessing.ts";
import type { Config, FollowedLogConfig, UpstreamConfig } from "./config/config.ts";
import type { LoadedConfig } from "./config/load.ts";
import { rememberUpstream } from "./config/remember.ts";
import { urlInWords } from "./config/urls.ts";
import { createDelegations, openDelegatedNames, type Delegations } from "./delegation/delegation.ts";
import { createBackground } from "./background.ts";
import { accessLogSink, createAccessLog } from "./http/access-log.ts";
import { createHttpServer, defaultHttpLimits, type HttpServer } from "./http/server.ts";
import { createIdentity, createProvider, identityRoutes, openHostedNames, openVault } from "./identity/identity.ts";
import type { HostedNames, People, Provider } from "./identity/identity.ts";
import { createAuditTrail, type AuditTrail } from "./insight/insight.ts";
import { openHosting, type Hosting } from "./hosting.ts";
import { createMirroring, type Mirroring } from "./mirroring/mirroring.ts";
import { clearTemporaryBlobs } from "./platform/blobs/files.ts";
import type { BlobStore } from "./platform/blobs/blobs.ts";
import { createSpool } from "./platform/blobs/spool.ts";
import type { Database } from "./platform/database/database.ts";
import { lockFolder } from "./platform/database/folder-lock.ts";
import { createJobQueue } from "./platform/jobs/queue.ts";
import type { JobQueue } from "./platform/jobs/jobs.ts";
import { openLogClient, openUpstreamClients } from "./platform/network/clients.ts";
import { listenProblem, makeOwnFolder } from "./platform/surroundings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import type { Events } from "./platform/events/events.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { createWorkers } from "./platform/workers/workers.ts";
import { createHostedDocuments, createPublishing, publishingRoutes, type Publishing } from "./publishing/publishing.ts";
import { createReleases } from "./releases/create-releases.ts";
import type { Releases } from "./releases/releases.ts";
import {
  createAnswers,
  createReadyAnswers,
  createServing,
  indexListings,
  openSearchIndex,
  pageAssets,
  servingRoutes,
  type Serving,
} from "./serving/serving.ts";
import { createRegistrySigning, type RegistrySigning, type RegistrySigningDeps } from "./signing/signing.ts";
import { createSweep, type Sweep } from "./sweep/sweep.ts";
import {
  createAuditing,
  createUpstreams,
  keepingOwnNames,
  readPinnedKeys,
  sourceChoiceRoutes,
  sourcePages,
  type OwnNames,
  type UpstreamsRoom,
} from "./upstreams/upstreams.ts";
import { openStorage, type StorageOptions } from "./storage.ts";
import { welcome } from "./welcome.ts";

/** The rooms over their storage, without a server and with nothing running in the background. */
export interface Rooms extends AsyncDisposable {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly jobs: JobQueue;
  readonly registrySigning: RegistrySigning;
  readonly checksums: Checksums;
  readonly releases: Releases;
  readonly upstreams: UpstreamsRoom;
  readonly delegations: Delegations;
  /** Undefined: the registry is not limited. */
  readonly closure: Closure | undefined;
  readonly names: HostedNames;
  readonly identity: People;
  readonly provider: Provider | undefined;
  readonly hosting: Hosting;
  readonly admission: Admission;
  readonly publishing: Publishing;
  readonly sweep: Sweep;
  readonly mirroring: Mirroring;
  readonly serving: Serving;
  readonly audit: AuditTrail;
  readonly telemetry: Telemetry;
}

export interface App extends AsyncDisposable {
  readonly rooms: Rooms;
  /** Starts the background work and accepts connections. */
  listen(): Promise<void>;
  /** What a person needs next, for the terminal. */
  welcome(): string;
  /** Stops accepting and lets requests under way finish for at most this long. */
  drain(graceMs: number): Promise<void>;
}

export type AppOptions = StorageOptions;

/** Bytes of large downloads under way, all together. */
const spoolBytes = 4 * 1024 ** 3;

/** Opens everything below the data folder, bringing the schema up to date. What was opened is closed when a later step fails. */
export async function openRooms(loaded: LoadedConfig, options: AppOptions): Promise<Rooms> {
  const { config, secrets } = loaded;
  const below = (folder: string): string => join(config.dataFolder, folder);
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await openStorage(loaded, options));
  const { clock, random, telemetry, database, blobs, events } = storage;
  const names = await openHostedNames({ database, events, clock, telemetry }, config);
  const own: OwnNames = { has: (name) => names.organisationOf(name) !== undefined, current: names.current };
  const jobs = createJobQueue({ database, clock, random, telemetry });
  const workers = stack.use(createWorkers({ maxThreads: 2, idleMs: 10_000, maxHeapMiB: 1024 }));
  const followedClient = stack.use(await openLogClient({ clock, random }, config, secrets));
  const remoteClient = followedClient.client && keepingOwnNames(own, followedClient.client);
  const remote = config.checksums && { ...followed(config.checksums), tileFolder: below("cache/followed-log") };
  const checksums = await createChecksums(
    { ...storage, organisationOf: names.organisationOf, remoteClient },
    { ...config.log, remote },
  );
  const registrySigning = await createRegistrySigning(
    { database, clock, random, telemetry, announce: announceKeys(checksums, events) },
    { keyFolder: below("keys") },
  );
  const registries = config.upstreams.filter(({ kind }) => kind === "registry").map(({ name }) => name);
  const delegated = await openDelegatedNames({ database }, new Set(registries));
  const delegatedTo = delegated.aliasOf;
  const closure = await openClosure({ database, clock, telemetry }, config.only);
  const releases = createReleases(
    { database, checksums, signing: registrySigning, events, clock, telemetry },
    {
      refuseWithinHours: config.removed.refuseWithinHours,
      seen: config.log.seen,
      auditingOf: createAuditing(config.upstreams, delegatedTo, own),
      isHosted: own.has,
      limit: closure,
    },
  );
  const clients = stack.use(await openUpstreamClients({ clock, random }, config, secrets));
  const searchIndex = openSearchIndex(database);
  const allUpstreams = createUpstreams(
    {
      listings: indexListings(searchIndex, own.has),
      clients: clients.byAlias,
      database,
      blobs,
      jobs,
      releases,
      events,
      signing: registrySigning,
      pinnedKeys: await readPinnedKeys(config.upstreams),
      workers,
      clock,
      random,
      telemetry,
      delegatedTo,
      own,
      hosted: createHostedDocuments({ database }),
    },
    config,
  );
  const upstreams = closure?.limit(allUpstreams) ?? allUpstreams;
  const delegations = createDelegations(
    { database, blobs, checksums, releases, upstreams, delegated, events, clock, telemetry },
    config,
  );
  const vault = await openVault({ random }, below("keys"));
  const identity = createIdentity({ database, events, clock, random, telemetry, vault }, config);
  const clientSecret = secrets.providerClientSecret ?? "";
  const provider =
    config.provider &&
    createProvider({ database, clock, random, telemetry, vault, ...identity }, { ...config.provider, clientSecret });
  const hosting = await openHosting({ database, events, clock, random, telemetry, names, identity, upstreams }, config);
  // A folder of its own: a command beside the server must not empty the server's.
  const spoolFolder = below(join("spool", String(process.pid)));
  const spool = await createSpool({ random }, { folder: spoolFolder, maxBytes: spoolBytes });
  const admission = createAdmission(
    {
      database,
      blobs,
      checksums,
      releases,
      upstreams,
      delegations,
      signing: registrySigning,
      events,
      clock,
      spool,
      workers,
      telemetry,
    },
    { limits: config.limits, integrityPolicy: integrityPolicyOf(config) },
  );
  const writing = { ...storage, spool, workers, names, admission, releases, checksums, upstreams };
  const writers = { permissions: hosting.permissions, hostedChanged: upstreams.hostedChanged };
  const publishing = createPublishing({ ...writing, ...writers }, config);
  const sweep = createSweep({ database, checksums, releases, upstreams, admission, events, clock, telemetry }, config);
  const mirroring = createMirroring(
    {
      database,
      upstreams,
      releases,
      admission,
      checksums,
      blobs,
      clock,
      telemetry,
      shown: {
        view: (packument) => serving.documents.view(packument),
        overlays: (packument, view) => serving.documents.overlays(packument, view),
      },
    },
    config,
  );
  const serving = createServing(
    { upstreams, releases, admission, searchIndex, database, blobs, hold: checksums.hold, workers, random, telemetry },
    {
      cacheFolder: below("cache/documents"),
      memoryBytes: config.limits.memoryCacheBytes,
      lockfileUrls: config.lockfileUrls,
    },
  );

  const audit = createAuditTrail({
    database,
    clock,
    telemetry,
    anchor: (transaction, anchor) => checksums.claimAudit(transaction, { organisation: undefined, ...anchor }),
  });

  const opened = stack.move();
  return {
    database,
    blobs,
    jobs,
    registrySigning,
    checksums,
    releases,
    upstreams,
    delegations,
    closure,
    names,
    identity,
    provider,
    hosting,
    admission,
    publishing,
    sweep,
    mirroring,
    serving,
    audit,
    telemetry,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function integrityPolicyOf({ upstreams }: Config): (source: string) => UpstreamConfig["integrity"] {
  const policies = new Map(upstreams.map(({ name, integrity }) => [name, integrity]));
  return (source) => policies.get(source) ?? "require";
}

function followed({ witnesses, ...log }: FollowedLogConfig): Omit<RemoteLogConfig, "tileFolder"> {
  return { ...log, witnesses: witnesses === undefined ? noWitnesses : parsePolicy(witnesses) };
}

/** Every registry's URL; a host in other letters in both its forms. */
function upstreamsInWords({ upstreams }: Config): string {
  return upstreams
    .filter(({ kind }) => kind === "registry")
    .map(({ url }) => urlInWords(url))
    .join(", ");
}

/** A registry key that came or went is an event, and the first time each a record of the log. */
function announceKeys(checksums: Checksums, events: Events): RegistrySigningDeps["announce"] {
  return async (transaction, change, { owner, keyid, key }) => {
    await events.record(transaction, { kind: `key.${change}`, subject: `key ${keyid}`, data: { owner, key } });
    if (change === "refused" || change === "back") return;
    const action = change === "added" ? "add" : "retire";
    await checksums.claimKey(transaction, { action, use: "registry-signature", owner, keyid, key });
  };
}

/** The server: rooms, routes, background work. */
export async function createApp(loaded: LoadedConfig, options: AppOptions): Promise<App> {
  const { config } = loaded;
  const clock = createSystemClock();
  await makeOwnFolder({ title: "The data folder", path: config.dataFolder, advice: "choose another with --data" });
  await makeOwnFolder({
    title: "The folder of the signing guard",
    path: config.log.guardFolder,
    advice: "choose another with log.guardFolder in assay.yaml or ASSAY_LOG_GUARD_FOLDER",
  });
  await using stack = new AsyncDisposableStack();
  if (config.database.engine === "sqlite") stack.use(lockFolder(join(config.dataFolder, "lock.db")));
  // Under the lock nobody writes blobs; on a shared database the blobs of this folder are still only ours.
  await clearTemporaryBlobs(join(config.dataFolder, "blobs"));
  await rm(join(config.dataFolder, "spool"), { recursive: true, force: true });
  if (loaded.upstreamFromNpm) await rememberUpstream(config.dataFolder, config.upstreams[0]?.url ?? "");
  const rooms = stack.use(await openRooms(loaded, options));
  rooms.registrySigning.ready();
  for (const note of loaded.notes) rooms.telemetry.log.warn(note);
  const gossip = await createLogGossip(
    { ...rooms, clock, random: createSystemRandom() },
    rooms.checksums,
    config.dataFolder,
  );
  const background = stack.use(createBackground(rooms, gossip, clock));
  const http = stack.use(await createFrontDoor(loaded, rooms, gossip));

  const firstRun = config.role === "log" ? undefined : await rooms.identity.invitations.offerFirstRun();
  const shown = { version: about.version, loaded, firstRun };
  const opened = stack.move();
  return {
    rooms,
    async listen() {
      await http.listen(config.listen).catch((error: unknown) => {
        throw listenProblem(config.listen, error);
      });
      background.start();
    },
    welcome: () => welcome({ ...shown, publicUrls: http.publicUrls, logs: rooms.checksums.logs.list() }),
    drain: (graceMs) => http.close(graceMs),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function createFrontDoor({ config }: LoadedConfig, rooms: Rooms, gossip: Gossip): Promise<HttpServer> {
  const { checksums, registrySigning, serving, upstreams, admission, telemetry } = rooms;
  const { gates } = rooms.hosting;
  const clock = createSystemClock();
  const answers = createAnswers();
  const packages = () => upstreams.countKnown();
  return createHttpServer(
    {
      clock,
      random: createSystemRandom(),
      telemetry,
      accessLog:
        config.logging.accessLog === "off"
          ? undefined
          : createAccessLog({ clock, sink: accessLogSink(config.logging.accessLog) }),
      renderErrorPage: renderRefusal,
      readMoreUrl: (error, base) =>
        "name" in error.details && error.code === "BLOCKED" ? `${base}/${error.details.name}` : undefined,
    },
    {
      publicUrls: config.publicUrls,
      trustedProxies: config.trustedProxies,
      routes: [
        ...(config.role === "log" ? [logOnlyRoutes({ version: about.version }), pageAssets] : []),
        logRoutes({
          checksums,
          admit: (name, version) => admission.admit(name, version),
          access: { ...config.log, mayReadHosted: gates.mayReadHosted },
          clock,
          witnesses:
            config.checksums === undefined ? config.log.witnesses.policy : followed(config.checksums).witnesses,
        }),
        gossipRoutes({ gossip }),
        sourcePages({
          upstreams,
          checksums,
          signing: registrySigning,
          clock,
          sources: config.upstreams.map((upstream) => ({ ...upstream, url: urlInWords(upstream.url) })),
        }),
        ...(config.role === "log"
          ? []
          : [
              identityRoutes({ ...rooms, clock, random: createSystemRandom(), ...config.identity }),
              publishingRoutes(rooms),
              rooms.hosting.routes,
              sourceChoiceRoutes({ upstreams, sources: config.upstreams }),
              servingRoutes({
                serving,
                answers,
                ...gates,
                hostedAttestations: rooms.publishing.attestations,
                upstreams,
                keyRing: registrySigning.ring,
                checksums,
                clock,
                about: { version: about.version, upstream: upstreamsInWords(config), packages },
              }),
            ]),
      ],
      ...(config.role === "log" ? {} : { ready: createReadyAnswers(serving, answers, gates.isOpen) }),
      readiness: [{ name: "log", check: async () => checksums.problem() }],
      limits: { ...defaultHttpLimits, bodyBytes: config.limits.requestBodyBytes },
    },
  );
}
