/**
 * `npm run check`: types, lint, format, import boundaries, dead code. Everything runs at once; the output of
 * what failed is printed. Exit code 1 when anything failed.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

const bin = (name: string) => `node_modules/.bin/${name}`;

function typeChecks(): Check[] {
  const projects = readdirSync("packages")
    .flatMap((name) => [`packages/${name}/tsconfig.json`, `packages/${name}/tsconfig.test.json`])
    .concat("tools/tsconfig.json");
  return projects
    .filter((project) => existsSync(project))
    .map((project) => ({ name: `types ${project}`, command: [bin("tsc"), "-p", project] }));
}

const checks: readonly Check[] = [
  ...typeChecks(),
  { name: "lint", command: [bin("oxlint"), "packages", "tools", "bench"] },
  { name: "format", command: [bin("oxfmt"), "--check", "packages", "tools", "bench"] },
  { name: "boundaries", command: [process.execPath, "tools/boundaries.ts"] },
  { name: "answers", command: [process.execPath, "tools/faq-tables.ts", "--check"] },
  { name: "dead code", command: [bin("knip")] },
];

function run(check: Check): Promise<{ check: Check; code: number; output: string; ms: number }> {
  const started = performance.now();
  const [file = "", ...args] = check.command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ check, code: code ?? 1, output, ms: performance.now() - started }));
  });
}

const queue = [...checks];
let failed = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { check, code, output, ms } = await run(next);
      console.log(`${code === 0 ? "ok  " : "FAIL"} ${check.name} (${(ms / 1000).toFixed(1)} s)`);
      if (code !== 0) {
        failed += 1;
        console.log(output);
      }
    }
  }),
);
process.exitCode = failed === 0 ? 0 : 1;
