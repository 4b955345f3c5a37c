/**
 * A real project of over 800 packages, installed straight from the upstream and through Assay in turn: the
 * upstream is noisy, so only medians over alternating rounds mean anything. The client's own cache is empty
 * every time; "cold" and "warm" speak of Assay.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { clients } from "@assay/testkit/clients";
import type { ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { startAssay, startVerdaccio } from "./contenders.ts";
import type { ContenderName } from "./contenders.ts";
import { median } from "./numbers.ts";
import type { Row } from "./table.ts";

export interface InstallsOptions {
  /** The real upstream, not the recording. */
  readonly upstream: string;
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly client: ClientName;
  readonly say: (line: string) => void;
}

const fixture = path.join(import.meta.dirname, "..", "packages/testkit/fixtures/project-800/package.json");

type Times = Partial<Record<ContenderName, number[]>>;

/** Two ways: with a lockfile (tarballs mostly) and without (every packument is read and resolved). */
export async function measureInstalls(options: InstallsOptions): Promise<readonly Row[]> {
  await installClients(options.say);
  const folder = mkdtempSync(path.join(tmpdir(), "bench-installs-"));
  try {
    const lockfile = await makeLockfile(folder, options);
    const rows: Row[] = [];
    for (const way of ["with a lockfile", "without a lockfile"] as const) {
      rows.push(...(await measureWay(folder, way, way === "with a lockfile" ? lockfile : undefined, options)));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureWay(
  folder: string,
  way: string,
  lockfile: string | undefined,
  options: InstallsOptions,
): Promise<readonly Row[]> {
  const straight: number[] = [];
  const cold: Times = {};
  const warm: Times = {};
  const servers = options.contenders.filter((name) => name !== "nginx");
  for (let round = 0; round < options.rounds; round += 1) {
    straight.push(await timeInstall(folder, options.upstream, lockfile, options));
    options.say(`  round ${round + 1}, ${way}: straight ${straight.at(-1)?.toFixed(1)} s`);
    for (const name of servers) {
      await using server =
        name === "Assay" ? await startAssay(options.upstream) : await startVerdaccio(options.upstream);
      const first = await timeInstall(folder, server.url, lockfile, options);
      const second = await timeInstall(folder, server.url, lockfile, options);
      (cold[name] ??= []).push(first);
      (warm[name] ??= []).push(second);
      options.say(`  round ${round + 1}, ${way}: ${name} cold ${first.toFixed(1)} s, warm ${second.toFixed(1)} s`);
    }
  }
  const base = median(straight);
  const ratios = (times: Times): Row["values"] =>
    Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all) / base]));
  const row = (what: string, times: Times, limit: number): Row => {
    const values = ratios(times);
    return {
      what: `${options.client}, 800 packages, ${way}, ${what} (straight: ${base.toFixed(1)} s)`,
      unit: "÷ straight",
      values,
      budget: { text: `≤ ${limit}`, isMet: (values.Assay ?? Infinity) <= limit },
    };
  };
  return [row("cold", cold, 1.15), row("warm", warm, 0.8)];
}

/** Seconds of one install into an empty folder with an empty client cache. Throws when the client fails. */
async function timeInstall(
  folder: string,
  registry: string,
  lockfile: string | undefined,
  options: InstallsOptions,
): Promise<number> {
  const client = clients[options.client];
  const root = mkdtempSync(path.join(folder, "run-"));
  const project = path.join(root, "project");
  mkdirSync(project);
  cpSync(fixture, path.join(project, "package.json"));
  if (lockfile !== undefined) {
    // npm's lockfile names the registry; each contender gets it with its own URL.
    const text = lockfile.replaceAll(`${options.upstream}/`, `${registry}/`);
    writeFileSync(path.join(project, client.lockfile), text);
  }
  const run = await client.install({
    project,
    registry,
    home: path.join(root, "home"),
    cache: path.join(root, "cache"),
    frozen: lockfile !== undefined,
  });
  if (run.exitCode !== 0) throw new Error(`${options.client} failed:\n${run.output.slice(-3000)}`);
  rmSync(root, { recursive: true, force: true });
  return run.seconds;
}

async function makeLockfile(folder: string, options: InstallsOptions): Promise<string> {
  const client = clients[options.client];
  const project = path.join(folder, "locked");
  mkdirSync(project);
  cpSync(fixture, path.join(project, "package.json"));
  const run = await client.install({
    project,
    registry: options.upstream,
    home: path.join(folder, "locked-home"),
    cache: path.join(folder, "locked-cache"),
  });
  if (run.exitCode !== 0) throw new Error(`${options.client} failed:\n${run.output.slice(-3000)}`);
  return readFileSync(path.join(project, client.lockfile), "utf8");
}
