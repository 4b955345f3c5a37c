import { realpath } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import type { Environment } from "./env.ts";

/** What npm itself is configured for, in this folder, for this user. */
export interface NpmSettings {
  /** As npm has it; its own default when nothing else is configured. */
  readonly registry: string;
  /** The Authorization value that npm would send to this registry, or undefined. */
  readonly authorizationFor: (registryUrl: string) => string | undefined;
  readonly ca: readonly string[];
  readonly caFile: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
  readonly noProxy: string | undefined;
  /** Sentences about settings of npm that are not followed. */
  readonly notes: readonly string[];
}

/**
 * Reads npm's configuration with npm's own code: project, user, global and built-in files, `npm_config_*`,
 * `${VARIABLE}` in values, credentials by path. Throws what npm's code throws.
 */
export async function readNpmSettings(env: Environment, cwd: string, execPath: string): Promise<NpmSettings> {
  // Loaded here, for a start with everything configured elsewhere does without.
  const [{ default: Config }, { default: npm }] = await Promise.all([
    import("@npmcli/config"),
    import("@npmcli/config/lib/definitions/index.js"),
  ]);
  const config = new Config({
    definitions: npm.definitions,
    shorthands: npm.shorthands,
    flatten: npm.flatten,
    nerfDarts: npm.nerfDarts,
    ...(await locateNpm(env, execPath)),
    env: { ...env },
    argv: [],
    cwd,
    warn: false,
  });
  await config.load();

  const registry = textOf(config.get("registry")) ?? "";
  const notes: string[] = [];
  if (config.get("strict-ssl") === false)
    notes.push("npm's strict-ssl=false is not followed: certificates are always checked.");
  if (config.getCredentialsByURI(withSlash(registry)).certfile !== undefined) {
    notes.push("npm's certfile and keyfile are not used: name them as upstream.tls.certFile and upstream.tls.keyFile.");
  }
  const proxy = textOf(config.get("proxy"));
  return {
    registry,
    authorizationFor: (url) => authorization(config, url),
    ca: [config.get("ca")]
      .flat()
      .map(textOf)
      .filter((pem) => pem !== undefined),
    caFile: textOf(config.get("cafile")),
    httpsProxy: textOf(config.get("https-proxy")) ?? proxy,
    httpProxy: proxy,
    noProxy: textOf([config.get("noproxy")].flat().join(",")),
    notes,
  };
}

/** npm asks from the registry's own path upwards to its host. */
function authorization(
  config: { getCredentialsByURI(uri: string): { readonly token?: string; readonly auth?: string } },
  registryUrl: string,
): string | undefined {
  const url = URL.parse(withSlash(registryUrl));
  if (url === null) return undefined;
  for (;;) {
    const { token, auth } = config.getCredentialsByURI(url.href);
    if (token !== undefined && token !== "") return `Bearer ${token}`;
    if (auth !== undefined && auth !== "") return `Basic ${auth}`;
    if (url.pathname === "/") return undefined;
    url.pathname = url.pathname.replace(/[^/]*\/$/, "");
  }
}

/**
 * Where the user's npm lives and which Node runs it: npm's global configuration lies relative to that Node,
 * which need not be the one that runs this process.
 */
async function locateNpm(env: Environment, execPath: string): Promise<{ npmPath: string; execPath: string }> {
  const fromNpm = env["npm_execpath"];
  if (fromNpm !== undefined && basename(fromNpm) === "npm-cli.js") {
    return { npmPath: dirname(dirname(fromNpm)), execPath: env["npm_node_execpath"] ?? execPath };
  }
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder === "" || folder.includes("node_modules")) continue;
    const cli = await realpath(join(folder, "npm")).catch(() => undefined);
    if (cli === undefined || basename(cli) !== "npm-cli.js") continue;
    const node = await realpath(join(folder, "node")).catch(() => execPath);
    return { npmPath: dirname(dirname(cli)), execPath: node };
  }
  return { npmPath: resolve(dirname(execPath), "..", "lib", "node_modules", "npm"), execPath };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
