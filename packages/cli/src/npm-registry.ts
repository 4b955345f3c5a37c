import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isPlainObject } from "@assay/core";
import type { HttpDeps } from "@assay/verify";
import type { CliContext } from "./context.ts";
import { wrongUse } from "./errors.ts";

const defaultRegistry = "http://127.0.0.1:4873";

/**
 * The registry to ask: the one given, else npm's own order as far as one URL needs it (environment, the
 * project's .npmrc, the user's), else Assay's default address. No trailing slash. Throws USAGE on what is no
 * http(s) URL.
 */
export async function registryUrl(
  context: Pick<CliContext, "env" | "cwd">,
  given: string | undefined,
): Promise<string> {
  return (await configuredRegistry(context, given)) ?? defaultRegistry;
}

/**
 * Where npm would publish a package: the one given, `publishConfig` of its manifest, its scope's registry, npm's. Undefined
 * where nothing says. Throws USAGE on what is no http(s) URL.
 */
export async function registryForPublish(
  context: Pick<CliContext, "env" | "cwd">,
  { given, name, manifest }: { readonly given: string | undefined; readonly name: string; readonly manifest: unknown },
): Promise<string | undefined> {
  const scope = /^(@[^/]+)\//.exec(name)?.[1];
  const key = scope === undefined ? undefined : `${scope}:registry`;
  if (given !== undefined) return normalised(given, "--registry");
  const config = isPlainObject(manifest) && isPlainObject(manifest["publishConfig"]) ? manifest["publishConfig"] : {};
  for (const each of key === undefined ? ["registry"] : [key, "registry"]) {
    const value = config[each];
    if (typeof value === "string") return normalised(value, `publishConfig.${each}`);
  }
  const ofScope = key === undefined ? undefined : await valueOf(context, key);
  return ofScope === undefined
    ? await configuredRegistry(context, undefined)
    : normalised(ofScope.value, ofScope.where);
}

async function configuredRegistry(
  context: Pick<CliContext, "env" | "cwd">,
  given: string | undefined,
): Promise<string | undefined> {
  if (given !== undefined) return normalised(given, "--registry");
  for (const [name, value] of Object.entries(context.env)) {
    // npm reads these in any case, and skips empty ones.
    if (/^npm_config_registry$/i.test(name) && value !== undefined && value !== "") return normalised(value, name);
  }
  const found = await valueOf(context, "registry");
  return found && normalised(found.value, found.where);
}

/** A setting of npm's files, the project's before the user's. */
async function valueOf(
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
  key: string,
): Promise<{ readonly value: string; readonly where: string } | undefined> {
  const home = env["HOME"] ?? env["USERPROFILE"];
  const files = [projectFile(cwd), home === undefined ? undefined : join(home, ".npmrc")];
  for (const file of files) {
    const value = file === undefined ? undefined : await valueIn(file, key, env);
    if (value !== undefined) return { value, where: file ?? "" };
  }
  return undefined;
}

/** npm's project folder is the nearest one up with a package.json or node_modules. */
function projectFile(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json")) || existsSync(join(folder, "node_modules")))
      return join(folder, ".npmrc");
    if (folder === dirname(folder)) return join(cwd, ".npmrc");
  }
}

async function valueIn(file: string, key: string, env: CliContext["env"]): Promise<string | undefined> {
  let found: string | undefined;
  for (const row of await rowsOf(file)) {
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(row) ?? [];
    // The last one counts, as in npm's ini reader.
    if (name === key && value !== undefined && value !== "") found = expanded(value, env);
  }
  return found;
}

/** None of a file that cannot be read. */
async function rowsOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split(/\r?\n/);
}

/** Without quotes, and with `${VARIABLES}` as npm has them. */
function expanded(value: string, env: CliContext["env"]): string {
  return value
    .replace(/^(["'])(.*)\1$/, "$2")
    .replaceAll(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole);
}

/**
 * How to talk to the registry: as npm does, with what its configuration holds for just this registry (a token, `_auth`,
 * or a user with a password). It is sent to nobody else, wherever a log is pinned to.
 */
export async function registryHttp(
  context: Pick<CliContext, "env" | "cwd" | "clock">,
  registry: string,
): Promise<HttpDeps> {
  const authorization = await authorizationFor(context, registry);
  const { sleep } = context.clock;
  if (authorization === undefined) return { fetch, sleep, registry };
  const isRegistry = (url: string): boolean => url.startsWith(`${registry}/`);
  const authorised: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!isRegistry(url)) return await fetch(input, init);
    const headers = new Headers(init?.headers);
    headers.set("authorization", authorization);
    return await fetch(input, { ...init, headers });
  };
  return { fetch: authorised, sleep, registry };
}

/** The header that npm would send, or undefined: of the longest `//host/path/:` key that the registry lies below. */
export async function authorizationFor(
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
  registry: string,
): Promise<string | undefined> {
  const home = env["HOME"] ?? env["USERPROFILE"];
  const files = [home === undefined ? undefined : join(home, ".npmrc"), projectFile(cwd)];
  const rows: string[] = [];
  for (const file of files) if (file !== undefined) rows.push(...(await rowsOf(file)));
  for (const [name, value] of Object.entries(env)) {
    const key = /^npm_config_(\/\/.*)$/i.exec(name)?.[1];
    if (key !== undefined && value !== undefined) rows.push(`${key}=${value}`);
  }
  const values = new Map<string, string>();
  for (const row of rows) {
    const [, key, value] = /^\s*(\/\/[^=]*?:_?[a-zA-Z]+)\s*=\s*(.*?)\s*$/.exec(row) ?? [];
    if (key !== undefined && value !== undefined && value !== "") values.set(key, expanded(value, env));
  }
  const { host, pathname } = new URL(registry);
  for (let path = `//${host}${pathname.replace(/\/*$/, "/")}`; path.length > 2; path = parentOf(path)) {
    const of = (field: string): string | undefined =>
      values.get(`${path}:${field}`) ?? values.get(`${path.slice(0, -1)}:${field}`);
    const [token, auth, user, password] = [of("_authToken"), of("_auth"), of("username"), of("_password")];
    if (token !== undefined) return `Bearer ${token}`;
    if (auth !== undefined) return `Basic ${auth}`;
    if (user !== undefined && password !== undefined) {
      const plain = Buffer.from(password, "base64").toString("utf8");
      return `Basic ${Buffer.from(`${user}:${plain}`, "utf8").toString("base64")}`;
    }
  }
  return undefined;
}

/** `//host/a/b/` → `//host/a/` → `//host/` → `` */
function parentOf(path: string): string {
  const parent = path.slice(0, path.lastIndexOf("/", path.length - 2) + 1);
  return parent === "//" ? "" : parent;
}

function normalised(text: string, where: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse(`The registry in ${where} is not an http or https URL: ${JSON.stringify(text)}.`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw wrongUse(`The registry in ${where} must be a URL without user, query or fragment.`);
  return url.href.replace(/\/+$/, "");
}
