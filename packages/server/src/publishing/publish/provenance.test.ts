import assert from "node:assert/strict";
import { test } from "node:test";
import { integrityFromSha512, integrityHex, isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { bundleMediaType, bundleOf, provenanceBundle, provenanceStatement } from "../../../test/provenance-bundle.ts";
import { checkProvenance, missingProvenance, provenanceNotice, type ProvenancePolicy } from "./provenance.ts";

const name = parsePackageName("@acme/ui");
const version = parseVersion("1.2.3-beta.1");
const integrity = integrityFromSha512(Buffer.alloc(64, 0xab));
const about = { name, version, sha512: integrityHex(integrity) };
const good = provenanceBundle(about);
const statement = provenanceStatement(about);
const [subject] = statement.subject as [{ name: string; digest: { sha512: string } }];

function request(text?: string, mediaType = bundleMediaType) {
  return {
    name,
    version,
    tags: ["latest"],
    access: undefined,
    manifest: {},
    readme: undefined,
    tarball: { integrity, sha1: "a".repeat(40), sizeBytes: 1 },
    provenance: text === undefined ? undefined : { mediaType, text },
  };
}

test("a statement about these bytes under this name passes, by every policy and every media type that npm has sent", () => {
  for (const policy of ["require", "warn", "off"] as const)
    for (const mediaType of [
      "application/vnd.dev.sigstore.bundle+json;version=0.1",
      "application/vnd.dev.sigstore.bundle+json;version=0.2",
      "application/vnd.dev.sigstore.bundle.v0.3+json",
    ]) {
      const passed = checkProvenance(request(good, mediaType), policy);
      assert.equal(passed?.predicateType, "https://slsa.dev/provenance/v1");
      assert.equal(passed.text, good);
    }
  // As npm signs on GitLab.
  const older = {
    ...statement,
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
  };
  assert.equal(checkProvenance(request(bundleOf(older)), "require")?.predicateType, older.predicateType);
});

test("where one is required its absence is refused with how to sign; elsewhere it is told, or not", () => {
  assert.throws(
    () => checkProvenance(request(), "require"),
    (error) =>
      isAssayError(error, "BLOCKED") &&
      error.details.rule === "provenance/missing" &&
      ["npm publish --provenance", "id-token: write", "trusted publishing"].every((part) =>
        error.message.includes(part),
      ),
  );
  assert.equal(missingProvenance(request(), "require").length, 1);
  for (const policy of ["warn", "off"] as const) {
    assert.equal(checkProvenance(request(), policy), undefined);
    assert.deepEqual(missingProvenance(request(), policy), []);
  }
  assert.deepEqual(missingProvenance(request(good), "require"), []);
  const notice = (text: string | undefined, policy: ProvenancePolicy, visibility: "public" | "restricted" = "public") =>
    provenanceNotice({ find: () => undefined, defaultVisibility: () => visibility }, request(text), policy);
  const told = notice(undefined, "warn") ?? "nothing";
  assert.match(told, /^This version has no provenance statement; .*id-token: write/);
  assert.match(told, /^[ -~]+$/, "it is a header's value");
  for (const [text, policy] of [
    [undefined, "off"],
    [undefined, "require"],
    [good, "warn"],
  ] as const)
    assert.equal(notice(text, policy), undefined);
  assert.equal(notice(undefined, "warn", "restricted"), undefined, "no client signs it");
});

/** By what is wrong: the bundle, and the rule. */
const wrong: Readonly<Record<string, readonly [string, RegExp, string?]>> = {
  "another name": [
    provenanceBundle({ ...about, name: "@acme/other" }),
    /subject: .*is not about pkg:npm\/%40acme\/ui@1/,
  ],
  "another scope": [provenanceBundle({ ...about, name: "@acmes/ui" }), /subject: .*is not about/],
  "the name without its scope": [provenanceBundle({ ...about, name: "ui" }), /subject: .*is not about/],
  "a scope that is not escaped": [
    bundleOf({ ...statement, subject: [{ ...subject, name: `pkg:npm/@acme/ui@${version}` }] }),
    /subject: .*is not about/,
  ],
  "another version": [provenanceBundle({ ...about, version: "1.2.3" }), /subject: .*is not about/],
  "other bytes": [provenanceBundle({ ...about, sha512: "0".repeat(128) }), /subject: .*about other bytes/],
  "a digest in upper case": [provenanceBundle({ ...about, sha512: about.sha512.toUpperCase() }), /other bytes/],
  "another digest alone": [
    bundleOf({ ...statement, subject: [{ ...subject, digest: { sha256: "a".repeat(64) } }] }),
    /subject: .*about other bytes/,
  ],
  "no digest": [bundleOf({ ...statement, subject: [{ name: subject.name }] }), /subject: .*about other bytes/],
  "two subjects": [bundleOf({ ...statement, subject: [subject, subject] }), /subject: .*not exactly one subject/],
  "no subject": [bundleOf({ ...statement, subject: [] }), /subject: .*not exactly one subject/],
  "a subject that is no object": [bundleOf({ ...statement, subject: ["x"] }), /subject: .*not exactly one subject/],
  "no predicate type": [bundleOf({ ...statement, predicateType: 1 }), /bundle: .*no predicate type/],
  "a predicate type that is markup": [bundleOf({ ...statement, predicateType: "<b>" }), /bundle: .*no predicate type/],
  "a statement of another kind": [bundleOf({ ...statement, _type: "x" }), /bundle: .*not an in-toto statement/],
  "another payload type": [bundleOf(statement, { payloadType: "text/plain" }), /bundle: .*the payload is not/],
  "no signature": [bundleOf(statement, { signatures: [] }), /bundle: .*nothing is signed/],
  "no payload": [bundleOf(statement, { payload: undefined }), /bundle: .*there is no payload/],
  "a payload that is no base64": [bundleOf(statement, { payload: "?" }), /bundle: .*not base64/],
  "a payload that is no text": [bundleOf(statement, { payload: "/w==" }), /bundle: .*not base64 of UTF-8/],
  "a payload that says something twice": [
    bundleOf(JSON.stringify(statement).replace("{", '{"subject":[],')),
    /bundle: .*statement is not strict JSON/,
  ],
  "no envelope": ["{}", /bundle: .*no DSSE envelope/],
  "no JSON": ["not JSON", /bundle: .*not strict JSON/],
  "two bundles in one text": [good + good, /bundle: .*not strict JSON/],
  "a list of bundles": [`[${good}]`, /bundle: .*not strict JSON/],
  "an envelope twice": [good.replace("{", '{"dsseEnvelope":{},'), /bundle: .*not strict JSON/],
  "a depth that nobody needs": [`${"[".repeat(10_000)}${"]".repeat(10_000)}`, /bundle: .*not strict JSON/],
  "more than a mebibyte": [good.replace("{", `{"x":"${"x".repeat(1024 * 1024)}",`), /bundle: .*larger than 1048576/],
  "another media type": [good, /bundle: .*no sigstore bundle/, "application/json"],
};

for (const [what, [text, sentence, mediaType]] of Object.entries(wrong))
  test(`a bundle with ${what} is refused by name, by every policy`, () => {
    for (const policy of ["require", "warn", "off"] as const)
      assert.throws(
        () => checkProvenance(request(text, mediaType), policy),
        (error) => isAssayError(error, "BLOCKED") && sentence.test(error.message),
      );
  });
