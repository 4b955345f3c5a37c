/**
 * `assay verify` as a person runs it, a process each time, for lockfiles of 300 and 1,500 packages against a warm server
 * on loopback; and the bundle that it asks for: time and bytes.
 *
 * Alone: `node bench/verify.ts [rounds]`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import { figure, median } from "./numbers.ts";
import type { Row } from "./table.ts";

const counts = [300, 1500] as const;
const budgetMs = 1000;

interface Locked {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Lockfiles of three kinds of syntax: JSON, YAML, and Yarn 1's own. */
const formats: Readonly<Record<string, (packages: readonly Locked[]) => string>> = {
  "package-lock.json": (packages) =>
    JSON.stringify(
      {
        lockfileVersion: 3,
        packages: Object.fromEntries(
          packages.map(({ name, version, integrity }) => [
            `node_modules/${name}`,
            { version, resolved: `https://registry.example.com/${name}/-/x.tgz`, integrity, engines: { node: ">=18" } },
          ]),
        ),
      },
      undefined,
      2,
    ),
  "pnpm-lock.yaml": (packages) =>
    `lockfileVersion: '9.0'\n\npackages:\n${packages
      .map(
        (p) =>
          `\n  '${p.name}@${p.version}':\n    resolution: {integrity: ${p.integrity}}\n    engines: {node: '>=18'}\n`,
      )
      .join("")}\nsnapshots:\n${packages
      .map(
        (p) => `\n  '${p.name}@${p.version}':\n    dependencies:\n      left: 1.0.0\n      right: 2.0.0(peer@1.0.0)\n`,
      )
      .join("")}`,
  "yarn.lock": (packages) =>
    `# yarn lockfile v1\n\n${packages
      .map((p) => `\n"${p.name}@^1.0.0":\n  version "${p.version}"\n  integrity ${p.integrity}\n`)
      .join("")}`,
};

/** Measures both sizes in every format; rows for the table of all benchmarks. */
export async function measureVerify(say: (line: string) => void, rounds = 5): Promise<readonly Row[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "assay-bench-verify-"));
  await using upstream = await createTestUpstream();
  const packages = Array.from({ length: Math.max(...counts) }, (_, i): Locked => {
    const name = i % 4 === 0 ? `@scope-${i % 7}/package-number-${i}` : `package-number-${i}`;
    const { version, integrity } = upstream.publish({ name, version: `1.${i % 10}.0` });
    return { name, version, integrity };
  });
  await using installation = await createInstallation();
  await using server = await startServer(installation, { upstream: upstream.url });
  try {
    const trust = `--trust=${await vkeyOf(server)}`;
    const rows: Row[] = [];
    for (const count of counts) {
      const some = packages.slice(0, count);
      for (const [fileName, write] of Object.entries(formats)) {
        const project = path.join(folder, fileName);
        writeFileSync(path.join(folder, fileName), write(some));
        const args = ["verify", project, `--registry=${server.url}`, trust];
        // The first one looks everything up; the next finds it bound, and the caches of the machine filled.
        for (let i = 0; i < 2; i += 1) await run(installation, args);
        const times = [];
        for (let round = 0; round < rounds; round += 1) times.push(await run(installation, args));
        const ms = median(times);
        say(`verify ${count} packages of a ${fileName}: ${figure(ms)} ms`);
        rows.push({
          what: `assay verify, ${count} packages, ${fileName}`,
          unit: "ms",
          values: { Assay: Math.round(ms) },
          budget: { text: `≤ ${budgetMs}`, isMet: ms <= budgetMs },
        });
      }
      await sayBundle(server, some, rounds, say);
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function vkeyOf(server: ServerProcess): Promise<string> {
  const { logs } = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { vkey: string }[] };
  return logs[0]?.vkey ?? "";
}

async function run(installation: Installation, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const { exitCode, stdout, stderr } = await runAssay(installation, args);
  const ms = performance.now() - started;
  if (exitCode !== 0) throw new Error(`${stdout}${stderr}`.slice(0, 2000));
  return ms;
}

async function sayBundle(
  server: ServerProcess,
  packages: readonly Locked[],
  rounds: number,
  say: (line: string) => void,
): Promise<void> {
  const body = JSON.stringify({ entries: packages.map(({ name, version }) => ({ name, version })) });
  const headers = { "content-type": "application/json" };
  const times = [];
  let bytes = new Uint8Array();
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    bytes = new Uint8Array(
      await (await fetch(`${server.url}/-/log/bundle`, { method: "POST", headers, body })).arrayBuffer(),
    );
    times.push(performance.now() - started);
  }
  say(
    `bundle of ${packages.length}: ${figure(median(times))} ms, ${figure(bytes.length / 1024)} KiB, ${figure(gzipSync(bytes).length / 1024)} KiB gzipped`,
  );
}

if (import.meta.main) {
  await measureVerify((line) => console.log(line), Number(process.argv[2] ?? 5));
}
