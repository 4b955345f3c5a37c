import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVersion } from "@assay/core";
import { compareFiles, compareManifests, type ListedFile } from "./compare.ts";
import { versionBefore } from "./review.ts";

const file = (path: string, sha256Hex: string, executable = false): ListedFile => ({
  path,
  sha256Hex,
  executable,
  sizeBytes: sha256Hex.length,
});

test("files are what they were by their bytes and their mode, what is new stands first", () => {
  const changes = compareFiles(
    [file("a", "1"), file("b", "2"), file("c", "3"), file("run", "4")],
    [file("b", "2"), file("c", "33"), file("d", "5"), file("run", "4", true)],
  );
  assert.deepEqual(
    changes.map(({ path, change, sizeBytes, beforeBytes }) => [path, change, sizeBytes, beforeBytes]),
    [
      ["d", "added", 1, undefined],
      ["c", "changed", 2, 1],
      ["run", "changed", 1, 1],
      ["a", "removed", 1, 1],
      ["b", "same", 1, 1],
    ],
  );
});

test("of manifests scripts are told whole, of the rest what changed", () => {
  const { scripts, dependencies, members } = compareManifests(
    {
      name: "x",
      version: "1.0.0",
      scripts: { test: "t" },
      dependencies: { a: "1", b: "1" },
      main: "a.js",
      _npmUser: {},
    },
    {
      name: "x",
      version: "1.0.1",
      scripts: { test: "t", postinstall: "node evil.js" },
      dependencies: { a: "2", c: "1" },
      devDependencies: { b: "1" },
      main: "a.js",
      bin: { x: "x.js" },
    },
  );
  assert.deepEqual(
    scripts.map(({ name, change, after }) => [name, change, after]),
    [
      ["postinstall", "added", "node evil.js"],
      ["test", "same", "t"],
    ],
  );
  assert.deepEqual(
    dependencies.map(({ kind, name, change }) => `${kind} ${name} ${change}`),
    ["dependencies a changed", "dependencies b removed", "dependencies c added", "devDependencies b added"],
  );
  assert.deepEqual(members, [{ name: "bin", change: "added", before: undefined, after: '{"x":"x.js"}' }]);
});

test("members that every object has by nature are none of a manifest", () => {
  const { scripts } = compareManifests({ scripts: {} }, { scripts: { constructor: "x" } });
  assert.deepEqual(scripts, [{ name: "constructor", change: "added", before: undefined, after: "x" }]);
});

test("a version is compared with the greatest below it, else with latest", () => {
  const rows = ["1.0.0", "1.2.0", "2.0.0"].map((version) => ({ version }));
  const before = (version: string, latest?: string) => versionBefore(rows, parseVersion(version), latest)?.version;
  assert.equal(before("1.2.1"), "1.2.0");
  assert.equal(before("3.0.0"), "2.0.0");
  assert.equal(before("0.1.0", "2.0.0"), "2.0.0");
  assert.equal(before("0.1.0"), undefined);
});
