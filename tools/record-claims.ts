/**
 * Runs the tests that docs/claims.json names and records how many passed, in docs/generated/claims.json; then
 * `node tools/faq-tables.ts` renews docs/faq.md. With parts of paths as parameters only those files run, and what was
 * recorded of the others stays. Exit code 1, and nothing is recorded, when one fails.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Claim, TestCount } from "./faq/claims.ts";
import type { TestReport } from "./testing/reporter.ts";
import { runGroup } from "./testing/run-group.ts";

const repository = path.join(import.meta.dirname, "..");
const claims = JSON.parse(readFileSync(path.join(repository, "docs", "claims.json"), "utf8")) as readonly Claim[];
const wanted = [...new Set(claims.flatMap(({ tests }) => tests))].toSorted();
const parts = process.argv.slice(2);
const recordFile = path.join(repository, "docs", "generated", "claims.json");
const files = [...new Set(wanted.map(fileOf))].filter(
  (file) => parts.length === 0 || parts.some((part) => file.includes(part)),
);

const reports: TestReport[] = [];
let failed = 0;
for (const file of files) {
  console.log(`▶ ${file}`);
  const { trouble } = await runGroup(
    { name: file, kind: "system", files: [file] },
    { repository, silenceSeconds: 420, namePattern: undefined, onReport: (report) => reports.push(report) },
  );
  if (trouble !== undefined) {
    failed += 1;
    console.log(trouble);
  }
}
for (const { name, file } of reports.filter(({ outcome }) => outcome === "failed")) {
  failed += 1;
  console.log(`✖ ${path.relative(repository, file)}: ${name}`);
}

if (failed > 0) process.exitCode = 1;
else {
  const before = existsSync(recordFile)
    ? (JSON.parse(readFileSync(recordFile, "utf8")) as Readonly<Record<string, TestCount>>)
    : {};
  const counts = wanted.map((test) => [test, files.includes(fileOf(test)) ? countOf(test) : before[test]]);
  writeFileSync(recordFile, `${JSON.stringify(Object.fromEntries(counts), null, 2)}\n`);
}

function fileOf(test: string): string {
  return test.split("#")[0] ?? "";
}

function countOf(test: string): TestCount {
  const file = fileOf(test);
  const part = test.slice(file.length + 1);
  const own = reports.filter((report) => path.relative(repository, report.file) === file && report.name.includes(part));
  const count = (outcome: TestReport["outcome"]) => own.filter((report) => report.outcome === outcome).length;
  return { passed: count("passed"), skipped: count("skipped") };
}
