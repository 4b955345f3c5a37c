import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { AssayError } from "@assay/core";
import { readEnv, splitList, type EnvPass, type Environment } from "./env.ts";
import { readConfigFile, type FilePass } from "./file.ts";
import type { PolicyFile } from "./log-witnesses.ts";
import { readNpmSettings } from "./npm-settings.ts";
import { rememberedFile } from "./remember.ts";
import { resolveConfig, type ConfigSources, type ResolvedConfig } from "./resolve.ts";
import { settings, type Layer, type RawValue, type SecretVariable } from "./settings.ts";

/** What the command line may say; as typed, unchecked. */
export interface Flags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  /** One or more, or a comma-separated list. */
  readonly publicUrl?: string | readonly string[] | undefined;
  readonly upstream?: string | undefined;
  /** `registry` or `log`. */
  readonly role?: string | undefined;
}

export interface LoadedConfig extends ResolvedConfig {
  /** The configuration file that was read, or undefined. */
  readonly path: string | undefined;
}

/**
 * Reads flags, environment, `assay.yaml`, what the data folder remembers and what npm is configured for, and
 * answers the checked result. Changes nothing. Throws CONFIG.
 */
export async function loadConfig(from: {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  /** Default true. For what asks no upstream: npm's registry may well be the very server that is meant. */
  readonly needsUpstream?: boolean;
}): Promise<LoadedConfig> {
  const { cwd } = from;
  const flags = readFlags(from.flags, cwd);
  const env = readEnv(from.env, cwd);
  const named = from.flags.config ?? env.configFile;
  const path = resolve(cwd, named ?? "assay.yaml");
  const text = await readText(
    path,
    named === undefined ? "optional" : "required",
    named === from.flags.config ? "--config" : "ASSAY_CONFIG",
  );
  const file = text === undefined ? undefined : readConfigFile(text, path);
  const remembered = await readRemembered([flags, env.layer, file?.layer], cwd, path);
  const sources: ConfigSources = {
    flags,
    env,
    file,
    remembered,
    witnessesFile: await readPolicyFile([flags, env.layer, file?.layer, remembered?.layer]),
    npm: await readNpmSettings(from.env, cwd, process.execPath).catch((error: unknown) => ({
      failure: error instanceof Error ? error.message : String(error),
    })),
    secretFiles: await readSecretFiles(env, cwd),
    ...(from.needsUpstream !== undefined && { needsUpstream: from.needsUpstream }),
    cwd,
    home: from.env["HOME"] ?? homedir(),
  };
  return { ...resolveConfig(sources), path: text === undefined ? undefined : path };
}

function readFlags(flags: Flags, cwd: string): Layer {
  const given: Readonly<Record<string, unknown>> = {
    data: flags.data,
    host: flags.host,
    port: flags.port,
    "public-url": flags.publicUrl === undefined ? undefined : [flags.publicUrl].flat().flatMap(splitList),
    upstream: flags.upstream,
    role: flags.role,
  };
  const layer = new Map<string, RawValue>();
  for (const { key, flag } of settings) {
    const value = flag === undefined ? undefined : given[flag];
    if (value !== undefined) layer.set(key, { value, source: `--${flag}`, folder: cwd });
  }
  return layer;
}

/** The remembered file of the data folder that these layers choose; what it says about the data folder itself is a problem. */
async function readRemembered(
  layers: readonly (Layer | undefined)[],
  cwd: string,
  configPath: string,
): Promise<FilePass | undefined> {
  const chosen = layers.map((layer) => layer?.get("dataFolder")).find((found) => found !== undefined);
  const value = chosen?.value ?? settings.find(({ key }) => key === "dataFolder")?.fallback;
  if (typeof value !== "string" || value === "") return undefined;
  const path = rememberedFile(resolve(chosen?.folder ?? cwd, value));
  if (path === configPath) return undefined;
  const text = await readText(path, "optional", path);
  if (text === undefined) return undefined;
  const pass = readConfigFile(text, path);
  const own = pass.layer.get("dataFolder");
  return own === undefined
    ? pass
    : { ...pass, problems: [...pass.problems, `dataFolder (${own.source}) cannot be set inside the data folder.`] };
}

/** The file with the witness policy that these layers name. */
async function readPolicyFile(layers: readonly (Layer | undefined)[]): Promise<PolicyFile | undefined> {
  const chosen = layers.map((layer) => layer?.get("log.witnessesFile")).find((found) => found !== undefined);
  if (typeof chosen?.value !== "string" || chosen.value === "") return undefined;
  const path = resolve(chosen.folder, chosen.value);
  return { path, text: (await readText(path, "required", `log.witnessesFile (${chosen.source})`)) ?? "" };
}

async function readSecretFiles(env: EnvPass, cwd: string): Promise<ReadonlyMap<SecretVariable, string>> {
  const contents = new Map<SecretVariable, string>();
  for (const [name, path] of env.secretFiles) {
    contents.set(name, ((await readText(resolve(cwd, path), "required", `${name}_FILE`)) ?? "").trim());
  }
  return contents;
}

async function readText(path: string, need: "optional" | "required", source: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (need === "optional" && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
    const named = source === path ? path : `${source} names ${join(path)}, which`;
    throw new AssayError("CONFIG", { reason: `${named} ${why}.` }, { cause });
  }
}
