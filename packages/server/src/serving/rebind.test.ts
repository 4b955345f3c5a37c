import assert from "node:assert/strict";
import { test } from "node:test";
import type { Integrity, PackageName, Version } from "@assay/core";
import type { BoundRelease } from "../releases/releases.ts";
import { rebindManifest } from "./rebind.ts";

const integrity = `sha512-${"a".repeat(86)}==` as Integrity;
const release: BoundRelease = {
  name: "x" as PackageName,
  version: "1.0.0" as Version,
  integrity,
  sizeBytes: 1,
  manifest: "sha256-m",
  signature: undefined,
};

test("adds our sha512 to a listing that has only a sha1, and keeps the rest of dist", () => {
  const dist = { shasum: "aa", signatures: [{ keyid: "k" }], tarball: "" };
  assert.deepEqual(rebindManifest({ name: "x", dist }, release, undefined, "full"), {
    name: "x",
    dist: { ...dist, integrity },
  });
});

test("drops what describes other bytes when the listing names other bytes", () => {
  const dist = { integrity: `sha512-${"b".repeat(86)}==`, shasum: "aa", signatures: [], unpackedSize: 1, tarball: "" };
  assert.deepEqual(rebindManifest({ dist }, release, undefined, "full"), { dist: { tarball: "", integrity } });
});

test("replaces every field of the fragment: what was added goes, what was removed comes back", () => {
  const listed = {
    dependencies: { good: "1", evil: "1" },
    bundledDependencies: ["evil"],
    bin: { evil: "x.js" },
    license: "MIT",
    scripts: { test: "t", postinstall: "evil" },
    hasInstallScript: true,
    dist: { integrity },
  };
  const full = rebindManifest(listed, release, { dependencies: { good: "1" }, os: ["linux"] }, "full");
  assert.deepEqual(full, {
    dependencies: { good: "1" },
    os: ["linux"],
    license: "MIT",
    scripts: { test: "t" },
    dist: { integrity },
  });
});

test("says that there are install scripts when the bound fragment has them", () => {
  const abbreviated = rebindManifest(
    { dist: { integrity } },
    release,
    { scripts: { install: "node-gyp rebuild" } },
    "abbreviated",
  );
  assert.deepEqual(abbreviated, { hasInstallScript: true, dist: { integrity } });
});
