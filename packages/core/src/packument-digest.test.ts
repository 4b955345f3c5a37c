import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sha256Portable } from "./hash.ts";
import { packumentDigest, versionDigest } from "./packument-digest.ts";

interface Vector {
  readonly name: string;
  readonly packument: {
    readonly name: string;
    readonly "dist-tags": Readonly<Record<string, string>>;
    readonly versions: Readonly<Record<string, object>>;
    readonly time: Readonly<Record<string, string>>;
  };
  readonly digest: string;
}

const { good } = JSON.parse(
  readFileSync(new URL("../../../vectors/records/packuments.json", import.meta.url), "utf8"),
) as { readonly good: readonly Vector[] };

function digestOf({ packument }: Vector): string {
  const versions = Object.entries(packument.versions).map(([version, object]) => [
    version,
    versionDigest(sha256Portable, object),
  ]);
  return packumentDigest(sha256Portable, {
    name: packument.name,
    distTags: packument["dist-tags"],
    versions: Object.fromEntries(versions) as Record<string, string>,
    time: packument.time,
  });
}

for (const vector of good)
  test(`the digest of a packument is that of its vector: ${vector.name}`, () => {
    assert.equal(digestOf(vector), vector.digest);
  });

const version = { name: "@acme/pkg", version: "1.0.0", dist: { integrity: "sha512-a", tarball: "https://a/x.tgz" } };

test("what a request or a key decides is no part of the digest, all else is", () => {
  const of = (change: object, dist: object = {}): string =>
    versionDigest(sha256Portable, { ...version, ...change, dist: { ...version.dist, ...dist } });
  const plain = of({});
  assert.equal(of({}, { tarball: "https://b/x.tgz" }), plain);
  assert.equal(of({}, { signatures: [{ keyid: "k", sig: "s" }] }), plain);
  assert.notEqual(of({}, { integrity: "sha512-b" }), plain);
  assert.notEqual(of({ deprecated: "use another" }), plain);
  assert.notEqual(of({ dependencies: { left: "1.x" } }), plain);
});

test("a version, a tag or a time that is another changes the digest; other times do not", () => {
  const state = { name: "p", distTags: { latest: "1.0.0" }, versions: { "1.0.0": "sha256-a" }, time: { "1.0.0": "t" } };
  const of = (change: Partial<typeof state>): string => packumentDigest(sha256Portable, { ...state, ...change });
  const plain = of({});
  const later = { "1.0.0": "t", modified: "later" };
  assert.equal(of({ time: later }), plain);
  assert.notEqual(of({ time: { "1.0.0": "u" } }), plain);
  assert.notEqual(of({ distTags: { latest: "0.9.0" } }), plain);
  assert.notEqual(of({ versions: { "1.0.0": "sha256-b" } }), plain);
  const fewer = packumentDigest(sha256Portable, { ...state, versions: {} });
  assert.notEqual(fewer, plain);
});
