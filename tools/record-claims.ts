/**
 * Runs the tests that docs/claims.json names and records how many passed, in docs/generated/claims.json, file by file;
 * then `node tools/faq-tables.ts` renews docs/faq.md. With parts of paths as parameters only those files run. What was
 * recorded of a file stays when it does not run and when a test of it fails; then the exit code is 1.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Claim, TestCount } from "./faq/claims.ts";
import type { TestReport } from "./testing/reporter.ts";
import { runGroup } from "./testing/run-group.ts";

const repository = path.join(import.meta.dirname, "..");
const recordFile = path.join(repository, "docs", "generated", "claims.json");
const claims = JSON.parse(readFileSync(path.join(repository, "docs", "claims.json"), "utf8")) as readonly Claim[];
const wanted = [...new Set(claims.flatMap(({ tests }) => tests))].toSorted();
const parts = process.argv.slice(2);
const files = [...new Set(wanted.map(fileOf))].filter(
  (file) => parts.length === 0 || parts.some((part) => file.includes(part)),
);

for (const file of files) {
  console.log(`▶ ${file}`);
  const reports: TestReport[] = [];
  const { trouble } = await runGroup(
    { name: file, kind: "system", files: [file], seconds: 0 },
    {
      repository,
      node: process.execPath,
      silenceSeconds: 420,
      namePattern: undefined,
      onReport: (report) => reports.push(report),
    },
  );
  const failed = reports.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
  const problems = trouble === undefined ? failed : [trouble, ...failed];
  if (problems.length === 0) record(file, reports);
  else process.exitCode = 1;
  for (const problem of problems) console.log(`  ✖ ${problem}`);
}

/** Replaces the counts of a file; those of tests that no claim names any more go. */
function record(file: string, reports: readonly TestReport[]): void {
  const before = existsSync(recordFile)
    ? (JSON.parse(readFileSync(recordFile, "utf8")) as Readonly<Record<string, TestCount>>)
    : {};
  const counts = wanted.map((test) => [test, fileOf(test) === file ? countIn(reports, test) : before[test]]);
  writeFileSync(recordFile, `${JSON.stringify(Object.fromEntries(counts), null, 2)}\n`);
}

function fileOf(test: string): string {
  return test.split("#")[0] ?? "";
}

function countIn(reports: readonly TestReport[], test: string): TestCount {
  const part = test.slice(fileOf(test).length + 1);
  const own = reports.filter(({ name }) => name.includes(part));
  const count = (outcome: TestReport["outcome"]) => own.filter((report) => report.outcome === outcome).length;
  return { passed: count("passed"), skipped: count("skipped") };
}
