import { isAbsolute, join, relative } from "node:path";
import { AssayError, parseNamePattern } from "@assay/core";
import { chooseAddresses, chooseUpstream, type Addresses } from "./addresses.ts";
import type {
  CiIssuerConfig,
  Config,
  LoggingConfig,
  LogConfig,
  NetworkConfig,
  Secrets,
  UpstreamConfig,
  QuotaRule,
} from "./config.ts";
import { usualIssuers } from "./ci-issuers.ts";
import type { EnvPass } from "./env.ts";
import { chooseFollowed } from "./followed.ts";
import type { FilePass } from "./file.ts";
import { witnessesConfig, type PolicyFile } from "./log-witnesses.ts";
import { parseApprovalRule, parseQuotaRule } from "./kinds.ts";
import type { NpmSettings } from "./npm-settings.ts";
import { settings, type Layer, type SecretVariable } from "./settings.ts";
import { chooseForm } from "./upstream-form.ts";
import { upstreamSecrets } from "./upstream-secrets.ts";
import { loneUpstream, manyUpstreams } from "./upstreams.ts";
import { isLoopbackHost } from "./urls.ts";
import { ownershipProblems, type HostedNameRule } from "./ownership.ts";
import { readHostedNames } from "./hosted.ts";
import { chooseProvider } from "./provider.ts";
import { readValues, type Values } from "./values.ts";

/** Everything that configuration comes from, already read. Earlier sources win: flags, environment, file, remembered, npm, defaults. */
export interface ConfigSources {
  readonly flags: Layer;
  readonly env: EnvPass;
  /** The file named by --config or ASSAY_CONFIG, or ./assay.yaml; undefined: there is none. */
  readonly file: FilePass | undefined;
  /** What was remembered in the data folder. */
  readonly remembered: FilePass | undefined;
  /** What npm is configured for, or why it cannot be read. */
  readonly npm: NpmSettings | { readonly failure: string };
  /** Contents of `<secret>_FILE` files. */
  readonly secretFiles: ReadonlyMap<SecretVariable, string>;
  /** What `log.witnessesFile` names; undefined: nothing. */
  readonly witnessesFile?: PolicyFile | undefined;
  /** Current folder and home folder, absolute. */
  readonly cwd: string;
  /** False: where none is configured there is none, whatever npm's registry is. Default true. */
  readonly needsUpstream?: boolean;
  readonly home: string;
}

export interface ResolvedConfig {
  /** Deeply frozen. */
  readonly config: Config;
  readonly secrets: Secrets;
  /** Where each setting's value came from, by key; `default` where nothing was said. */
  readonly provenance: ReadonlyMap<string, string>;
  /** The upstream was found in npm's configuration: to be remembered. */
  readonly upstreamFromNpm: boolean;
  /** Sentences for the log: not wrong, but good to know. */
  readonly notes: readonly string[];
}

/**
 * The third pass: checks every value and what must hold between them. Pure.
 * Throws CONFIG with all problems, each naming the key, where it came from and what is allowed.
 */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const problems = [sources.env, sources.file, sources.remembered].flatMap((pass) => pass?.problems ?? []);
  const layers = [sources.flags, sources.env.layer, sources.file?.layer, sources.remembered?.layer];
  const values = readValues(settings, layers, sources.cwd, problems);
  const addresses = chooseAddresses(values, problems);
  const names = readHostedNames(sources.file?.hosted ?? [], sources.cwd, problems);
  const upstreams = decideUpstreams(values, sources, addresses, problems, names.rules);
  const dataFolder = values.path("dataFolder") ?? sources.cwd;
  const config: Config = {
    dataFolder,
    ...addresses,
    trustedProxies: values.list("trustedProxies"),
    upstreams: upstreams.list,
    lockfileUrls: values.text("lockfileUrls") as Config["lockfileUrls"],
    network: networkConfig(values, sources),
    logging: loggingConfig(values),
    database: { engine: chooseEngine(values, sources, problems) },
    role: values.text("role") as Config["role"],
    checksums: chooseFollowed(values, addresses, problems),
    log: logConfig(values, sources, { dataFolder, ...addresses }, problems),
    hosted: names.hosted,
    provider: chooseProvider(values, sources, problems),
    identity: {
      organisations: values.text("identity.organisations") as Config["identity"]["organisations"],
      registration: values.text("identity.registration") as Config["identity"]["registration"],
      passwordWrites: values.text("identity.passwordWrites") === "allowed",
      loginDays: values.number("identity.loginDays"),
      maxTokenDays: values.number("identity.maxTokenDays"),
      read: values.text("identity.read") as Config["identity"]["read"],
      membersRead: values.text("identity.membersRead") as Config["identity"]["membersRead"],
      policies: values.path("identity.policies") ?? join(sources.cwd, "policies"),
      approvals: values.list("identity.approvals").flatMap((text) => parseApprovalRule(text) ?? []),
      approvalDays: values.number("identity.approvalDays"),
    },
    publish: {
      provenance: values.text("publish.provenance") as Config["publish"]["provenance"],
      allowedSecrets: values.list("publish.allowedSecrets"),
      unpublishHours: values.number("publish.unpublishHours"),
      burstPackages: values.number("publish.burstPackages"),
      burstMinutes: values.number("publish.burstMinutes"),
      perMinute: values.number("publish.perMinute"),
      stageDays: values.number("publish.stageDays"),
      upperCaseNames: values.text("publish.upperCaseNames") as Config["publish"]["upperCaseNames"],
      quotas: values.list("publish.quotas").map((rule) => parseQuotaRule(rule) as QuotaRule),
    },
    packuments: {
      maxAgeSeconds: values.number("packuments.maxAgeSeconds"),
      notFoundSeconds: values.number("packuments.notFoundSeconds"),
    },
    removed: { refuseWithinHours: values.number("removed.refuseWithinHours") },
    only: {
      names: values.list("only.names").map(parseNamePattern),
      lockfiles: values.list("only.lockfiles"),
      closure: values.text("only.closure") === "follow",
    },
    mirror: {
      names: values.list("mirror.names"),
      lockfiles: values.list("mirror.lockfiles"),
      everyMinutes: values.number("mirror.everyMinutes"),
    },
    sweep: {
      everyMinutes: values.number("sweep.everyMinutes"),
      bytesPerSecond: values.number("sweep.bytesPerSecond"),
      requestsPerSecond: values.number("sweep.requestsPerSecond"),
      sampleBytesPerSecond: values.number("sweep.sampleBytesPerSecond"),
    },
    trust: {
      issuers: (values.optionalList("identity.ci") as unknown as CiIssuerConfig[] | undefined) ?? usualIssuers,
      leewaySeconds: values.number("identity.trust.leewaySeconds"),
      maxAgeSeconds: values.number("identity.trust.maxAgeMinutes") * 60,
      tokenSeconds: values.number("identity.trust.tokenMinutes") * 60,
      openRules: values.text("identity.trust.openRules") as Config["trust"]["openRules"],
    },
    limits: {
      packumentBytes: values.number("limits.packumentBytes"),
      tarballBytes: values.number("limits.tarballBytes"),
      unpackedBytes: values.number("limits.unpackedBytes"),
      archiveEntries: values.number("limits.archiveEntries"),
      requestBodyBytes: values.number("limits.requestBodyBytes"),
      memoryCacheBytes: values.number("limits.memoryCacheBytes"),
    },
  };
  const secrets = readSecrets(values, sources, upstreams, problems);
  if (problems.length > 0) throw new AssayError("CONFIG", { reason: listProblems(problems) });
  return {
    config: deepFreeze(config),
    secrets: Object.freeze(secrets),
    provenance: new Map(settings.map(({ key }) => [key, values.from(key)])).set("upstream.url", upstreams.source),
    upstreamFromNpm: upstreams.fromNpm,
    notes: notesOf(sources),
  };
}

interface DecidedUpstreams {
  readonly list: readonly UpstreamConfig[];
  readonly isShort: boolean;
  readonly source: string;
  readonly fromNpm: boolean;
}

/** The long form, where a file has one, else the short form. */
function decideUpstreams(
  values: Values,
  sources: ConfigSources,
  addresses: Addresses,
  problems: string[],
  hosted: readonly HostedNameRule[],
): DecidedUpstreams {
  const many = chooseForm(sources, problems);
  if (many !== undefined) {
    const list = manyUpstreams(many, addresses, sources.cwd, problems, hosted);
    return { list, isShort: false, source: many.source, fromNpm: false };
  }
  if (sources.needsUpstream === false && values.from("upstream.url") === "default")
    return { list: [], isShort: false, source: "default", fromNpm: false };
  const chosen = chooseUpstream(values, sources.npm, addresses, problems);
  const list = [loneUpstream(values, chosen, problems)];
  const source = chosen?.source ?? "default";
  const everything = list.map(({ name, kind, of, names }) => {
    return { alias: name, source, kind, of, names: names.map((pattern) => ({ pattern, source })) };
  });
  if (problems.length === 0) problems.push(...ownershipProblems(everything, hosted));
  return { list, isShort: true, source: chosen?.source ?? "", fromNpm: chosen?.fromNpm === true };
}

function networkConfig(values: Values, sources: ConfigSources): NetworkConfig {
  const npm = npmOf(sources);
  const { extraCaFile, noProxy } = sources.env.surroundings;
  return {
    caFile: values.path("network.caFile") ?? npm?.caFile,
    ca: npm?.ca ?? [],
    extraCaFile,
    noProxy: values.optionalText("network.noProxy") ?? npm?.noProxy ?? noProxy,
  };
}

function loggingConfig(values: Values): LoggingConfig {
  const accessLog = values.text("logging.accessLog");
  return {
    level: values.text("logging.level") as LoggingConfig["level"],
    format: values.text("logging.format") as LoggingConfig["format"],
    accessLog: accessLog === "off" || accessLog === "stdout" ? accessLog : (values.path("logging.accessLog") ?? "off"),
  };
}

function chooseEngine(values: Values, sources: ConfigSources, problems: string[]): "sqlite" | "postgres" {
  const url = secretOf("ASSAY_DATABASE_URL", sources);
  const given = values.optionalText("database.engine");
  const engine = given === "postgres" || (given === undefined && url !== undefined) ? "postgres" : "sqlite";
  const said = `database.engine (${values.from("database.engine")}) is ${engine}`;
  if (engine === "postgres" && url === undefined) {
    problems.push(`${said}, so ASSAY_DATABASE_URL must hold its postgres:// URL.`);
  }
  if (engine === "sqlite" && url !== undefined) {
    problems.push(`${said}, but ASSAY_DATABASE_URL is set; remove one of them.`);
  }
  return engine;
}

function logConfig(
  values: Values,
  sources: ConfigSources,
  server: { readonly dataFolder: string; readonly publicUrls: readonly string[]; readonly loopbackOnly: boolean },
  problems: string[],
): LogConfig {
  const guardFolder = values.path("log.guardFolder") ?? join(stateFolder(sources), "assay", "guard");
  if (isWithin(guardFolder, server.dataFolder)) {
    problems.push(
      `log.guardFolder (${values.from("log.guardFolder")}) is ${guardFolder}, inside the data folder ${server.dataFolder}; it must be outside, so that restoring one never restores the other.`,
    );
  }
  const approvers = values.list("log.approvers");
  const approvalsNeeded = values.number("log.approvalsNeeded");
  if (approvers.length > 0 && approvers.length < approvalsNeeded) {
    problems.push(
      `log.approvers (${values.from("log.approvers")}) names ${approvers.length}, but log.approvalsNeeded asks for ${approvalsNeeded} of them.`,
    );
  }
  const canonical = new URL(server.publicUrls[0] ?? "http://localhost");
  return {
    visibility: values.text("log.visibility") as LogConfig["visibility"],
    readers:
      (values.optionalText("log.readers") as LogConfig["readers"] | undefined) ??
      (server.loopbackOnly ? "anyone" : "nobody"),
    hostedTiles: values.text("log.hostedTiles") as LogConfig["hostedTiles"],
    organisations: { witnessed: values.text("log.hostedWitnesses") === "asked" },
    originBase: isLoopbackHost(canonical.hostname)
      ? undefined
      : `${canonical.host}${canonical.pathname}`.replace(/\/$/, ""),
    guardFolder,
    witnesses: witnessesConfig(values, sources.witnessesFile, problems),
    release: values.text("log.release") as LogConfig["release"],
    seen: values.text("log.seen") as LogConfig["seen"],
    approvers,
    approvalsNeeded,
  };
}

function readSecrets(values: Values, sources: ConfigSources, upstreams: DecidedUpstreams, problems: string[]): Secrets {
  const npm = npmOf(sources);
  const { httpsProxy, httpProxy } = sources.env.surroundings;
  const databaseUrl = secretOf("ASSAY_DATABASE_URL", sources);
  if (databaseUrl !== undefined && !/^postgres(?:ql)?:\/\/\S+$/.test(databaseUrl)) {
    problems.push("ASSAY_DATABASE_URL must be a postgres:// URL.");
  }
  const proxy = values.optionalText("network.proxy");
  return {
    upstreams: upstreamSecrets(
      upstreams,
      {
        secrets: new Map([...sources.secretFiles, ...sources.env.secrets]),
        npmAuthorizationFor: (url) => npm?.authorizationFor(url),
      },
      problems,
    ),
    databaseUrl,
    providerClientSecret: secretOf("ASSAY_PROVIDER_CLIENT_SECRET", sources),
    httpsProxy: proxy ?? npm?.httpsProxy ?? httpsProxy,
    httpProxy: proxy ?? npm?.httpProxy ?? httpProxy,
  };
}

function npmOf({ npm }: ConfigSources): NpmSettings | undefined {
  return "failure" in npm ? undefined : npm;
}

function notesOf({ npm }: ConfigSources): readonly string[] {
  if (!("failure" in npm)) return npm.notes;
  return [
    `npm's own configuration cannot be read (${npm.failure}): its proxy, certificates and credentials are not used.`,
  ];
}

function stateFolder(sources: ConfigSources): string {
  const { xdgStateHome } = sources.env.surroundings;
  // The XDG specification has relative paths ignored.
  return xdgStateHome !== undefined && isAbsolute(xdgStateHome) ? xdgStateHome : join(sources.home, ".local", "state");
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith("../") && !isAbsolute(way));
}

function secretOf(name: SecretVariable, sources: ConfigSources): string | undefined {
  return sources.env.secrets.get(name) ?? sources.secretFiles.get(name);
}

export function listProblems(problems: readonly string[]): string {
  const [only] = problems;
  return problems.length === 1 && only !== undefined
    ? only
    : `The configuration is refused:\n${problems.map((problem) => `- ${problem}`).join("\n")}`;
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}
