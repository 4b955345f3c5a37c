import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutTarball, cutVersion, fillText, type JsonObject } from "./cut.ts";

const json = fc.jsonValue({ depthSize: "small" });
const object = fc.dictionary(fc.string(), json);

test("filled again, a cut text is the manifest with that tarball URL and our signature behind the listed ones", () => {
  const signed = fc.oneof(fc.constant(undefined), fc.array(json, { minLength: 1, maxLength: 3 }));
  const filling = fc.option(fc.record({ keyid: fc.string(), sig: fc.string() }), { nil: undefined });
  const attested = fc.oneof(fc.constant(undefined), json, fc.constant({ url: "/-/npm/v1/attestations/a@1.0.0" }));
  fc.assert(
    fc.property(
      fc.record({ manifest: object, dist: object, url: fc.string(), signatures: signed, ours: filling, attested }),
      ({ manifest, dist, url, signatures, ours, attested: attestations }) => {
        const original = {
          ...manifest,
          dist: { ...dist, attestations, signatures, tarball: "https://old.example.com/x.tgz" },
        };
        const cut = cutVersion(JSON.parse(JSON.stringify(original)) as JsonObject, "https://registry.example.com");
        const all = [...(signatures ?? []), ...(ours === undefined ? [] : [ours])];
        const expected = JSON.parse(
          JSON.stringify({
            ...original,
            dist: { ...original.dist, signatures: all.length === 0 ? undefined : all, tarball: url },
          }),
        ) as unknown;
        assert.deepEqual(JSON.parse(fillText(cut, { base: "", tarballUrl: url, signature: ours })), expected);
        assert.deepEqual(cutTarball(cut.text), cut);
      },
    ),
  );
});

test("what is no list of signatures is not handed on", () => {
  for (const signatures of [[], {}, "x", 1, null]) {
    const cut = cutVersion({ dist: { tarball: "t", signatures } }, "https://registry.example.com");
    assert.equal(cut.text, '{"dist":{"tarball":""}}');
  }
});

test("an attestation URL is put under the base that is asked", () => {
  const texts: [string, string, string][] = [
    [
      "https://registry.example.com/npm",
      "https://registry.example.com/npm/-/npm/v1/attestations/a@1.0.0",
      "https://here.example/-/npm/v1/attestations/a@1.0.0",
    ],
    [
      "https://registry.example.com",
      "https://other.example.com/x/-/npm/v1/attestations/@s%2fa@1.0.0",
      "https://here.example/-/npm/v1/attestations/@s%2fa@1.0.0",
    ],
    [
      "https://registry.example.com",
      "https://other.example.com/attestations",
      "https://other.example.com/attestations",
    ],
    [
      "https://registry.example.com",
      'https://registry.example.com/-/npm/v1/attestations/"',
      'https://registry.example.com/-/npm/v1/attestations/"',
    ],
    [
      "https://registry.example.com",
      "https://registry.example.com/-/npm/v1/attestations/ä",
      "https://registry.example.com/-/npm/v1/attestations/ä",
    ],
  ];
  for (const [upstream, listed, served] of texts) {
    const provenance = { predicateType: "x" };
    const cut = cutVersion(
      { name: "ä", dist: { tarball: "t", attestations: { url: listed, provenance }, shasum: "s" } },
      upstream,
    );
    assert.deepEqual(
      JSON.parse(fillText(cut, { base: "https://here.example", tarballUrl: "https://here.example/t.tgz" })),
      {
        name: "ä",
        dist: { shasum: "s", attestations: { provenance, url: served }, tarball: "https://here.example/t.tgz" },
      },
    );
    assert.deepEqual(cutTarball(cut.text), cut, "an own text is cut at the same places");
  }
});
