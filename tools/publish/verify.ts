/**
 * Makes what is published of `@assay/verify`: plain ES modules with types, no dependencies, and the plugins for pnpm and
 * Yarn as one file each. `node tools/publish/verify.ts <folder>` writes `<folder>/verify` and
 * `<folder>/pnpm-plugin-verify`, each ready for `npm pack`.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build, type BuildOptions } from "esbuild";

const repository = path.join(import.meta.dirname, "..", "..");
const source = path.join(repository, "packages", "verify", "src");

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

/** Runs wherever the code claims to run: browsers and workers, Node 20 and later. */
const common: BuildOptions = {
  bundle: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

/** Builds both packages below `folder`, which is emptied first. */
export async function buildPackages(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const verify = path.join(folder, "verify");
  const pnpm = path.join(folder, "pnpm-plugin-verify");
  for (const place of [verify, pnpm]) mkdirSync(place, { recursive: true });
  await buildModules(path.join(verify, "dist"));
  buildTypes(path.join(verify, "types"));
  await buildPlugins(path.join(verify, "plugins"));
  writeVerifyPackage(verify);
  cpSync(path.join(verify, "plugins", "assay-pnpm.cjs"), path.join(pnpm, "pnpmfile.cjs"));
  writePnpmPackage(pnpm);
  for (const place of [verify, pnpm]) writeLicences(place);
}

/** Both entries share one copy of the rest: an error of one is an error of the other. */
async function buildModules(outdir: string): Promise<void> {
  await build({
    ...common,
    entryPoints: { index: path.join(source, "index.ts"), node: path.join(source, "node", "index.ts") },
    outdir,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    splitting: true,
    chunkNames: "shared-[hash]",
  });
}

async function buildPlugins(outdir: string): Promise<void> {
  const plugins = path.join(source, "node", "plugins");
  await build({
    ...common,
    entryPoints: { "assay-pnpm": path.join(plugins, "pnpm.ts") },
    outdir,
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    platform: "node",
  });
  await build({
    ...common,
    entryPoints: { "assay-yarn": path.join(plugins, "yarn.ts") },
    outdir,
    outExtension: { ".js": ".cjs" },
    format: "iife",
    globalName: "plugin",
    platform: "node",
    // The form that Yarn loads: a factory, given a `require` of Yarn's own.
    banner: { js: 'module.exports = { name: "@assay/yarn-plugin-verify", factory: function (require) {' },
    footer: { js: "return { hooks: plugin.createYarnHooks() };\n} };" },
  });
}

/** Types of verify and of the core that they speak of, side by side; imports become those of the published files. */
function buildTypes(outdir: string): void {
  const tsc = path.join(repository, "node_modules", ".bin", "tsc");
  execFileSync(tsc, ["-p", path.join(import.meta.dirname, "tsconfig.json"), "--outDir", outdir], { stdio: "inherit" });
  for (const file of readdirSync(outdir, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".d.ts"),
  )) {
    const place = path.join(outdir, file);
    const core = path.relative(path.dirname(place), path.join(outdir, "core", "src", "index.js"));
    const text = readFileSync(place, "utf8")
      .replaceAll(/(from |import\()"@assay\/core"/g, `$1"${core}"`)
      .replaceAll(/((?:from |import\()"\.[^"]*)\.ts"/g, '$1.js"');
    writeFileSync(place, text);
  }
}

function writeVerifyPackage(folder: string): void {
  const entry = (name: string, types: string) => ({
    types: `./types/verify/src/${types}.d.ts`,
    default: `./dist/${name}.js`,
  });
  writeManifest(folder, "@assay/verify", {
    type: "module",
    sideEffects: false,
    exports: {
      ".": entry("index", "index"),
      "./node": entry("node", "node/index"),
      "./plugins/*": "./plugins/*",
      "./package.json": "./package.json",
    },
    files: ["dist", "types", "plugins", "LICENSE*", "README.md"],
  });
  cpSync(path.join(source, "..", "README.md"), path.join(folder, "README.md"));
}

/** pnpm takes the pnpmfile of every configuration dependency with such a name. */
function writePnpmPackage(folder: string): void {
  const files = ["pnpmfile.cjs", "LICENSE*"];
  writeManifest(folder, "@assay/pnpm-plugin-verify", { files });
}

function writeManifest(folder: string, name: string, rest: object): void {
  const own = JSON.parse(readFileSync(path.join(source, "..", "package.json"), "utf8")) as Manifest;
  const { version, description, license } = own;
  const manifest = { name, version, description, license, engines: { node: ">=20" }, ...rest };
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Ours, and that of the one library that is bundled. */
function writeLicences(folder: string): void {
  cpSync(path.join(repository, "LICENSE"), path.join(folder, "LICENSE"));
  cpSync(path.join(repository, "node_modules", "yaml", "LICENSE"), path.join(folder, "LICENSE-yaml"));
}

if (import.meta.main) {
  const folder = path.resolve(process.argv[2] ?? path.join(repository, ".cache", "publish"));
  await buildPackages(folder);
  console.log(`${folder}/verify and ${folder}/pnpm-plugin-verify: npm pack each of them`);
}
