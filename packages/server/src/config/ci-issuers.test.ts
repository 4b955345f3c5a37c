import assert from "node:assert/strict";
import { test } from "node:test";
import { ciSettings, usualIssuers } from "./ci-issuers.ts";
import { readConfigFile } from "./file.ts";

function read(value: unknown): unknown {
  return ciSettings.find(({ key }) => key === "identity.ci")?.kind.read(value);
}

const gitlab = { name: "gitlab", kind: "gitlab", issuer: "https://gitlab.example.com" };
const whole = { ...gitlab, audience: undefined, jwks: undefined, claims: {} };

test("issuers are read from maps of a file and from words of the environment", () => {
  const file = "identity:\n  ci:\n    - name: gitlab\n      kind: gitlab\n      issuer: https://gitlab.example.com\n";
  const { layer, problems } = readConfigFile(file, "assay.yaml");
  assert.deepEqual(problems, []);
  assert.deepEqual(read(layer.get("identity.ci")?.value), [whole]);
  assert.deepEqual(read(["gitlab gitlab https://gitlab.example.com"]), [whole]);
  assert.deepEqual(read(usualIssuers), usualIssuers);
});

test("a generic issuer says which of its claims is the repository", () => {
  const generic = { name: "pipes", kind: "generic", issuer: "https://pipes.example.com" };
  assert.equal(read([generic]), undefined);
  assert.notEqual(read([{ ...generic, claims: { repository: "repo", ref: "branch" } }]), undefined);
  assert.equal(read([{ ...generic, claims: { repository: "repo", actor: "who" } }]), undefined);
  assert.equal(read([{ ...gitlab, claims: { repository: "repo" } }]), undefined);
});

test("what is no issuer is refused", () => {
  for (const change of [
    { issuer: "ftp://gitlab.example.com" },
    { issuer: "https://user:word@gitlab.example.com" },
    { issuer: "https://gitlab.example.com?x" },
    { issuer: "https://{org-id}.example.com" },
    { kind: "jenkins" },
    { name: "Git Lab" },
    { audience: "with space" },
    { jwks: "here" },
    { more: true },
  ])
    assert.equal(read([{ ...gitlab, ...change }]), undefined, JSON.stringify(change));
  assert.equal(read([]), undefined);
  assert.equal(read([gitlab, { ...gitlab, issuer: "https://other.example.com" }]), undefined, "a name twice");
  assert.equal(read([gitlab, { ...gitlab, name: "other" }]), undefined, "an issuer twice");
});

test("anchors inside issuers are refused as everywhere", () => {
  const { problems } = readConfigFile("identity:\n  ci:\n    - name: &a gitlab\n      kind: *a\n", "assay.yaml");
  assert.match(problems.join(), /anchor, alias or tag/);
});
