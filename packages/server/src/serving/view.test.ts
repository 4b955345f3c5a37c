import assert from "node:assert/strict";
import { test } from "node:test";
import type { EpochMs, Integrity, PackageName, Version } from "@assay/core";
import type { BoundRelease, PackageState } from "../releases/releases.ts";
import type { ListedVersion, Packument } from "../upstreams/upstreams.ts";
import { decideView } from "./view.ts";

const name = "left" as PackageName;
const sha512 = (letter: string) => `sha512-${letter.repeat(86)}==` as Integrity;
const span = { start: 0, attestationsAt: undefined, tarballAt: 0, end: 0 };

function listed(version: string, overrides: Partial<ListedVersion> = {}): ListedVersion {
  return {
    version: version as Version,
    publishedMs: 1000 as EpochMs,
    integrity: sha512("a"),
    shasum: undefined,
    manifest: "sha256-m",
    tarball: "",
    full: span,
    abbreviated: span,
    ...overrides,
  };
}

function packument(versions: readonly ListedVersion[], tags: Record<string, string>): Packument {
  return {
    name,
    source: "npm",
    digest: "d",
    checkedAtMs: 0 as EpochMs,
    stale: undefined,
    modifiedMs: 5000 as EpochMs,
    tags: tags as Record<string, Version>,
    versions: new Map(versions.map((each) => [each.version, each])),
    partsPath: "",
  };
}

function state(overrides: Partial<PackageState> = {}): PackageState {
  return {
    generation: 1,
    changedAtMs: 0,
    binds: new Map(),
    refused: new Map(),
    firstSeenMs: new Map(),
    examined: undefined,
    ...overrides,
  };
}

const refuse = (...versions: string[]) =>
  new Map(versions.map((version) => [version as Version, { rule: "r", reason: "why" }]));

test("shows everything and keeps the tags when nothing is refused", () => {
  const view = decideView(packument([listed("1.0.0"), listed("2.0.0")], { latest: "1.0.0", next: "2.0.0" }), state());
  assert.deepEqual(
    view.versions.map((each) => each.version),
    ["1.0.0", "2.0.0"],
  );
  assert.deepEqual(view.tags, { latest: "1.0.0", next: "2.0.0" });
  assert.equal(view.modifiedMs, 5000);
});

test("a refused version vanishes, its tag with it, and latest goes to the highest release left", () => {
  const versions = ["1.0.0", "3.0.0-rc.1", "2.0.0", "2.1.0"].map((version) => listed(version));
  const view = decideView(
    packument(versions, { latest: "2.1.0", beta: "2.1.0", rc: "3.0.0-rc.1" }),
    state({ refused: refuse("2.1.0"), changedAtMs: 9000 }),
  );
  assert.deepEqual(view.tags, { latest: "2.0.0", rc: "3.0.0-rc.1" });
  assert.equal(
    view.versions.some((each) => each.version === "2.1.0"),
    false,
  );
  assert.deepEqual(view.refused, [{ version: "2.1.0", rule: "r", reason: "why" }]);
  assert.equal(view.modifiedMs, 9000);
});

test("latest never dangles, also when only prereleases or versions that are no semver are left", () => {
  const only = (...versions: string[]) =>
    decideView(
      packument([listed("1.0.0"), ...versions.map((version) => listed(version))], { latest: "1.0.0" }),
      state({ refused: refuse("1.0.0") }),
    ).tags;
  assert.deepEqual(only("2.0.0-a", "2.0.0-b"), { latest: "2.0.0-b" });
  assert.deepEqual(only("1.0.0beta"), { latest: "1.0.0beta" });
  assert.deepEqual(only(), {});
});

test("a package without latest gets one", () => {
  assert.deepEqual(decideView(packument([listed("1.0.0")], {}), state()).tags, { latest: "1.0.0" });
});

test("bound versions whose listing says something else are shown as bound", () => {
  const bound = (version: string): BoundRelease => ({
    name,
    version: version as Version,
    integrity: sha512("a"),
    sizeBytes: 1,
    manifest: "sha256-m",
  });
  const versions = [
    listed("1.0.0"),
    listed("1.0.1", { integrity: sha512("b") }),
    listed("1.0.2", { manifest: "sha256-other" }),
    listed("1.0.3", { integrity: undefined }),
  ];
  const binds = new Map(versions.map(({ version }) => [version, bound(version)]));
  const view = decideView(packument(versions, {}), state({ binds, changedAtMs: 7000 }));
  assert.deepEqual(
    view.rebound.map((each) => each.version),
    ["1.0.1", "1.0.2", "1.0.3"],
  );
  assert.equal(view.modifiedMs, 7000);
});

test("a version without a time gets our first sight of it", () => {
  const view = decideView(
    packument([listed("1.0.0", { publishedMs: undefined }), listed("1.0.1")], {}),
    state({ firstSeenMs: new Map([["1.0.0" as Version, 86_400_000 as EpochMs]]) }),
  );
  assert.deepEqual(view.times, { "1.0.0": "1970-01-02T00:00:00.000Z" });
});
