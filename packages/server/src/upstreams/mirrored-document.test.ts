import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIntegrity, parsePackageName, parseVersion, type EpochMs, type Version } from "@assay/core";
import type { BoundRelease } from "../releases/releases.ts";
import { mirroredDocument, mirroredTags, type MirrorVoice, type MirroredInput } from "./mirrored-document.ts";
import { listMirror } from "./mirrored-listing.ts";

const name = parsePackageName("a");
const integrityOf = (letter: string) => parseIntegrity(`sha512-${Buffer.alloc(64, letter).toString("base64")}`);

interface Listed {
  readonly version: string;
  readonly integrity?: string;
  readonly time?: string;
  readonly manifest?: object;
  readonly tag?: string;
}

/** What a mirror says, by way of the document that it sends. */
function voice(operator: string, listed: readonly Listed[], more: object = {}): MirrorVoice {
  const document = {
    name,
    "dist-tags": Object.fromEntries(listed.flatMap(({ version, tag }) => (tag === undefined ? [] : [[tag, version]]))),
    time: Object.fromEntries(listed.map(({ version, time }) => [version, time])),
    versions: Object.fromEntries(
      listed.map(({ version, integrity = integrityOf("A"), manifest }) => [
        version,
        { name, version, ...manifest, dist: { integrity, tarball: `https://${operator}.example/x` } },
      ]),
    ),
    ...more,
  };
  const listing = listMirror({ name, bytes: new TextEncoder().encode(JSON.stringify(document)) });
  assert.ok(listing !== undefined);
  return { operator, listing };
}

const bound = (version: string): [Version, BoundRelease] => [
  parseVersion(version),
  {
    name,
    version: parseVersion(version),
    integrity: integrityOf("B"),
    sizeBytes: 1,
    manifest: "sha256-x",
    signature: undefined,
  },
];

function documentOf(
  voices: readonly MirrorVoice[],
  more: Partial<MirroredInput> & { readonly binds?: readonly string[] } = {},
) {
  const binds = new Map((more.binds ?? []).map(bound));
  const firstSeenMs = new Map(
    [...binds.keys()].map((version, at) => [version, (1_600_000_000_000 + at * 1000) as EpochMs]),
  );
  const state = { binds, firstSeenMs };
  return mirroredDocument({ name, ownerUrl: "https://npm.example", voices, state, seenTags: {}, agree: 2, ...more });
}

const parsed = (document: ReturnType<typeof documentOf>) =>
  JSON.parse(new TextDecoder().decode(document?.bytes)) as {
    versions: Record<string, { dist: { integrity: string } } & Record<string, unknown>>;
    time: Record<string, string>;
    "dist-tags": Record<string, string>;
  };

describe("what shows of mirrors' listings", () => {
  test("a bound version that a mirror lists, as it is bound, whatever the mirror says of it", () => {
    const lying = voice("near", [
      { version: "1.0.0", manifest: { dependencies: { evil: "1" } } },
      { version: "2.0.0" },
    ]);
    const { versions } = parsed(documentOf([lying], { binds: ["1.0.0", "3.0.0"] }));
    assert.deepEqual(Object.keys(versions), ["1.0.0"]);
    assert.equal(versions["1.0.0"]?.dist.integrity, integrityOf("B"));
    assert.equal(versions["1.0.0"]?.["dependencies"], undefined);
  });

  test("an unbound one when enough independent mirrors say the same of it", () => {
    const one = (operator: string, more: Partial<Listed> = {}) => voice(operator, [{ version: "2.0.0", ...more }]);
    assert.equal(documentOf([one("near")]), undefined);
    assert.equal(documentOf([one("near"), one("near")]), undefined, "one operator is one voice");
    assert.equal(documentOf([one("near"), one("far", { integrity: integrityOf("C") })]), undefined);
    assert.equal(documentOf([one("near"), one("far", { manifest: { dependencies: { evil: "1" } } })]), undefined);
    assert.equal(documentOf([one("near"), one("far")], { agree: 3 }), undefined);
    const manifest = { dependencies: { b: "1" }, description: "not of the fragment" };
    const { versions } = parsed(documentOf([one("near", { manifest }), one("far", { manifest })]));
    assert.deepEqual(versions["2.0.0"]?.["dependencies"], { b: "1" });
    assert.equal(versions["2.0.0"]?.["description"], undefined);
    const other = { integrity: integrityOf("C") };
    assert.equal(documentOf([one("a"), one("b"), one("c", other), one("d", other)]), undefined, "two camps");
  });

  test("an agreed version is as young as the latest time that is said, so that no cooldown ends early", () => {
    const near = voice("near", [{ version: "2.0.0", time: "2010-01-01T00:00:00.000Z" }]);
    const far = voice("far", [{ version: "2.0.0", time: "2020-01-01T00:00:00.000Z" }]);
    assert.equal(parsed(documentOf([near, far])).time["2.0.0"], "2020-01-01T00:00:00.000Z");
  });

  test("the same versions and tags make the same bytes: neither order, nor what a mirror adds, nor who it is, shows", () => {
    const listed = [{ version: "1.0.0", tag: "latest" }, { version: "1.0.0-b" }, { version: "0.9.0" }] as const;
    const binds = listed.map(({ version }) => version);
    const plain = documentOf([voice("near", listed)], { binds });
    const odd = documentOf(
      [voice("far", [...listed].reverse(), { _uplinks: { x: 1 }, readme: "hello", _rev: "3-x" })],
      { binds },
    );
    assert.deepEqual(odd, plain);
    assert.deepEqual(Object.keys(parsed(plain).versions), ["0.9.0", "1.0.0-b", "1.0.0"]);
  });
});

describe("where tags may point while the owner is silent", () => {
  const version = parseVersion;
  const shown = new Map(
    ["1.0.0", "2.0.0", "old-1", "old-2"].map((text, at) => [version(text), { isBound: true, timeMs: at }]),
  ).set(version("3.0.0"), { isBound: false, timeMs: 9 });
  const tagsOf = (said: readonly Record<string, string>[], seen: Record<string, string> = {}) =>
    mirroredTags(said as Record<string, Version>[], seen as Record<string, Version>, shown);

  test("at first sight to a bound version only", () => {
    assert.deepEqual(tagsOf([{ latest: "2.0.0", next: "3.0.0", gone: "9.0.0" }]), { latest: "2.0.0" });
  });

  test("forward from where they were seen, never back", () => {
    assert.deepEqual(tagsOf([{ latest: "1.0.0" }], { latest: "2.0.0" }), { latest: "2.0.0" });
    assert.deepEqual(tagsOf([{ latest: "2.0.0" }], { latest: "1.0.0" }), { latest: "2.0.0" });
    assert.deepEqual(tagsOf([{ latest: "3.0.0" }], { latest: "2.0.0" }), { latest: "3.0.0" });
    assert.deepEqual(tagsOf([{ latest: "1.0.0" }], { latest: "9.0.0" }), {}, "what was seen is not here: nowhere");
    assert.deepEqual(tagsOf([{ latest: "old-1" }], { latest: "old-2" }), { latest: "old-2" });
    assert.deepEqual(tagsOf([{ latest: "old-2" }], { latest: "old-1" }), { latest: "old-2" });
  });

  test("where most mirrors say; the lower version when they are equally many", () => {
    assert.deepEqual(tagsOf([{ latest: "2.0.0" }, { latest: "1.0.0" }, { latest: "1.0.0" }]), { latest: "1.0.0" });
    assert.deepEqual(tagsOf([{ latest: "2.0.0" }, { latest: "1.0.0" }]), { latest: "1.0.0" });
  });

  test("names like members of every object are tags like others", () => {
    assert.deepEqual(tagsOf([{ constructor: "1.0.0" }]), { constructor: "1.0.0" });
    assert.deepEqual(tagsOf([{}], { latest: "1.0.0" }), {}, "a tag that nobody names is gone");
  });
});
