/** The composition root: every room, with what it needs of the others. */
import { join } from "node:path";
import { noWitnesses, parsePolicy } from "@assay/core";
import { createAdmission, type Admission } from "./admission/admission.ts";
import { createChecksums, type Checksums, type RemoteLogConfig } from "./checksums/checksums.ts";
import { openClosure, type Closure } from "./closure/closure.ts";
import type { Config, FollowedLogConfig, UpstreamConfig } from "./config/config.ts";
import type { LoadedConfig } from "./config/load.ts";
import { createDelegations, openDelegatedNames, type Delegations } from "./delegation/delegation.ts";
import { createIdentity, createProvider, createScim, openHostedNames, openVault } from "./identity/identity.ts";
import type { HostedNames, People, Provider, Scim } from "./identity/identity.ts";
import { createAuditTrail, type AuditTrail } from "./insight/insight.ts";
import { openHosting, type Hosting } from "./hosting.ts";
import { createMirroring, type Mirroring } from "./mirroring/mirroring.ts";
import type { BlobStore } from "./platform/blobs/blobs.ts";
import { createSpool } from "./platform/blobs/spool.ts";
import type { Database } from "./platform/database/database.ts";
import { createJobQueue } from "./platform/jobs/queue.ts";
import type { JobQueue } from "./platform/jobs/jobs.ts";
import { openIssuerClients, openLogClient, openUpstreamClients } from "./platform/network/clients.ts";
import type { Events } from "./platform/events/events.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { createProcessMarks } from "./platform/process-marks.ts";
import { createWorkers } from "./platform/workers/workers.ts";
import {
  asSent,
  createHostedDocuments,
  createPublishing,
  createQuotas,
  touchDocument,
  usageInWords,
  type Entry,
  type Publishing,
} from "./publishing/publishing.ts";
import { createReleases } from "./releases/create-releases.ts";
import type { Releases } from "./releases/releases.ts";
import { createServing, hostedListings, indexListings, openSearchIndex, type Serving } from "./serving/serving.ts";
import { createRegistrySigning, type RegistrySigning, type RegistrySigningDeps } from "./signing/signing.ts";
import { createSweep, type Sweep } from "./sweep/sweep.ts";
import {
  createAuditing,
  createUpstreams,
  keepingOwnNames,
  readPinnedKeys,
  type OwnNames,
  type UpstreamsRoom,
} from "./upstreams/upstreams.ts";
import { openStorage, type StorageOptions } from "./storage.ts";

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
  /** Undefined: the provider manages nobody. */
  readonly scim: Scim | undefined;
  readonly hosting: Hosting;
  readonly admission: Admission;
  readonly publishing: Publishing;
  readonly sweep: Sweep;
  readonly mirroring: Mirroring;
  readonly serving: Serving;
  readonly audit: AuditTrail;
  readonly telemetry: Telemetry;
}

export interface AppOptions extends StorageOptions {
  /** Which tags a publish sets. Default: those that were sent. */
  readonly entry?: Entry;
}

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
    { ...storage, organisationOf: names.organisationOf, remoteClient, marks: createProcessMarks() },
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
      hosted: createHostedDocuments({ database, owners: (name) => hosting.organisations.owners(name) }),
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
  const applyGroups: Parameters<typeof createScim>[0]["applyGroups"] = (...said) => hosting.provided.apply(...said);
  const provider =
    config.provider &&
    createProvider(
      {
        database,
        clock,
        random,
        telemetry,
        vault,
        ...identity,
        applyGroups: (...said) => hosting.provided.apply(...said),
      },
      { ...config.provider, clientSecret },
    );
  const scim =
    config.provider?.scim === true
      ? createScim({ database, events, clock, random, telemetry, ...identity, applyGroups }, config.provider)
      : undefined;
  const issuers = stack.use(await openIssuerClients({ clock, random }, config, secrets));
  const documents: Parameters<typeof openHosting>[0]["documents"] = {
    touch: (transaction, name) => touchDocument(transaction, name, clock.now()),
    changed: upstreams.hostedChanged,
  };
  const quotas = createQuotas({ names, checksums }, config.publish.quotas);
  const hosting = await openHosting(
    {
      ...storage,
      names,
      identity,
      upstreams,
      documents,
      issuerClients: issuers.byAlias,
      usage: (organisation) => usageInWords({ database, quotas }, organisation),
      recordPolicy: (transaction, facts) => checksums.claimPolicy(transaction, facts),
      approvalHandlers: () => publishing.approvalHandlers,
    },
    config,
  );
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
  const listings = hostedListings(searchIndex);
  const writing = { ...storage, spool, workers, names, admission, releases, checksums, upstreams, listings };
  const writers = {
    permissions: hosting.permissions,
    organisations: hosting.organisations,
    gate: hosting.gate,
    approvals: hosting.approvals,
    hostedChanged: upstreams.hostedChanged,
    publisherOf: hosting.ci.publisherOf,
    entry: options.entry ?? asSent,
    quotas,
  };
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
    { ...writing, searchIndex, hold: checksums.hold },
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
    scim,
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

export function followed({ witnesses, ...log }: FollowedLogConfig): Omit<RemoteLogConfig, "tileFolder"> {
  return { ...log, witnesses: witnesses === undefined ? noWitnesses : parsePolicy(witnesses) };
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
