import { isAbsolute, join, relative, resolve } from "node:path";
import { AssayError } from "@assay/core";
import type { Config, Secrets } from "./config.ts";
import type { EnvPass } from "./env.ts";
import type { FilePass } from "./file.ts";
import type { NpmSettings } from "./npm-settings.ts";
import { settings, type Layer, type RawValue, type SecretVariable } from "./settings.ts";
import { hostInUrl, isAnyAddress, isLoopbackHost, normalPublicUrl, normalUpstreamUrl, portOf } from "./urls.ts";

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
  /** Current folder and home folder, absolute. */
  readonly cwd: string;
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
  const problems = [
    ...sources.env.problems,
    ...(sources.file?.problems ?? []),
    ...(sources.remembered?.problems ?? []),
  ];
  const values = readValues(sources, problems);
  const get = <T>(key: string): T => values.get(key)?.value as T;
  const from = (key: string): string => values.get(key)?.source ?? "default";
  const pathOf = (key: string): string | undefined => {
    const found = values.get(key);
    return found?.value === undefined ? undefined : resolve(found.folder, found.value as string);
  };
  const npm = "failure" in sources.npm ? undefined : sources.npm;

  const dataFolder = pathOf("dataFolder") ?? sources.cwd;
  const listen = { host: get<string>("listen.host"), port: get<number>("listen.port") };
  const listensOnLoopback = isLoopbackHost(listen.host);
  const publicUrls = choosePublicUrls(get<readonly string[] | undefined>("publicUrls"), listen, from, problems);
  const loopbackOnly = listensOnLoopback && publicUrls.every((url) => isLoopbackHost(new URL(url).hostname));

  const upstream = chooseUpstream(get<string | undefined>("upstream.url"), from("upstream.url"), sources.npm, problems);
  if (upstream !== undefined && isSelf(upstream.url, publicUrls, listen)) {
    problems.push(
      `upstream.url (${upstream.source}) is ${upstream.url}, which is this server itself; write the registry behind it as upstream.url in assay.yaml, or set ASSAY_UPSTREAM.`,
    );
  }

  const guardFolder = pathOf("log.guardFolder") ?? join(stateFolder(sources), "assay", "guard");
  if (isWithin(guardFolder, dataFolder)) {
    problems.push(
      `log.guardFolder (${from("log.guardFolder")}) is ${guardFolder}, inside the data folder ${dataFolder}; it must be outside, so that restoring one never restores the other.`,
    );
  }

  const databaseUrl = secretOf("ASSAY_DATABASE_URL", sources);
  const engine =
    get<"sqlite" | "postgres" | undefined>("database.engine") ?? (databaseUrl === undefined ? "sqlite" : "postgres");
  if (engine === "postgres" && databaseUrl === undefined)
    problems.push(
      `database.engine (${from("database.engine")}) is postgres, so ASSAY_DATABASE_URL must hold its postgres:// URL.`,
    );
  if (engine === "sqlite" && databaseUrl !== undefined)
    problems.push(
      `database.engine (${from("database.engine")}) is sqlite, but ASSAY_DATABASE_URL is set; remove one of them.`,
    );
  if (databaseUrl !== undefined && !/^postgres(?:ql)?:\/\/\S+$/.test(databaseUrl))
    problems.push("ASSAY_DATABASE_URL must be a postgres:// URL.");

  const authorization = secretOf("ASSAY_UPSTREAM_AUTHORIZATION", sources);
  if (authorization !== undefined && !/^(?:Bearer|Basic) [A-Za-z0-9\-._~+/=]+$/.test(authorization)) {
    problems.push("ASSAY_UPSTREAM_AUTHORIZATION must be `Bearer <token>` or `Basic <base64>`.");
  }
  if (problems.length > 0) throw new AssayError("CONFIG", { reason: listProblems(problems) });

  const accessLog = get<string>("logging.accessLog");
  const first = publicUrls[0] ?? "";
  const proxy = get<string | undefined>("network.proxy");
  const surroundings = sources.env.surroundings;
  const config: Config = {
    dataFolder,
    listen,
    publicUrls,
    loopbackOnly,
    trustedProxies: get("trustedProxies"),
    upstream: {
      name: get("upstream.name"),
      url: upstream?.url ?? "",
      tarballHosts: get("upstream.tarballHosts"),
      integrity: get("upstream.integrity"),
      timeouts: {
        connectMs: get("upstream.timeouts.connectMs"),
        headersMs: get("upstream.timeouts.headersMs"),
        bodyIdleMs: get("upstream.timeouts.bodyIdleMs"),
      },
    },
    network: {
      caFile: pathOf("network.caFile") ?? npm?.caFile,
      ca: npm?.ca ?? [],
      extraCaFile: surroundings.extraCaFile,
      noProxy: get<string | undefined>("network.noProxy") ?? npm?.noProxy ?? surroundings.noProxy,
    },
    logging: {
      level: get("logging.level"),
      format: get("logging.format"),
      accessLog: accessLog === "off" || accessLog === "stdout" ? accessLog : (pathOf("logging.accessLog") ?? "off"),
    },
    database: { engine },
    log: {
      visibility: get("log.visibility"),
      readers: get<"anyone" | "nobody" | undefined>("log.readers") ?? (loopbackOnly ? "anyone" : "nobody"),
      originBase: isLoopbackHost(new URL(first).hostname) ? undefined : first.replace(/^https?:\/\//, ""),
      guardFolder,
    },
    packuments: { maxAgeSeconds: get("packuments.maxAgeSeconds"), notFoundSeconds: get("packuments.notFoundSeconds") },
    removed: { refuseWithinHours: get("removed.refuseWithinHours") },
    limits: {
      packumentBytes: get("limits.packumentBytes"),
      tarballBytes: get("limits.tarballBytes"),
      unpackedBytes: get("limits.unpackedBytes"),
      archiveEntries: get("limits.archiveEntries"),
      requestBodyBytes: get("limits.requestBodyBytes"),
      memoryCacheBytes: get("limits.memoryCacheBytes"),
    },
  };
  return {
    config: deepFreeze(config),
    secrets: Object.freeze({
      upstreamAuthorization: authorization ?? npm?.authorizationFor(config.upstream.url),
      databaseUrl,
      httpsProxy: proxy ?? npm?.httpsProxy ?? surroundings.httpsProxy,
      httpProxy: proxy ?? npm?.httpProxy ?? surroundings.httpProxy,
    }),
    provenance: new Map(
      settings.map(({ key }) => [key, key === "upstream.url" ? (upstream?.source ?? "default") : from(key)]),
    ),
    upstreamFromNpm: upstream?.fromNpm ?? false,
    notes: [
      ...(npm?.notes ?? []),
      ...("failure" in sources.npm
        ? [
            `npm's own configuration cannot be read (${sources.npm.failure}): its proxy, certificates and credentials are not used.`,
          ]
        : []),
    ],
  };
}

/** The first source that says something about a key decides, and must be right: a broken value never falls through. */
function readValues(sources: ConfigSources, problems: string[]): ReadonlyMap<string, RawValue> {
  const layers = [sources.flags, sources.env.layer, sources.file?.layer, sources.remembered?.layer];
  const values = new Map<string, RawValue>();
  for (const { key, kind, fallback } of settings) {
    const raw = layers.map((layer) => layer?.get(key)).find((found) => found !== undefined);
    if (raw === undefined) {
      values.set(key, {
        value: fallback === undefined ? undefined : kind.read(fallback),
        source: "default",
        folder: sources.cwd,
      });
      continue;
    }
    const value = kind.read(raw.value);
    if (value === undefined) {
      problems.push(`${key} (${raw.source}) is ${shown(raw.value)} but must be ${kind.allowed}.`);
      // Keeps its source, so that rules between settings know that something was said.
      values.set(key, { value: kind.read(fallback), source: raw.source, folder: sources.cwd });
    } else values.set(key, { ...raw, value });
  }
  return values;
}

function choosePublicUrls(
  given: readonly string[] | undefined,
  listen: { readonly host: string; readonly port: number },
  from: (key: string) => string,
  problems: string[],
): readonly string[] {
  if (given !== undefined && given.length > 0) return given;
  const isBroken = given === undefined && from("publicUrls") !== "default";
  if (!isLoopbackHost(listen.host) && !isBroken) {
    problems.push(
      `listen.host (${from("listen.host")}) is ${listen.host}, which other machines can reach, so the URLs under which they do must be named: write publicUrls: ["https://registry.example.com"] with your own in assay.yaml, or set ASSAY_PUBLIC_URL or --public-url.`,
    );
  }
  const port = listen.port === 80 ? "" : `:${listen.port}`;
  const hosts = [hostInUrl(listen.host), "localhost", "127.0.0.1", "[::1]"].filter(isLoopbackHost);
  return [...new Set(hosts.map((host) => normalPublicUrl(`http://${host}${port}`) ?? ""))].filter((url) => url !== "");
}

function chooseUpstream(
  given: string | undefined,
  source: string,
  npm: ConfigSources["npm"],
  problems: string[],
): { readonly url: string; readonly source: string; readonly fromNpm: boolean } | undefined {
  if (given !== undefined) return { url: given, source, fromNpm: false };
  const advice = "write the registry's URL as upstream.url in assay.yaml, or set ASSAY_UPSTREAM or --upstream.";
  if (source !== "default") return undefined;
  if ("failure" in npm) {
    problems.push(`No upstream is configured, and npm's own configuration cannot be read (${npm.failure}); ${advice}`);
    return undefined;
  }
  const url = normalUpstreamUrl(npm.registry);
  if (url === undefined) {
    problems.push(
      `No upstream is configured, and npm's registry is ${shown(npm.registry)}, which is no http or https URL; ${advice}`,
    );
    return undefined;
  }
  return { url, source: "npm's registry", fromNpm: true };
}

/** Same host and port as a public URL, or as the address listened on. */
function isSelf(
  upstream: string,
  publicUrls: readonly string[],
  listen: { readonly host: string; readonly port: number },
): boolean {
  const url = new URL(upstream);
  const port = portOf(url);
  if (publicUrls.some((text) => new URL(text).hostname === url.hostname && portOf(new URL(text)) === port)) return true;
  if (port !== listen.port) return false;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return host === listen.host || (isLoopbackHost(host) && (isLoopbackHost(listen.host) || isAnyAddress(listen.host)));
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

function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/:\/\/[^/@"]*@/g, "://[hidden]@");
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function listProblems(problems: readonly string[]): string {
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
