import assert from "node:assert/strict";
import { test } from "node:test";
import { integrityFromSha512, integrityHex, parsePackageName, parseVersion } from "@assay/core";
import { attestationsProblem, purlOf } from "./attestations.ts";

const name = parsePackageName("@s/left");
const version = parseVersion("1.0.0-rc.1");
const integrity = integrityFromSha512(Buffer.alloc(64, "a"));
const predicateType = "https://slsa.dev/provenance/v1";
const subject = { name: "pkg:npm/%40s/left@1.0.0-rc.1", digest: { sha512: integrityHex(integrity) } };

const attest = (statement: unknown, wrapper: object = { predicateType }) => ({
  ...wrapper,
  bundle: { dsseEnvelope: { payload: Buffer.from(JSON.stringify(statement)).toString("base64"), signatures: [] } },
});
const good = attest({ subject: [subject], predicateType });
const problem = (document: unknown, bound: typeof integrity | undefined = integrity) =>
  attestationsProblem(typeof document === "string" ? document : JSON.stringify(document), {
    name,
    version,
    integrity: bound,
  });

test("what is about the release is handed on", () => {
  assert.equal(purlOf(name, version), subject.name);
  assert.equal(purlOf(parsePackageName("left"), version), "pkg:npm/left@1.0.0-rc.1");
  assert.equal(problem({ attestations: [good, good] }), undefined);
  assert.equal(problem({ attestations: [] }), undefined);
  const other = attest({ subject: [{ ...subject, digest: { sha512: "00" } }], predicateType });
  assert.equal(problem({ attestations: [other] }), "an attestation is not about the bound bytes of @s/left@1.0.0-rc.1");
  assert.equal(
    attestationsProblem(JSON.stringify({ attestations: [other] }), { name, version, integrity: undefined }),
    undefined,
  );
});

test("what is not is refused with its reason", () => {
  const about = (...subjects: unknown[]) => ({ attestations: [good, attest({ subject: subjects, predicateType })] });
  const cases: readonly [unknown, RegExp][] = [
    ["<html>", /not JSON/],
    ['{"attestations":[],"attestations":[]}', /occurs twice/],
    ["[]", /no list of attestations/],
    ["null", /no list of attestations/],
    [{ attestations: Array.from({ length: 51 }, () => good) }, /more than 50/],
    [{ attestations: [null] }, /no DSSE bundle/],
    [{ attestations: [{ predicateType, bundle: {} }] }, /no DSSE bundle/],
    [{ attestations: [attest({ subject: [subject], predicateType }, {})] }, /no DSSE bundle/],
    [{ attestations: [{ predicateType, bundle: { dsseEnvelope: { payload: "!!!" } } }] }, /is not JSON/],
    [{ attestations: [attest({ subject: [subject], predicateType: "other" })] }, /predicateType/],
    [{ attestations: [attest({ subject: [subject], predicateType }, { predicateType: "other" })] }, /predicateType/],
    [about(), /is not about/],
    [about(subject, subject), /is not about/],
    [about({ ...subject, name: "pkg:npm/%40s/left@1.0.0" }), /is not about/],
    [about({ ...subject, name: "pkg:npm/@s/left@1.0.0-rc.1" }), /is not about/],
    [about({ name: subject.name }), /bound bytes/],
    [about({ ...subject, digest: { sha256: "aa" } }), /bound bytes/],
    [{ attestations: [attest(null)] }, /predicateType/],
  ];
  for (const [document, reason] of cases) assert.match(problem(document) ?? "accepted", reason);
});
