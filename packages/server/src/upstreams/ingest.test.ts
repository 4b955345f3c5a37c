import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { manifestDigest, manifestFragmentText, parsePackageName } from "@assay/core";
import { fillText } from "./cut.ts";
import { ingest, RefusedDocument } from "./ingest.ts";

const input = {
  name: parsePackageName("a"),
  source: "npm",
  upstreamUrl: "https://registry.example.com",
  fallbackModifiedMs: 7,
};
const manifest = (version: string, more: object = {}) => ({
  name: "a",
  version,
  dist: { tarball: `https://registry.example.com/a/-/a-${version}.tgz` },
  ...more,
});
const take = (document: unknown) =>
  ingest(Buffer.from(typeof document === "string" ? document : JSON.stringify(document)), input);
const refusedFor = (reason: RegExp) => (error: unknown) =>
  error instanceof RefusedDocument && reason.test(error.message);

const refusals: [unknown, RegExp][] = [
  ["", /JSON/],
  ["{", /JSON/],
  ["<html>", /JSON/],
  ["[]", /object/],
  ["null", /object/],
  [{}, /document of a undefined/],
  [{ name: "b", versions: {} }, /document of "b"/],
  [{ name: "a" }, /no versions/],
  [{ name: "a", versions: [] }, /no versions/],
  ['{"name":"a","versions":{},"versions":{}}', /member "versions" twice/],
  ['{"name":"b","name":"a","versions":{}}', /member "name" twice/],
  ['{"name":"a","versions":{},"dist-tags":{"latest":"1.0.0","latest":"2.0.0"}}', /tag "latest" twice/],
  [`{"name":"a","versions":{},"readme":${"[".repeat(500)}${"]".repeat(500)}}`, /nested deeper/],
  [
    { name: "a", versions: {}, ...Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`x${index}`, 1])) },
    /more than 1000 members/,
  ],
];

for (const [document, reason] of refusals) {
  test(`refuses ${(typeof document === "string" ? document : JSON.stringify(document)).slice(0, 60)}`, () => {
    assert.throws(() => take(document), refusedFor(reason));
  });
}

test("refuses bytes that are not UTF-8", () => {
  assert.throws(
    () =>
      ingest(
        Buffer.concat([Buffer.from('{"name":"a","versions":{},"readme":"'), Buffer.from([0xff]), Buffer.from('"}')]),
        input,
      ),
    refusedFor(/UTF-8/),
  );
});

test("lists what can be listed, and says why the rest cannot", () => {
  const listed = take({
    name: "a",
    versions: {
      "1.0.0": manifest("1.0.0"),
      "1.0.0beta": manifest("1.0.0beta"),
      "0.0.0.1": manifest("0.0.0.1"),
      "2.0.0": manifest("2.0.0", { dist: undefined }),
      "3.0.0": manifest("3.0.1"),
      "4.0.0": { ...manifest("4.0.0"), name: "b" },
      "5/0": manifest("5/0"),
      "6.0.0": null,
      "7.0.0": manifest("7.0.0", { dist: { tarball: 5 } }),
    },
    "dist-tags": { latest: "1.0.0", old: "1.0.0beta", gone: "9.9.9", broken: "2.0.0", odd: 5 },
  });
  assert.deepEqual(
    listed.versions.map(({ version }) => version),
    ["1.0.0", "1.0.0beta", "0.0.0.1"],
  );
  assert.deepEqual({ ...listed.tags }, { latest: "1.0.0", old: "1.0.0beta" });
  assert.deepEqual(Object.fromEntries(listed.skipped.map(({ version, reason }) => [version, reason])), {
    "2.0.0": "no tarball",
    "3.0.0": 'the manifest of version "3.0.1"',
    "4.0.0": 'the manifest of "b"',
    "5/0": "not a version",
    "6.0.0": "no manifest",
    "7.0.0": "no tarball",
  });
});

test("a package unpublished as a whole lists nothing", () => {
  assert.equal(take({ name: "a", time: { unpublished: { time: "2020-01-01T00:00:00.000Z" } } }).versions.length, 0);
});

test("reads times where they can be read", () => {
  const { versions, modifiedMs, createdMs } = take({
    name: "a",
    versions: {
      "1.0.0": manifest("1.0.0"),
      "2.0.0": manifest("2.0.0"),
      "3.0.0": manifest("3.0.0"),
      "4.0.0": manifest("4.0.0"),
    },
    time: {
      created: "2011-03-29T19:14:46.123Z",
      modified: "never",
      "1.0.0": "2012-01-01T00:00:00.000Z",
      "2.0.0": 5,
      "3.0.0": "2012-13-45T00:00:00Z",
    },
  });
  assert.deepEqual(
    versions.map(({ publishedMs }) => publishedMs),
    [Date.UTC(2012, 0), undefined, undefined, undefined],
  );
  assert.equal(createdMs, Date.UTC(2011, 2, 29, 19, 14, 46, 123));
  assert.equal(modifiedMs, Date.UTC(2012, 0), "the newest version's time when there is no other");
  assert.equal(take({ name: "a", versions: {} }).modifiedMs, 7);
  assert.equal(
    take({ name: "a", versions: {}, modified: "2020-01-01T00:00:00Z" }).modifiedMs,
    Date.UTC(2020, 0),
    "as abbreviated documents have it",
  );
});

test("takes the digests that are well formed, and no others", () => {
  const sha512 = `sha512-${createHash("sha512").update("x").digest("base64")}`;
  const digests = (dist: object) => {
    const [first] = take({
      name: "a",
      versions: { "1.0.0": manifest("1.0.0", { dist: { tarball: "t", ...dist } }) },
    }).versions;
    return [first?.integrity, first?.shasum];
  };
  assert.deepEqual(digests({ integrity: `sha1-x ${sha512}?a`, shasum: "A".repeat(40) }), [sha512, "a".repeat(40)]);
  assert.deepEqual(digests({ integrity: "sha512-short", shasum: "zz" }), [undefined, undefined]);
  assert.deepEqual(digests({ integrity: 5, shasum: 5 }), [undefined, undefined]);
});

test("digests the manifest, and refuses to where readers would disagree about it", () => {
  const plain = { ...manifest("1.0.0"), dependencies: { b: "^1.0.0" } };
  const expected = manifestDigest((bytes) => createHash("sha256").update(bytes).digest(), manifestFragmentText(plain));
  const text = JSON.stringify({ name: "a", versions: { "1.0.0": plain } });
  assert.equal(take(text).versions[0]?.manifest, expected);
  const twice = text.replace('"dependencies":', '"dependencies":{"evil":"1.0.0"},"dependencies":');
  assert.equal(take(twice).versions[0]?.manifest, undefined);
  const proto = text.replace('"dependencies":{', '"dependencies":{"__proto__":"1.0.0",');
  assert.equal(take(proto).versions[0]?.manifest, undefined);
  const surrogate = text.replace("^1.0.0", String.raw`\ud800`);
  assert.equal(take(surrogate).versions[0]?.manifest, undefined);
});

test("hands on one range and one integrity where clients would choose between two with one digest", () => {
  const integrity = `sha512-${createHash("sha512").update("x").digest("base64")}`;
  const other = `sha512-${createHash("sha512").update("y").digest("base64")}`;
  const told = (dependencies: object, listed: string) => {
    const [version] = take({
      name: "a",
      versions: {
        "1.0.0": manifest("1.0.0", {
          dependencies,
          optionalDependencies: { b: "1" },
          dist: { tarball: "t", integrity: listed },
        }),
      },
    }).versions;
    assert.ok(version !== undefined);
    for (const cut of [version.full, version.abbreviated]) {
      const served = JSON.parse(cut.text) as { dependencies: object; dist: { integrity: string } };
      assert.deepEqual(served.dependencies, "b" in dependencies ? { b: "1", c: "1" } : { c: "1" });
      assert.equal(served.dist.integrity, integrity);
    }
    return [version.manifest, version.integrity];
  };
  const bound = told({ c: "1" }, integrity);
  assert.deepEqual(told({ b: "npm:evil@1", c: "1" }, `${integrity} ${other}`), bound);
});

test("abbreviates to what install and resolution read", () => {
  const full = manifest("1.0.0", {
    description: "x",
    readme: "x",
    _id: "a@1.0.0",
    dependencies: { b: "1" },
    bundledDependencies: ["b"],
    libc: ["glibc"],
    scripts: { postinstall: "x", test: "y" },
    dist: {
      tarball: "t",
      integrity: "i",
      signatures: [{ keyid: "k", sig: "s" }],
      "npm-signature": "pgp",
      attestations: { url: "https://registry.example.com/-/npm/v1/attestations/a@1.0.0" },
    },
  });
  const [version] = take({ name: "a", versions: { "1.0.0": full } }).versions;
  assert.ok(version !== undefined);
  assert.deepEqual(
    JSON.parse(fillText(version.abbreviated, { base: "https://here", tarballUrl: "https://here/a.tgz" })),
    {
      name: "a",
      version: "1.0.0",
      dependencies: { b: "1" },
      libc: ["glibc"],
      bundleDependencies: ["b"],
      hasInstallScript: true,
      dist: {
        integrity: "i",
        signatures: [{ keyid: "k", sig: "s" }],
        attestations: { url: "https://here/-/npm/v1/attestations/a@1.0.0" },
        tarball: "https://here/a.tgz",
      },
    },
  );
  const served = JSON.parse(
    fillText(version.full, { base: "https://here", tarballUrl: "https://here/a.tgz" }),
  ) as typeof full;
  assert.deepEqual(served, {
    ...full,
    dist: {
      ...full.dist,
      attestations: { url: "https://here/-/npm/v1/attestations/a@1.0.0" },
      tarball: "https://here/a.tgz",
    },
  });
});

test("never throws anything but a refusal, whatever JSON it is given", () => {
  const anything = fc.jsonValue();
  const document = fc.record({
    name: fc.oneof({ weight: 9, arbitrary: fc.constant("a") }, { weight: 1, arbitrary: anything }),
    versions: fc.oneof(
      fc.dictionary(
        fc.constantFrom("1.0.0", "2.0.0", "__proto__", "x"),
        fc.oneof(
          anything,
          fc.record({
            name: fc.constant("a"),
            version: fc.constantFrom("1.0.0", "x"),
            dist: fc.oneof(anything, fc.record({ tarball: anything, integrity: anything, attestations: anything })),
            scripts: anything,
            bin: anything,
          }),
        ),
      ),
      anything,
    ),
    "dist-tags": anything,
    time: anything,
    readme: anything,
  });
  fc.assert(
    fc.property(document, (value) => {
      try {
        for (const { full, abbreviated } of take(value).versions) {
          JSON.parse(full.text);
          JSON.parse(abbreviated.text);
        }
      } catch (error) {
        assert.ok(error instanceof RefusedDocument, String(error));
      }
    }),
  );
});
