/**
 * `npm run bench [-- --only reads,start,stall,install,binds,verify --rounds 5 --seconds 4 --client npm12 --quick]`:
 * Assay beside Verdaccio and nginx on this machine, as a table of ratios. What is missing is named and left out.
 */
import { existsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { clients } from "@assay/testkit/clients";
import type { ClientName } from "@assay/testkit/clients";
import { canReach, configuredUpstream } from "@assay/testkit/configured-upstream";
import { nginxIsInstalled } from "@assay/testkit/nginx";
import { installVerdaccio } from "@assay/testkit/verdaccio";
import type { ContenderName } from "./contenders.ts";
import { measureInstalls } from "./installs.ts";
import { measureReads } from "./reads.ts";
import { loadRecording, serveRecording } from "./recording.ts";
import { measureStall } from "./stall.ts";
import { measureStarts } from "./starts.ts";
import { renderTable } from "./table.ts";
import type { Row } from "./table.ts";
import { measureVerify } from "./verify.ts";
import { hasWrk } from "./wrk.ts";

const parts = ["reads", "start", "stall", "install", "binds", "verify"] as const;
type Part = (typeof parts)[number];

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    client: { type: "string", default: "npm12" },
    without: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 2 : 4));
const wanted = (values.only?.split(",") ?? parts).map(partNamed);
const without = values.without.split(",");

const upstream = await configuredUpstream();
const isReachable = upstream !== undefined && (await canReach(upstream));
const contenders = await availableContenders();
const rows: Row[] = [];
say(
  `${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} cores, Node ${process.version}, ` +
    `${rounds} rounds; nginx with one worker; medians`,
);

if (wanted.some((part) => ["reads", "start", "stall"].includes(part))) {
  const recording = await loadRecording(isReachable ? upstream : undefined, say);
  await using recorded = await serveRecording(recording);
  const common = { upstream: recorded.url, contenders, rounds, say };
  if (wanted.includes("start")) {
    rows.push(...(await titled("Starts", () => measureStarts(common))));
  }
  if (wanted.includes("reads") && (await wrkOrSay())) {
    rows.push(...(await titled("Reads", () => measureReads({ ...common, recording, seconds }))));
  }
  if (wanted.includes("stall")) {
    rows.push(...(await titled("Stall", () => measureStall({ ...common, rounds: Math.min(rounds, 3) }))));
  }
}
if (wanted.includes("install")) {
  if (upstream === undefined || !isReachable) {
    say("SKIPPED install: the registry that npm is configured for cannot be reached.");
  } else {
    const client = clientNamed(values.client);
    rows.push(
      ...(await titled("Installs", () =>
        measureInstalls({ upstream, contenders, rounds: Math.min(rounds, 3), client, say }),
      )),
    );
  }
}
if (wanted.includes("verify")) rows.push(...(await titled("Verify", () => measureVerify(say, rounds))));
if (wanted.includes("binds")) rows.push(...(await titled("Binds", measureBinds)));
say(`\n${renderTable(rows)}`);

async function titled(title: string, measure: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
  say(`\n${title}`);
  return measure();
}

async function availableContenders(): Promise<readonly ContenderName[]> {
  const names: ContenderName[] = [];
  if (!without.includes("Assay")) names.push("Assay");
  if (!without.includes("Verdaccio")) {
    try {
      await installVerdaccio(say);
      names.push("Verdaccio");
    } catch (error) {
      say(`SKIPPED Verdaccio: it could not be installed: ${String(error)}`);
    }
  }
  if (!without.includes("nginx")) {
    if (nginxIsInstalled()) names.push("nginx");
    else say("SKIPPED nginx: it is not installed (Debian: nginx-light).");
  }
  return names;
}

async function wrkOrSay(): Promise<boolean> {
  if (await hasWrk()) return true;
  say("SKIPPED reads: wrk is not installed (Debian: wrk).");
  return false;
}

async function measureBinds(): Promise<readonly Row[]> {
  const file = path.join(import.meta.dirname, "binds.ts");
  if (!existsSync(file)) {
    say("SKIPPED binds: bench/binds.ts is missing.");
    return [];
  }
  const { measureBindsPerSecond } = (await import(file)) as {
    measureBindsPerSecond: (say: (line: string) => void) => Promise<number>;
  };
  const perSecond = await measureBindsPerSecond(say);
  return [
    {
      what: "binds, durable, batched",
      unit: "per second",
      values: { Assay: perSecond },
      budget: { text: "≥ 10,000", isMet: perSecond >= 10_000 },
    },
  ];
}

function partNamed(text: string): Part {
  const part = parts.find((known) => known === text);
  if (part === undefined) throw new Error(`--only takes ${parts.join(", ")}, not ${text}`);
  return part;
}

function clientNamed(text: string): ClientName {
  if (!(text in clients)) throw new Error(`--client takes ${Object.keys(clients).join(", ")}`);
  return text as ClientName;
}
