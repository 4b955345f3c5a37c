import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAssayError, parseVersion, type Version } from "@assay/core";
import { chooseVersions, formatWant, parseWant, parseWanted, type Want } from "./wants.ts";

const versions = ["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "not-semver"].map(parseVersion);
const [one, oneOne] = versions as [Version, Version];
const choice = { tags: { latest: one, next: versions[2] ?? one }, versions, bound: [oneOne] };
const chosen = (want: Want): readonly string[] => chooseVersions(want, choice);

test("a want is written and read back, whatever its spec", () => {
  const spec = fc.string({ minLength: 1 }).map((text) => ({ kind: "spec", spec: text }) as const);
  const elsewhere = fc.string({ minLength: 1 }).map((text) => ({ kind: "elsewhere", spec: text }) as const);
  const plain = fc.constantFrom("listing", "latest", "all", "bound").map((kind) => ({ kind }));
  const version = fc.constantFrom(...versions).map((value) => ({ kind: "version", version: value }) as const);
  fc.assert(
    fc.property(fc.oneof(spec, elsewhere, plain, version), (want) => {
      assert.deepEqual(parseWant(formatWant(want)), want);
    }),
  );
  assert.throws(
    () => parseWant("everything"),
    (error) => isAssayError(error, "DATABASE"),
  );
});

test("a range is answered as npm does and as others do: latest when it is within, and the highest", () => {
  assert.deepEqual(chosen({ kind: "spec", spec: "^1.0.0" }), ["1.0.0", "1.1.0"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "^2.0.0" }), ["2.0.0"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "*" }), ["1.0.0", "2.0.0"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "" }), ["1.0.0", "2.0.0"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "^3.0.0" }), []);
});

test("a tag, an exact version and one that is not semver are found", () => {
  assert.deepEqual(chosen({ kind: "spec", spec: "next" }), ["1.2.0-rc.1"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "1.2.0-rc.1" }), ["1.2.0-rc.1"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "not-semver" }), ["not-semver"]);
  assert.deepEqual(chosen({ kind: "spec", spec: "constructor" }), []);
});

test("whole packages: the tagged release, those bound here, or all", () => {
  assert.deepEqual(chosen({ kind: "latest" }), ["1.0.0"]);
  assert.deepEqual(chosen({ kind: "bound" }), ["1.1.0"]);
  assert.deepEqual(chosen({ kind: "all" }), versions);
  assert.deepEqual(chosen({ kind: "listing" }), []);
  assert.deepEqual(chooseVersions({ kind: "latest" }, { ...choice, tags: {} }), []);
});

test("reads what people ask for", () => {
  assert.deepEqual(parseWanted("left"), { name: "left", spec: undefined });
  assert.deepEqual(parseWanted("@s/left"), { name: "@s/left", spec: undefined });
  assert.deepEqual(parseWanted("@s/left@^1.0"), { name: "@s/left", spec: "^1.0" });
  for (const bad of ["left@git+ssh://h/x", "left@../x", "left@a/b"])
    assert.throws(
      () => parseWanted(bad),
      (error) => isAssayError(error, "USAGE"),
      bad,
    );
});
