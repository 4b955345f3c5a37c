/**
 * Runs the tests: `node tools/test.ts [--unit] [--unit24] [--system] [--short] [--filter <part of a path>]
 * [--name <pattern>] [--jobs <number>] [--record]`. Without a kind: the unit and the system tests; `--unit24` are unit
 * tests on Node 24; `--short` leaves out the long system tests. One group more runs at once than there are cores (a third of the time tests wait), or as many as `--jobs` says.
 *
 * `node --test` with no file exits 0, so this fails when fewer tests were seen than `test-minimum.json` knows of;
 * `--record` renews that number and `test-seconds.json`, by which the longest groups start first. Skipped tests are
 * counted and named at the end, never passed over.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { clientsAreInstalled, clientsFolder, installClients } from "../packages/testkit/src/install-clients.ts";
import { findTestGroups, isLong } from "./testing/groups.ts";
import type { SecondsByFile, TestGroup, TestKind } from "./testing/groups.ts";
import type { TestReport } from "./testing/reporter.ts";
import { runGroup } from "./testing/run-group.ts";

type Minimum = Record<TestKind, number>;

const repository = path.join(import.meta.dirname, "..");
const minimumFile = path.join(import.meta.dirname, "test-minimum.json");
const secondsFile = path.join(import.meta.dirname, "test-seconds.json");
const node24 = path.join(clientsFolder, "node_modules", "node24", "bin", "node");
const progressEveryMs = 15_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    unit: { type: "boolean", default: false },
    unit24: { type: "boolean", default: false },
    system: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    filter: { type: "string" },
    name: { type: "string" },
    jobs: { type: "string" },
    record: { type: "boolean", default: false },
  },
});

const named = (["unit", "unit24", "system"] as const).filter((kind) => values[kind]);
const kinds: readonly TestKind[] = named.length > 0 ? named : ["unit", "system"];
const recordedSeconds = JSON.parse(readFileSync(secondsFile, "utf8")) as SecondsByFile;
const chosen = findTestGroups(repository, values.filter, recordedSeconds).filter(({ kind }) => kinds.includes(kind));
const groups = chosen.filter((group) => !values.short || !isLong(group));
for (const { name } of chosen.filter((group) => !groups.includes(group))) say(`LEFT OUT, as time is short: ${name}`);
const jobs = values.jobs === undefined ? availableParallelism() + 1 : Number(values.jobs);
if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs takes a number from 1, not ${values.jobs}`);
const reports: { readonly kind: TestKind; readonly report: TestReport }[] = [];
const troubles: string[] = [];

if (groups.some(({ kind, name }) => kind === "unit24" || name === "clients") && !clientsAreInstalled()) {
  await installClients(say).catch((error: unknown) => troubles.push(String(error)));
}

const started = performance.now();
const running = new Map<TestGroup, { readonly since: number; ended: number }>();
const waiting = [...groups];
const ticker = setInterval(sayProgress, progressEveryMs);
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await runOne(next);
  }),
);
clearInterval(ticker);
process.exitCode = summary();

/** What a group has to say stands together: a system test's line carries its group's name, the others wait. */
async function runOne(group: TestGroup): Promise<void> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const state = { since: performance.now(), ended: 0 };
  const title = `${group.kind} ${group.name}`;
  const failures: string[] = [];
  running.set(group, state);
  const { trouble } = await runGroup(group, {
    repository,
    node: group.kind === "unit24" ? node24 : process.execPath,
    namePattern: values.name,
    silenceSeconds: group.kind === "system" ? 420 : 180,
    onReport(report) {
      reports.push({ kind: group.kind, report });
      counts[report.outcome] += 1;
      state.ended += 1;
      if (report.outcome === "failed") {
        failures.push(`  ✖ ${place(report)}: ${report.name}\n${indent(report.reason)}`);
      }
      if (group.kind === "system") {
        const mark = { passed: "✔", failed: "✖", skipped: "○" }[report.outcome];
        say(`  ${mark} ${group.name}: ${report.name} (${(report.milliseconds / 1000).toFixed(1)} s)`);
      }
    },
  });
  running.delete(group);
  if (trouble !== undefined) {
    troubles.push(`${title}: ${trouble}`);
    failures.push(`  ✖ ${title}: ${trouble}`);
  }
  const { passed, failed, skipped } = counts;
  const numbers = `${group.files.length} files, ${passed} passed, ${failed} failed, ${skipped} skipped`;
  say([`▶ ${title}: ${numbers} in ${secondsSince(state.since).toFixed(1)} s`, ...failures].join("\n"));
}

function sayProgress(): void {
  const now = [...running].map(([{ kind, name }, { since, ended }]) => {
    return `${kind} ${name} (${ended} tests, ${Math.round(secondsSince(since))} s)`;
  });
  say(`  … ${Math.round(secondsSince(started))} s, ${waiting.length} groups wait; running: ${now.join(", ")}`);
}

function summary(): number {
  const of = (outcome: TestReport["outcome"]) => reports.filter(({ report }) => report.outcome === outcome);
  const skipped = of("skipped");
  if (skipped.length > 0) {
    say(`\nSKIPPED, so not tested here:`);
    for (const { report } of skipped) {
      say(`  ○ ${place(report)}: ${report.name}${report.reason === "" ? "" : ` (${report.reason})`}`);
    }
  }
  sayLongest();
  const failed = of("failed");
  if (failed.length > 0 || troubles.length > 0) say(`\nFAILED:`);
  for (const { kind, report } of failed) {
    say(`  ✖ ${place(report)}: ${report.name}${kind === "unit24" ? " (Node 24)" : ""}`);
  }
  for (const trouble of troubles) say(`  ✖ ${trouble.split("\n")[0]}`);
  const missing = checkMinimum();
  for (const line of missing) say(`  ✖ ${line}`);
  say(`\nNode ${process.version}, ${jobs} groups at once, ${Math.round(secondsSince(started))} s`);
  say(`${of("passed").length} passed, ${failed.length + troubles.length} failed, ${skipped.length} skipped`);
  return failed.length + troubles.length + missing.length === 0 && reports.length > 0 ? 0 : 1;
}

/** Where the time goes, when there is enough of it to ask. */
function sayLongest(): void {
  if (secondsSince(started) < 60) return;
  say(`\nLongest:`);
  for (const { report } of reports.toSorted((a, b) => b.report.milliseconds - a.report.milliseconds).slice(0, 10)) {
    say(`  ${(report.milliseconds / 1000).toFixed(1).padStart(6)} s ${place(report)}: ${report.name}`);
  }
}

/** Compares with the recorded minimum, or records; a filtered run does neither. */
function checkMinimum(): string[] {
  if (values.filter !== undefined || values.name !== undefined) return [];
  const minimum = JSON.parse(readFileSync(minimumFile, "utf8")) as Minimum;
  const seen = (kind: TestKind) => reports.filter((entry) => entry.kind === kind).length;
  if (values.record) {
    for (const kind of kinds) minimum[kind] = seen(kind);
    writeFileSync(minimumFile, `${JSON.stringify(minimum)}\n`);
    recordSeconds();
  }
  return kinds
    .filter((kind) => seen(kind) < minimum[kind])
    .map((kind) => `only ${seen(kind)} ${kind} tests ran, at least ${minimum[kind]} are known`);
}

/** Files of a second and more, in whole seconds: the rest is of no weight. Those that did not run now stay. */
function recordSeconds(): void {
  const byFile = new Map<string, number>();
  for (const { kind, report } of reports) {
    if (kind !== "unit24" && report.file.includes(".test."))
      byFile.set(place(report), (byFile.get(place(report)) ?? 0) + report.milliseconds / 1000);
  }
  const kept = Object.entries(recordedSeconds).filter(([file]) => !byFile.has(file));
  const renewed = [...byFile].map(([file, seconds]) => [file, Math.round(seconds)] as const);
  const lines = [...kept, ...renewed].filter(([, seconds]) => seconds > 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(secondsFile, `${JSON.stringify(Object.fromEntries(lines), null, 2)}\n`);
}

function place(report: TestReport): string {
  return path.relative(repository, report.file);
}

function secondsSince(at: number): number {
  return (performance.now() - at) / 1000;
}

function indent(text: string): string {
  return text
    .split("\n")
    .slice(0, 40)
    .map((line) => `      ${line}`)
    .join("\n");
}
