import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { findTestGroups, isLong } from "./groups.ts";
import type { SecondsByFile } from "./groups.ts";

function groupsOf(files: readonly string[], seconds: SecondsByFile) {
  const repository = mkdtempSync(path.join(tmpdir(), "assay-groups-"));
  try {
    for (const file of files) {
      mkdirSync(path.dirname(path.join(repository, file)), { recursive: true });
      writeFileSync(path.join(repository, file), "");
    }
    return findTestGroups(repository, undefined, seconds);
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

test("whole-system files run alone, the unit tests of a package together, on both Nodes", () => {
  const groups = groupsOf(
    [
      "packages/core/src/a.test.ts",
      "packages/core/src/deep/b.test.ts",
      "packages/server/test/c.test.ts",
      "packages/server/test/d.test.ts",
      "packages/server/src/e.test.ts",
      "packages/core/node_modules/x/src/f.test.ts",
    ],
    {},
  );
  assert.deepEqual(
    groups.map(({ name, kind, files }) => `${kind} ${name} ${files.length}`),
    ["unit core 2", "unit server 1", "unit24 core 2", "system c 1", "system d 1"],
  );
});

test("what is known to be long starts first", () => {
  const groups = groupsOf(["packages/server/test/c.test.ts", "packages/server/test/d.test.ts", "bench/e.test.ts"], {
    "packages/server/test/d.test.ts": 30,
    "bench/e.test.ts": 3,
  });
  assert.deepEqual(
    groups.map(({ name, kind, seconds }) => `${kind} ${name} ${seconds}`),
    ["system d 30", "unit bench 3", "system c 0"],
  );
});

test("a package with long unit tests is dealt out evenly, every file once", () => {
  const files = ["a", "b", "c", "d", "e"].map((name) => `packages/server/src/${name}.test.ts`);
  const [a = "", b = "", c = "", d = ""] = files;
  const groups = groupsOf(files, { [a]: 60, [b]: 25, [c]: 20, [d]: 10 }).filter(({ kind }) => kind === "unit");
  assert.deepEqual(
    groups.map(({ name, seconds }) => `${name} ${seconds}`),
    ["server 1/3 60", "server 3/3 30", "server 2/3 25"],
  );
  assert.deepEqual(groups.flatMap((group) => group.files).toSorted(), files);
});

test("on Node 24 runs what meets Node, unless it is known to be long", () => {
  const files = ["core/src/a", "core/src/b", "server/src/http/d", "server/src/serving/e"].map(
    (place) => `packages/${place}.test.ts`,
  );
  const groups = groupsOf(files, { "packages/core/src/a.test.ts": 4 });
  assert.deepEqual(
    groups.filter(({ kind }) => kind === "unit24").flatMap((group) => group.files),
    ["packages/core/src/b.test.ts", "packages/server/src/http/d.test.ts"],
  );
});

test("where time is short the longest system tests are left out", () => {
  const groups = groupsOf(["packages/server/test/lies-compared.test.ts", "packages/server/test/d.test.ts"], {});
  assert.deepEqual(
    groups.filter((group) => !isLong(group)).map(({ name }) => name),
    ["d"],
  );
});
