/**
 * Writes `vectors/lockfiles/good/<client>/<tool>-<project>.<ext>`: what the real clients, old and new, write for the
 * projects of `lockfile-projects.ts`. A program, run by hand when a client is raised:
 * `node packages/testkit/src/record-lockfiles.ts [part of <tool>-<project>]`.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { clients, type ClientName } from "./clients.ts";
import { clientFile, runClient, type ClientRun, type Surroundings } from "./clients-run.ts";
import { projectFiles, publishForLockfiles, publishGit, type ProjectName } from "./lockfile-projects.ts";
import { createTestUpstream } from "./upstream.ts";

const node = process.execPath;
const vectors = path.join(import.meta.dirname, "..", "..", "..", "vectors", "lockfiles", "good");

/** Clients that nobody should install with any more, for the formats that they left behind. */
const oldClients = {
  npm6: "npm@6.14.18",
  pnpm7: "pnpm@7.33.7",
  pnpm8: "pnpm@8.15.9",
  pnpm9beta: "pnpm@9.0.0-beta.1",
  yarn2: "@yarnpkg/cli-dist@2.4.1",
  yarn3: "@yarnpkg/cli-dist@3.8.5",
  bun12: "@oven/bun-linux-x64@1.2.4",
  deno1: "@deno/linux-x64-glibc@1.46.3",
  deno21: "@deno/linux-x64-glibc@2.1.14",
};

type OldName = keyof typeof oldClients;
type ToolName = OldName | ClientName;

interface Job {
  readonly tool: ToolName;
  readonly project: ProjectName;
}

const matrix: Readonly<Partial<Record<ToolName, readonly ProjectName[]>>> = {
  npm6: ["registry", "sources"],
  npm10: ["registry", "sources", "workspaces"],
  npm12: ["registry", "sources", "workspaces"],
  pnpm7: ["registry"],
  pnpm8: ["registry", "sources", "workspaces"],
  pnpm9beta: ["registry", "sources"],
  pnpm10: ["sources", "catalog"],
  pnpm11: ["catalog"],
  pnpm12: ["registry", "sources", "workspaces", "catalog"],
  yarn1: ["registry", "sources", "workspaces"],
  yarn2: ["workspaces"],
  yarn3: ["registry", "sources"],
  yarn4: ["registry", "sources", "workspaces"],
  bun12: ["registry"],
  bun: ["registry", "sources", "workspaces"],
  deno1: ["registry"],
  deno21: ["registry"],
  deno: ["registry", "workspaces"],
  vlt: ["registry", "workspaces"],
};

await using upstream = await createTestUpstream();
publishForLockfiles(upstream);
const folder = mkdtempSync(path.join(tmpdir(), "assay-lockfiles-"));
const commit = publishGit(upstream, path.join(folder, "git"));
const old = path.join(folder, "old");

try {
  installOldClients();
  const wanted = process.argv[2] ?? "";
  for (const [tool, projects] of Object.entries(matrix) as [ToolName, readonly ProjectName[]][]) {
    for (const project of projects) {
      if (`${tool}-${project}`.includes(wanted)) await record({ tool, project });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function installOldClients(): void {
  mkdirSync(old);
  writeFileSync(path.join(old, "package.json"), "{}");
  const specs = Object.entries(oldClients).map(([name, spec]) => `${name}@npm:${spec}`);
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...specs], {
    cwd: old,
    stdio: "inherit",
  });
  for (const file of ["bun12/bin/bun", "deno1/deno", "deno21/deno"]) chmodSync(oldFile(file), 0o755);
}

function oldFile(file: string): string {
  return path.join(old, "node_modules", file);
}

async function record({ tool, project }: Job): Promise<void> {
  const base = path.join(folder, `${tool}-${project}`);
  const where = { project: path.join(base, "project"), home: path.join(base, "home"), cache: path.join(base, "cache") };
  // Deno 2.1 and pnpm 8 cannot read git sources of this kind.
  const hasGit = !["pnpm8", "deno21", "deno1"].includes(tool);
  write(where.project, projectFiles(project, upstream, hasGit ? commit : undefined));
  const run =
    tool in oldClients ? await runOld(tool as OldName, where) : await runNew(tool as ClientName, project, where);
  const lockfile = lockfileOf(tool);
  const file = path.join(where.project, lockfile);
  if (run.exitCode !== 0 || !existsSync(file)) throw new Error(`${tool} on ${project}: ${run.output.slice(-3000)}`);
  const client = /^[a-z]+/.exec(tool.replace("beta", ""))?.[0] ?? tool;
  const target = path.join(vectors, client, `${tool}-${project}${path.extname(lockfile)}`);
  write(path.dirname(target), { [path.basename(target)]: anonymous(readFileSync(file, "utf8")) });
  process.stdout.write(`${target}\n`);
}

/** Nothing of this machine stays in a vector: the registry's address in every spelling, and the folder. */
function anonymous(text: string): string {
  const host = new URL(upstream.url).host;
  return [
    [upstream.url, "https://registry.example.com"],
    [encodeURIComponent(upstream.url), encodeURIComponent("https://registry.example.com")],
    [`http_c++${host.replace(":", "_c")}`, "https_c++registry.example.com"],
    [host.replace(":", "+"), "registry.example.com"],
    [folder, "/srv/example"],
  ].reduce((changed, [from = "", to = ""]) => changed.replaceAll(from, to), text);
}

function write(base: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(base, name)), { recursive: true });
    writeFileSync(path.join(base, name), content);
  }
}

function lockfileOf(tool: ToolName): string {
  if (tool.startsWith("yarn")) return "yarn.lock";
  if (tool.startsWith("pnpm")) return "pnpm-lock.yaml";
  if (tool.startsWith("npm")) return "package-lock.json";
  return tool === "vlt" ? "vlt-lock.json" : `${tool.replace(/\d+$/, "")}.lock`;
}

/** The driver's own settings, and what these projects need beyond them. */
async function runNew(tool: ClientName, project: ProjectName, where: Surroundings): Promise<ClientRun> {
  const client = clients[tool];
  const request = { ...where, registry: upstream.url };
  if (tool === "npm12" && project === "sources") {
    const allow = { npm_config_allow_remote: "all", npm_config_allow_git: "all" };
    return await client.install({
      ...request,
      env: { ...allow, npm_config_allow_file: "all", npm_config_allow_directory: "all" },
    });
  }
  if (tool === "yarn4") return await client.install({ ...request, env: { YARN_APPROVED_GIT_REPOSITORIES: "**" } });
  if (tool === "vlt") return await runVlt(project, where);
  if (tool.startsWith("pnpm")) return await runPnpm(tool, project, where);
  return await client.install(request);
}

async function runVlt(project: ProjectName, where: Surroundings): Promise<ClientRun> {
  const registry = `${upstream.url}/`;
  const config = project === "registry" ? { registry, registries: { local: registry } } : { registry };
  // Its aliases with npm: lead to the public registry whatever is configured; those of a named one do not.
  const manifest = readFileSync(path.join(where.project, "package.json"), "utf8").replaceAll('"npm:', '"local:');
  write(where.project, { "package.json": manifest, "vlt.json": JSON.stringify({ workspaces: "packages/*", config }) });
  if (project === "workspaces") {
    const file = path.join(where.project, "packages/a/package.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"@ws/b": "1.0.0"', '"@ws/b": "workspace:*"'));
  }
  return await runClient([node, clientFile("vlt", "vlt.js"), "install", "--view=silent"], where);
}

async function runPnpm(tool: ClientName, project: ProjectName, where: Surroundings): Promise<ClientRun> {
  const { integrity } = upstream.document("has-bin").versions["3.0.0"]?.dist ?? {};
  const special = {
    registry: [],
    sources: ["blockExoticSubdeps: false"],
    workspaces: ["linkWorkspacePackages: true", "packages:", "  - packages/*"],
    catalog: [
      "catalog:",
      "  plain: ^1.0.0",
      "  '@acme/lib': 2.0.0-rc.1",
      "configDependencies:",
      `  has-bin: 3.0.0+${String(integrity)}`,
      "patchedDependencies:",
      "  plain@1.1.0: plain.patch",
    ],
  }[project];
  write(where.project, pnpmSettings(special));
  const programs: Partial<Record<ClientName, readonly string[]>> = {
    pnpm10: [node, clientFile("pnpm10", "bin", "pnpm.cjs")],
    pnpm11: [node, clientFile("pnpm11", "bin", "pnpm.mjs")],
    pnpm12: [clientFile("pnpm12", "pnpm")],
  };
  const [program = "", ...args] = programs[tool] ?? [];
  return await runClient(
    [program, ...args, "install", "--no-frozen-lockfile", `--store-dir=${where.cache}/store`],
    where,
  );
}

function pnpmSettings(more: readonly string[]): Readonly<Record<string, string>> {
  const rows = [
    `registry: ${upstream.url}/`,
    "minimumReleaseAge: 0",
    "updateNotifier: false",
    "ignoreScripts: true",
    ...more,
  ];
  return { ".npmrc": `registry=${upstream.url}/\n`, "pnpm-workspace.yaml": `${rows.join("\n")}\n` };
}

async function runOld(tool: OldName, where: Surroundings): Promise<ClientRun> {
  const npmrc = `registry=${upstream.url}/\naudit=false\nfund=false\nupdate-notifier=false\n`;
  const pnpm = [node, oldFile(`${tool}/bin/pnpm.cjs`), "install", `--store-dir=${where.cache}/store`] as const;
  const berry = [node, oldFile(`${tool}/bin/yarn.js`), "install"] as const;
  const yarnrc = [
    `npmRegistryServer: "${upstream.url}"`,
    `unsafeHttpWhitelist: ["127.0.0.1"]`,
    "enableTelemetry: false",
    "nodeLinker: node-modules",
    `globalFolder: "${where.cache}/yarn"`,
  ];
  const settings: Readonly<Record<OldName, Readonly<Record<string, string>>>> = {
    npm6: { ".npmrc": npmrc },
    pnpm7: { ".npmrc": npmrc },
    pnpm8: { ".npmrc": `${npmrc}link-workspace-packages=true\n`, "pnpm-workspace.yaml": "packages:\n  - packages/*\n" },
    pnpm9beta: { ".npmrc": npmrc },
    yarn2: { ".yarnrc.yml": `${yarnrc.join("\n")}\n` },
    yarn3: { ".yarnrc.yml": `${yarnrc.join("\n")}\n` },
    bun12: { "bunfig.toml": `[install]\nregistry = "${upstream.url}/"\n` },
    deno1: {
      ".npmrc": npmrc,
      "main.ts": 'import "npm:plain@1";\nimport "npm:with-peer@1";\nimport "npm:@acme/lib@2.0.0-rc.1";\n',
      "deno.json": "{}",
    },
    deno21: { ".npmrc": npmrc, "deno.json": `{"nodeModulesDir":"auto"}` },
  };
  const commands: Readonly<Record<OldName, readonly [string, ...string[]]>> = {
    npm6: [node, oldFile("npm6/bin/npm-cli.js"), "install", `--cache=${where.cache}/npm`],
    pnpm7: [...pnpm, "--no-frozen-lockfile"],
    pnpm8: [...pnpm, "--no-frozen-lockfile"],
    pnpm9beta: [...pnpm, "--no-frozen-lockfile"],
    yarn2: berry,
    yarn3: berry,
    bun12: [oldFile("bun12/bin/bun"), "install", "--save-text-lockfile", `--cache-dir=${where.cache}/bun`],
    deno1: [oldFile("deno1/deno"), "cache", "--lock=deno.lock", "--lock-write", "main.ts"],
    deno21: [oldFile("deno21/deno"), "install"],
  };
  write(where.project, settings[tool]);
  const env = { DENO_DIR: `${where.cache}/deno`, YARN_ENABLE_IMMUTABLE_INSTALLS: "false" };
  return await runClient(commands[tool], { ...where, env });
}
