/**
 * Runs the tests: `node tools/test.ts [--unit] [--system] [--filter <part of a path>] [--name <pattern>]
 * [--record]`. Without --unit and --system: both.
 *
 * `node --test` with no file exits 0, so this fails when fewer tests were seen than `test-minimum.json`
 * knows of; `--record` raises that number. Skipped tests are counted and named at the end, never passed over.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { clientsAreInstalled, installClients } from "../packages/testkit/src/install-clients.ts";
import { findTestGroups } from "./testing/groups.ts";
import type { TestGroup } from "./testing/groups.ts";
import type { TestReport } from "./testing/reporter.ts";
import { runGroup } from "./testing/run-group.ts";

type Minimum = Record<TestGroup["kind"], number>;

const repository = path.join(import.meta.dirname, "..");
const minimumFile = path.join(import.meta.dirname, "test-minimum.json");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    unit: { type: "boolean", default: false },
    system: { type: "boolean", default: false },
    filter: { type: "string" },
    name: { type: "string" },
    record: { type: "boolean", default: false },
  },
});

const both = values.unit === values.system;
const kinds = (["unit", "system"] as const).filter((kind) => both || values[kind]);
const groups = findTestGroups(repository, values.filter).filter((group) => kinds.includes(group.kind));
const reports: { readonly kind: TestGroup["kind"]; readonly report: TestReport }[] = [];
const troubles: string[] = [];

if (groups.some((group) => group.name === "clients") && !clientsAreInstalled()) {
  await installClients(say).catch((error: unknown) => troubles.push(String(error)));
}

const started = performance.now();
for (const group of groups) await runOne(group);
const exitCode = summary();
process.exitCode = exitCode;

async function runOne(group: TestGroup): Promise<void> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const begun = performance.now();
  say(`▶ ${group.kind} ${group.name} (${group.files.length} files)`);
  const { trouble } = await runGroup(group, {
    repository,
    namePattern: values.name,
    silenceSeconds: group.kind === "unit" ? 180 : 420,
    onReport(report) {
      reports.push({ kind: group.kind, report });
      counts[report.outcome] += 1;
      if (report.outcome === "failed") {
        say(`  ✖ ${place(report)}: ${report.name}\n${indent(report.reason)}`);
      } else if (group.kind === "system") {
        const mark = report.outcome === "passed" ? "✔" : "○";
        say(`  ${mark} ${report.name} (${(report.milliseconds / 1000).toFixed(1)} s)`);
      }
    },
  });
  if (trouble !== undefined) {
    troubles.push(`${group.kind} ${group.name}: ${trouble}`);
    say(`  ✖ ${group.name}: ${trouble}`);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const { passed, failed, skipped } = counts;
  say(`  ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`);
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
  const failed = of("failed");
  if (failed.length > 0 || troubles.length > 0) say(`\nFAILED:`);
  for (const { report } of failed) say(`  ✖ ${place(report)}: ${report.name}`);
  for (const trouble of troubles) say(`  ✖ ${trouble.split("\n")[0]}`);
  const missing = checkMinimum();
  for (const line of missing) say(`  ✖ ${line}`);
  const seconds = Math.round((performance.now() - started) / 1000);
  say(`\nNode ${process.version}, ${seconds} s`);
  say(`${of("passed").length} passed, ${failed.length + troubles.length} failed, ${skipped.length} skipped`);
  return failed.length + troubles.length + missing.length === 0 && reports.length > 0 ? 0 : 1;
}

/** Compares with the recorded minimum; a filtered run has none. */
function checkMinimum(): string[] {
  if (values.filter !== undefined || values.name !== undefined) return [];
  const minimum = JSON.parse(readFileSync(minimumFile, "utf8")) as Minimum;
  const seen = (kind: TestGroup["kind"]) => reports.filter((entry) => entry.kind === kind).length;
  if (values.record) {
    for (const kind of kinds) minimum[kind] = seen(kind);
    writeFileSync(minimumFile, `${JSON.stringify(minimum)}\n`);
  }
  return kinds
    .filter((kind) => seen(kind) < minimum[kind])
    .map((kind) => `only ${seen(kind)} ${kind} tests ran, at least ${minimum[kind]} are known`);
}

function place(report: TestReport): string {
  return path.relative(repository, report.file);
}

function indent(text: string): string {
  return text
    .split("\n")
    .slice(0, 40)
    .map((line) => `      ${line}`)
    .join("\n");
}
