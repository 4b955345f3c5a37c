/**
 * The package managers that Assay serves, each driven the way its users do, pinned in
 * `packages/testkit/clients` (run `installClients` first).
 *
 * Every run is isolated: own HOME, own cache, no inherited npm configuration, no scripts, no telemetry, and
 * the minimum-age gates off, because a package published this morning must not decide a test.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  bunIntegrities,
  denoIntegrities,
  npmIntegrities,
  pnpmIntegrities,
  vltIntegrities,
  yarn1Integrities,
  yarn4Integrities,
} from "./clients-lockfiles.ts";
import type { Integrities } from "./clients-lockfiles.ts";
import { clientFile, runClient } from "./clients-run.ts";
import type { ClientRun, Surroundings } from "./clients-run.ts";

export type { Integrities } from "./clients-lockfiles.ts";
export type { ClientRun, Surroundings } from "./clients-run.ts";

/** One install. */
export interface InstallRequest extends Surroundings {
  /** Base URL of the registry, without a trailing slash. */
  readonly registry: string;
  /** Install exactly what the lockfile says (`npm ci` and its kin). Default false. */
  readonly frozen?: boolean;
  /** Lines for the end of the client's settings: YAML of pnpm and Yarn 4, .npmrc of Deno. */
  readonly moreSettings?: string;
}

/** A package manager. */
export interface Client {
  readonly name: ClientName;
  /** Name of the lockfile that it writes. */
  readonly lockfile: string;
  /** Installs the project of the request; never throws for a failed install: see `exitCode`. */
  install(request: InstallRequest): Promise<ClientRun>;
  /** Runs any other command of the client in the same isolation, with the same settings and cache. */
  run(request: InstallRequest, parameters: readonly string[]): Promise<ClientRun>;
  /** What the lockfile in the project folder says, or an empty map when there is none. */
  integrities(project: string): Integrities;
}

export type ClientName =
  | "npm10"
  | "npm11"
  | "npm12"
  | "pnpm10"
  | "pnpm11"
  | "pnpm12"
  | "yarn1"
  | "yarn4"
  | "bun"
  | "deno"
  | "vlt";

interface ClientKind {
  readonly lockfile: string;
  readonly parse: (text: string) => Integrities;
  /** Files that the client reads its settings from, written into the project before the run. */
  readonly settings: (request: InstallRequest) => Readonly<Record<string, string>>;
  readonly program: readonly [string, ...string[]];
  /** What follows the program to install. */
  readonly install: (request: InstallRequest) => readonly string[];
  readonly env?: (request: InstallRequest) => Readonly<Record<string, string>>;
}

const node = process.execPath;

const npmrc = (request: InstallRequest): Record<string, string> => ({
  ".npmrc": [
    `registry=${request.registry}/`,
    "audit=false",
    "fund=false",
    "update-notifier=false",
    "ignore-scripts=true",
    "min-release-age=0",
    "",
  ].join("\n"),
});

function npm(entry: string): ClientKind {
  return {
    lockfile: "package-lock.json",
    parse: npmIntegrities,
    settings: (request) => {
      const files = npmrc(request);
      // npm 10 does not know the age gate and warns about unknown keys.
      if (entry === "npm10") files[".npmrc"] = files[".npmrc"]?.replace("min-release-age=0\n", "") ?? "";
      return files;
    },
    program: [node, clientFile(entry, "bin", "npm-cli.js")],
    install: (request) => [
      request.frozen === true ? "ci" : "install",
      "--loglevel=warn",
      "--no-progress",
      `--cache=${path.join(request.cache, "npm")}`,
    ],
    env: (request) => ({ npm_config_cache: path.join(request.cache, "npm") }),
  };
}

function pnpm(entry: string, program: readonly [string, ...string[]]): ClientKind {
  return {
    lockfile: "pnpm-lock.yaml",
    parse: pnpmIntegrities,
    settings: (request) => ({
      ".npmrc": `registry=${request.registry}/\n`,
      "pnpm-workspace.yaml": [
        `registry: ${request.registry}/`,
        "minimumReleaseAge: 0",
        "updateNotifier: false",
        "ignoreScripts: true",
        "strictDepBuilds: false",
        "packageManagerStrict: false",
        "packages: []",
        `storeDir: ${path.join(request.cache, `${entry}-store`)}`,
        request.moreSettings ?? "",
      ].join("\n"),
    }),
    program,
    install: (request) => [
      "install",
      "--ignore-scripts",
      request.frozen === true ? "--frozen-lockfile" : "--no-frozen-lockfile",
      "--reporter=append-only",
    ],
    env: (request) => ({ PNPM_HOME: path.join(request.home, "pnpm") }),
  };
}

const kinds: { readonly [Name in ClientName]: ClientKind } = {
  npm10: npm("npm10"),
  npm11: npm("npm11"),
  npm12: npm("npm12"),
  pnpm10: pnpm("pnpm10", [node, clientFile("pnpm10", "bin", "pnpm.cjs")]),
  pnpm11: pnpm("pnpm11", [node, clientFile("pnpm11", "bin", "pnpm.mjs")]),
  pnpm12: pnpm("pnpm12", [clientFile("pnpm12", "pnpm")]),
  yarn1: {
    lockfile: "yarn.lock",
    parse: yarn1Integrities,
    settings: (request) => ({
      ".npmrc": `registry=${request.registry}/\n`,
      ".yarnrc": `registry "${request.registry}/"\ndisable-self-update-check true\n`,
    }),
    program: [node, clientFile("yarn1", "bin", "yarn.js")],
    install: (request) => [
      "install",
      "--non-interactive",
      "--ignore-scripts",
      "--ignore-engines",
      "--no-progress",
      ...(request.frozen === true ? ["--frozen-lockfile"] : []),
      `--cache-folder=${path.join(request.cache, "yarn1")}`,
    ],
    env: (request) => ({ YARN_CACHE_FOLDER: path.join(request.cache, "yarn1") }),
  },
  yarn4: {
    lockfile: "yarn.lock",
    parse: yarn4Integrities,
    settings: (request) => ({
      ".yarnrc.yml": [
        `npmRegistryServer: "${request.registry}"`,
        `unsafeHttpWhitelist: ["127.0.0.1", "localhost"]`,
        "npmMinimalAgeGate: 0",
        "enableTelemetry: false",
        "enableScripts: false",
        "enableGlobalCache: true",
        `globalFolder: "${path.join(request.cache, "yarn4")}"`,
        "nodeLinker: node-modules",
        "enableHardenedMode: false",
        request.moreSettings ?? "",
      ].join("\n"),
    }),
    program: [node, clientFile("yarn4", "bin", "yarn.js")],
    install: (request) => ["install", request.frozen === true ? "--immutable" : "--no-immutable"],
  },
  bun: {
    lockfile: "bun.lock",
    parse: bunIntegrities,
    settings: (request) => ({
      ".npmrc": `registry=${request.registry}/\n`,
      "bunfig.toml": `telemetry = false\n[install]\nregistry = "${request.registry}/"\nminimumReleaseAge = 0\n`,
    }),
    program: [clientFile("bun", "bin", "bun")],
    install: (request) => [
      "install",
      "--ignore-scripts",
      "--no-progress",
      ...(request.frozen === true ? ["--frozen-lockfile"] : []),
      `--cache-dir=${path.join(request.cache, "bun")}`,
    ],
    env: (request) => ({ BUN_INSTALL_CACHE_DIR: path.join(request.cache, "bun") }),
  },
  deno: {
    lockfile: "deno.lock",
    parse: denoIntegrities,
    settings: (request) => ({
      ".npmrc": `registry=${request.registry}/\n${request.moreSettings ?? ""}\n`,
      "deno.json": `{"nodeModulesDir":"auto"}\n`,
    }),
    program: [clientFile("deno", "deno")],
    install: (request) => ["install", "--minimum-dependency-age=0", ...(request.frozen === true ? ["--frozen"] : [])],
    env: (request) => ({
      DENO_DIR: path.join(request.cache, "deno"),
      DENO_NO_UPDATE_CHECK: "1",
      DENO_TLS_CA_STORE: "system,mozilla",
    }),
  },
  vlt: {
    lockfile: "vlt-lock.json",
    parse: vltIntegrities,
    settings: (request) => ({
      "vlt.json": `${JSON.stringify({ config: { registry: `${request.registry}/` } })}\n`,
    }),
    program: [node, clientFile("vlt", "vlt.js")],
    install: (request) => ["install", "--view=silent", ...(request.frozen === true ? ["--frozen-lockfile"] : [])],
  },
};

function createClient(name: ClientName, kind: ClientKind): Client {
  const run: Client["run"] = (request, parameters) => {
    for (const [file, text] of Object.entries(kind.settings(request))) {
      writeFileSync(path.join(request.project, file), text);
    }
    return runClient([...kind.program, ...parameters], {
      ...request,
      env: { ...kind.env?.(request), ...request.env },
    });
  };
  return {
    name,
    lockfile: kind.lockfile,
    install: (request) => run(request, kind.install(request)),
    run,
    integrities(project) {
      const file = path.join(project, kind.lockfile);
      return existsSync(file) ? kind.parse(readFileSync(file, "utf8")) : new Map();
    },
  };
}

/** Every client, by name. */
export const clients: { readonly [Name in ClientName]: Client } = {
  npm10: createClient("npm10", kinds.npm10),
  npm11: createClient("npm11", kinds.npm11),
  npm12: createClient("npm12", kinds.npm12),
  pnpm10: createClient("pnpm10", kinds.pnpm10),
  pnpm11: createClient("pnpm11", kinds.pnpm11),
  pnpm12: createClient("pnpm12", kinds.pnpm12),
  yarn1: createClient("yarn1", kinds.yarn1),
  yarn4: createClient("yarn4", kinds.yarn4),
  bun: createClient("bun", kinds.bun),
  deno: createClient("deno", kinds.deno),
  vlt: createClient("vlt", kinds.vlt),
};

/** Deletes what an install made, so that the next one starts from package.json and, when kept, the lockfile. */
export function forgetInstall(project: string, client: Client, keepLockfile: boolean): void {
  rmSync(path.join(project, "node_modules"), { recursive: true, force: true });
  if (!keepLockfile) rmSync(path.join(project, client.lockfile), { force: true });
}
