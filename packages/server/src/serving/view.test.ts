import assert from "node:assert/strict";
import { test } from "node:test";
import type { EpochMs, Integrity, PackageName, Version } from "@assay/core";
import type { BoundRelease, PackageState } from "../releases/releases.ts";
import type { ListedVersion, Packument } from "../upstreams/upstreams.ts";
import type { SignatureContext } from "../signing/signing.ts";
import { decideView, type View } from "./view.ts";

const name = "left" as PackageName;
const sha512 = (letter: string) => `sha512-${letter.repeat(86)}==` as Integrity;
const span = { start: 0, attestationsAt: undefined, signaturesAt: 0, tarballAt: 0, end: 0 };

function listed(version: string, overrides: Partial<ListedVersion> = {}): ListedVersion {
  return {
    version: version as Version,
    publishedMs: 1000 as EpochMs,
    integrity: sha512("a"),
    shasum: undefined,
    manifest: "sha256-m",
    tarball: "",
    keyids: [],
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

/** No key is known. */
const context: SignatureContext = {
  ring: { generation: 0, find: () => undefined, ownersOf: () => [], list: () => [] },
  owner: "npm",
  policy: "prefer",
  registries: ["npm", "other"],
  pinned: undefined,
};

const view = (listing: Packument, released: PackageState, change: Partial<SignatureContext> = {}): View =>
  decideView(listing, released, { ...context, ...change });

const refuse = (...versions: string[]) =>
  new Map(versions.map((version) => [version as Version, { rule: "r", reason: "why" }]));

test("shows everything and keeps the tags when nothing is refused", () => {
  const shown = view(packument([listed("1.0.0"), listed("2.0.0")], { latest: "1.0.0", next: "2.0.0" }), state());
  assert.deepEqual(
    shown.versions.map((each) => each.version),
    ["1.0.0", "2.0.0"],
  );
  assert.deepEqual(shown.tags, { latest: "1.0.0", next: "2.0.0" });
  assert.equal(shown.modifiedMs, 5000);
});

test("a refused version vanishes, its tag with it, and latest goes to the highest release left", () => {
  const versions = ["1.0.0", "3.0.0-rc.1", "2.0.0", "2.1.0"].map((version) => listed(version));
  const shown = view(
    packument(versions, { latest: "2.1.0", beta: "2.1.0", rc: "3.0.0-rc.1" }),
    state({ refused: refuse("2.1.0"), changedAtMs: 9000 }),
  );
  assert.deepEqual(shown.tags, { latest: "2.0.0", rc: "3.0.0-rc.1" });
  assert.equal(
    shown.versions.some((each) => each.version === "2.1.0"),
    false,
  );
  assert.deepEqual(shown.refused, [{ version: "2.1.0", rule: "r", reason: "why" }]);
  assert.equal(shown.modifiedMs, 9000);
});

test("latest never dangles, also when only prereleases or versions that are no semver are left", () => {
  const only = (...versions: string[]) =>
    view(
      packument([listed("1.0.0"), ...versions.map((version) => listed(version))], { latest: "1.0.0" }),
      state({ refused: refuse("1.0.0") }),
    ).tags;
  assert.deepEqual(only("2.0.0-a", "2.0.0-b"), { latest: "2.0.0-b" });
  assert.deepEqual(only("1.0.0beta"), { latest: "1.0.0beta" });
  assert.deepEqual(only(), {});
});

test("a package without latest gets one", () => {
  assert.deepEqual(view(packument([listed("1.0.0")], {}), state()).tags, { latest: "1.0.0" });
});

test("bound versions whose listing says something else are shown as bound", () => {
  const bound = (version: string): BoundRelease => ({
    name,
    version: version as Version,
    integrity: sha512("a"),
    sizeBytes: 1,
    manifest: "sha256-m",
    signature: undefined,
  });
  const versions = [
    listed("1.0.0"),
    listed("1.0.1", { integrity: sha512("b") }),
    listed("1.0.2", { manifest: "sha256-other" }),
    listed("1.0.3", { integrity: undefined }),
  ];
  const binds = new Map(versions.map(({ version }) => [version, bound(version)]));
  const shown = view(packument(versions, {}), state({ binds, changedAtMs: 7000 }));
  assert.deepEqual(
    shown.rebound.map((each) => each.version),
    ["1.0.1", "1.0.2", "1.0.3"],
  );
  assert.equal(shown.modifiedMs, 7000);
});

test("a version without a time gets our first sight of it", () => {
  const shown = view(
    packument([listed("1.0.0", { publishedMs: undefined }), listed("1.0.1")], {}),
    state({ firstSeenMs: new Map([["1.0.0" as Version, 86_400_000 as EpochMs]]) }),
  );
  assert.deepEqual(shown.times, { "1.0.0": "1970-01-02T00:00:00.000Z" });
});

test("shows our signature of what is bound, which moves nothing else", () => {
  const signature = { keyid: "SHA256:ours", sig: "MEQ=" };
  const version = "1.0.0" as Version;
  const bound = { name, version, integrity: sha512("a"), sizeBytes: 1, manifest: "sha256-m", signature };
  const shown = view(packument([listed("1.0.0"), listed("2.0.0")], {}), state({ binds: new Map([[version, bound]]) }));
  assert.deepEqual([...shown.signatures], [[version, signature]]);
  assert.deepEqual(shown.rebound, []);
  assert.equal(shown.modifiedMs, 5000);
});

test("a version signed with another registry's key is refused; one that is bound goes without that signature", () => {
  const ring = { ...context.ring, ownersOf: (keyid: string) => (keyid === "K" ? ["other"] : []) };
  const version = "1.0.0" as Version;
  const bound = { name, version, integrity: sha512("a"), sizeBytes: 1, manifest: "sha256-m", signature: undefined };
  const versions = [listed("1.0.0", { keyids: ["x", "K"] }), listed("2.0.0", { keyids: ["K"] }), listed("3.0.0")];
  const shown = view(packument(versions, {}), state({ binds: new Map([[version, bound]]) }), { ring });
  assert.deepEqual(
    shown.refused.map(({ version: refused, rule }) => [refused, rule]),
    [["2.0.0", "signature/foreign"]],
  );
  assert.deepEqual([...shown.withheld], [[version, ["K"]]]);
  assert.deepEqual(shown.rebound, [bound]);
  assert.deepEqual(shown.tags, { latest: "3.0.0" });
});

test("where a signature is required, what has none is refused unless it is bound", () => {
  const version = "1.0.0" as Version;
  const bound = { name, version, integrity: sha512("a"), sizeBytes: 1, manifest: "sha256-m", signature: undefined };
  const versions = [listed("1.0.0"), listed("2.0.0"), listed("3.0.0", { keyids: ["nobody"] })];
  const shown = view(packument(versions, {}), state({ binds: new Map([[version, bound]]) }), { policy: "require" });
  assert.deepEqual(
    shown.refused.map(({ version: refused, rule }) => [refused, rule]),
    [
      ["2.0.0", "signature/missing"],
      ["3.0.0", "signature/unknown-key"],
    ],
  );
});
