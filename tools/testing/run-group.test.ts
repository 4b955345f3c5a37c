import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestReport } from "./reporter.ts";
import { runGroup } from "./run-group.ts";

async function run(files: Readonly<Record<string, string>>, silenceSeconds = 30) {
  const repository = mkdtempSync(path.join(tmpdir(), "assay-runner-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(repository, file)), { recursive: true });
      writeFileSync(path.join(repository, file), text);
    }
    const reports: TestReport[] = [];
    const ending = await runGroup(
      { name: "group", kind: "unit", files: Object.keys(files), seconds: 0 },
      {
        repository,
        node: process.execPath,
        silenceSeconds,
        namePattern: undefined,
        onReport: (one) => reports.push(one),
      },
    );
    return { reports, ending };
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

test("counts what passed, failed and was skipped, whatever tests print", async () => {
  const { reports, ending } = await run({
    "a.test.mjs": `
      import { describe, test } from "node:test";
      console.log("not a report");
      process.stdout.write("no newline");
      describe("suite", () => {
        test("passes", () => {});
        test("fails", () => { throw new Error("on purpose"); });
        test("is skipped", { skip: "component missing" }, () => {});
      });
    `,
    "b.test.mjs": `import { test } from "node:test"; test("passes too", () => {});`,
  });
  const outcomes = reports.map(({ name, outcome }) => `${name}: ${outcome}`).toSorted();
  assert.deepEqual(outcomes, ["fails: failed", "is skipped: skipped", "passes too: passed", "passes: passed"]);
  assert.equal(reports.find(({ outcome }) => outcome === "skipped")?.reason, "component missing");
  assert.match(String(reports.find(({ outcome }) => outcome === "failed")?.reason), /on purpose/);
  assert.equal(ending.trouble, undefined);
});

test("reports a broken hook, although no test of the suite ran", async () => {
  const { reports, ending } = await run({
    "a.test.mjs": `
      import { before, describe, test } from "node:test";
      describe("suite", () => {
        before(() => { throw new Error("no set-up"); });
        test("never gets there", () => {});
      });
    `,
  });
  const failed = reports.filter(({ outcome }) => outcome === "failed");
  assert.ok(failed.length > 0 || ending.trouble !== undefined);
});

test("reports a file that cannot be loaded", async () => {
  const { reports, ending } = await run({ "a.test.mjs": `import "./missing.mjs";` });
  const failed = reports.filter(({ outcome }) => outcome === "failed");
  assert.ok(failed.length > 0 || ending.trouble !== undefined);
});

test("kills what hangs and says so", async () => {
  const { ending } = await run(
    {
      "a.test.mjs": `
        import { test } from "node:test";
        test("hangs", () => new Promise(() => setInterval(() => {}, 1000)));
      `,
    },
    2,
  );
  assert.match(String(ending.trouble), /nothing was heard for 2 s/);
});
