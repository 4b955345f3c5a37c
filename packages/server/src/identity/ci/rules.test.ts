import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parsePackageName } from "@assay/core";
import { usualClaims, type CiKind } from "@assay/testkit/ci-issuer";
import type { CiIssuerConfig } from "../../config/config.ts";
import { readCiIdentity, type CiIdentity } from "./identity-claims.ts";
import {
  isRelated,
  mismatchOf,
  parseTrustRequest,
  pinMismatch,
  renderRule,
  weaknesses,
  type TrustRule,
} from "./rules.ts";

const at = (key: string): string => `oidc.circleci.com/${key}`;
const org = "94b40e60-cfd5-486f-a04b-507abf27a83d";

const issuers: readonly CiIssuerConfig[] = [
  { name: "github", kind: "github", issuer: "https://token.example.com" },
  { name: "ghes", kind: "github", issuer: "https://ghes.example.com/_services/token" },
  { name: "gitlab", kind: "gitlab", issuer: "https://gitlab.example.com/git" },
  { name: "circleci", kind: "circleci", issuer: "https://circle.example.com/org/{org-id}" },
  {
    name: "pipes",
    kind: "generic",
    issuer: "https://pipes.example.com",
    claims: { repository: "repo", repository_id: "rid", ref: "branch" },
  },
].map((one) => ({ audience: undefined, jwks: undefined, claims: {}, ...one }) as CiIssuerConfig);

function issuerOf(kind: string): CiIssuerConfig {
  const found = issuers.find((one) => one.kind === kind);
  assert.ok(found);
  return found;
}

/** A run, as a token with these claims says it. */
function run(kind: CiKind | "generic", change: Readonly<Record<string, unknown>> = {}): CiIdentity {
  const issuer = issuerOf(kind);
  const url = issuer.issuer.replace("{org-id}", org);
  const usual = kind === "generic" ? { repo: "acme/widgets", rid: 7, branch: "main" } : usualClaims(kind, url);
  const more =
    kind === "gitlab"
      ? { ci_config_ref_uri: "gitlab.example.com/git/acme/widgets//.gitlab-ci.yml@refs/heads/main" }
      : {};
  const identity = readCiIdentity(issuer, url, { ...usual, ...more, ...change });
  assert.ok(!("problem" in identity), JSON.stringify(identity));
  return identity;
}

function rule(kind: string, claims: object, pins?: Readonly<Record<string, string>>): TrustRule {
  const request = parseTrustRequest(issuers, "package", { type: kind, claims, permissions: ["createPackage"] });
  return {
    ...request,
    id: "1",
    issuer: request.issuer.name,
    kind: request.issuer.kind,
    subject: { kind: "package", name: parsePackageName("@acme/widgets") },
    pins,
    createdAtMs: 0,
    createdBy: "person:ada",
    usedAtMs: undefined,
  };
}

const usualRule = { repository: "acme/widgets", workflow_ref: { file: "publish.yml" }, environment: "production" };
const circleRule = {
  [at("org-id")]: org,
  [at("project-id")]: "ff4d0d0d-5033-48c5-81e6-7c14a4715837",
  [at("pipeline-definition-id")]: "c959a6e7-5b83-4bc1-b46f-37bf13513490",
  [at("vcs-origin")]: "github.com/acme/widgets",
};

test("a run fits a rule whose every claim it has", () => {
  assert.equal(mismatchOf(rule("github", usualRule), run("github")), undefined);
  const gitlab = { project_path: "acme/widgets", ci_config_ref_uri: { file: ".gitlab-ci.yml" }, ref_protected: "true" };
  assert.equal(mismatchOf(rule("gitlab", gitlab), run("gitlab")), undefined);
  assert.equal(mismatchOf(rule("circleci", circleRule), run("circleci")), undefined);
  assert.equal(mismatchOf(rule("generic", { repository: "acme/widgets", ref: "main" }), run("generic")), undefined);
});

test("each claim that differs is named, with what the token says and nothing of the rule", () => {
  const cases: readonly [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ repository: "evil/widgets" }, /^repository of the token is "evil\/widgets", which the rule does not allow$/],
    [{ repository: "Acme/widgets" }, /^repository/],
    [{ environment: "staging" }, /^environment of the token is "staging"/],
    [{ environment: undefined }, /^the token has no environment$/],
    [{ workflow_ref: "acme/widgets/.github/workflows/other.yml@refs/heads/main" }, /^workflow_ref/],
    [{ workflow_ref: "evil/x/.github/workflows/publish.yml@refs/heads/main" }, /^workflow_ref/],
    [{ workflow_ref: "acme/widgets/.github/workflows/publish.yml@evil.yml@refs/heads/main" }, /^workflow_ref/],
    [{ workflow_ref: "acme/widgets/publish.yml@refs/heads/main" }, /^workflow_ref/],
    [{ event_name: "pull_request_target" }, /runs what strangers propose/],
  ];
  for (const [change, sentence] of cases) {
    const said = mismatchOf(rule("github", usualRule), run("github", change));
    assert.match(said ?? "fits", sentence);
    assert.doesNotMatch(said ?? "", /production/);
  }
});

test("a branch that is called like a file and a reference changes no workflow's name", () => {
  const reference = "acme/widgets/.github/workflows/other.yml@refs/heads/publish.yml@refs/heads/main";
  assert.match(
    mismatchOf(rule("github", usualRule), run("github", { workflow_ref: reference })) ?? "",
    /^workflow_ref/,
  );
  const gitlab = rule("gitlab", { project_path: "acme/widgets", ci_config_ref_uri: { file: ".gitlab-ci.yml" } });
  const start = "gitlab.example.com/git/acme/widgets//";
  for (const [uri, path] of [
    [`${start}.gitlab-ci.yml@refs/heads/evil.yml@refs/heads/main`, "refs/heads/main"],
    [`${start}evil.yml@refs/heads/main`, "refs/heads/main"],
    [`gitlab.example.com/git/evil/widgets//.gitlab-ci.yml@refs/heads/main`, "refs/heads/main"],
  ])
    assert.match(
      mismatchOf(gitlab, run("gitlab", { ci_config_ref_uri: uri, ref_path: path })) ?? "",
      /^ci_config_ref_uri/,
    );
});

test("a reference is exactly the rule's, or begins so where the rule ends in a star", () => {
  const exact = rule("github", { ...usualRule, ref: "refs/heads/main" });
  assert.equal(mismatchOf(exact, run("github")), undefined);
  assert.match(mismatchOf(exact, run("github", { ref: "refs/heads/main2" })) ?? "", /^ref /);
  const tags = rule("github", { ...usualRule, ref: "refs/tags/v*" });
  assert.equal(mismatchOf(tags, run("github", { ref: "refs/tags/v1.0.0" })), undefined);
  assert.match(mismatchOf(tags, run("github")) ?? "", /^ref /);
});

test("contexts of CircleCI must all be there", () => {
  const [one, two] = ["a1b2c3d4-e5f6-7890-abcd-ef1234567890", "00000000-0000-4000-8000-000000000000"];
  const wants = (...ids: unknown[]) => rule("circleci", { ...circleRule, [at("context-ids")]: ids });
  assert.equal(mismatchOf(wants(one), run("circleci")), undefined);
  assert.match(mismatchOf(wants(one, two), run("circleci")) ?? "", /context-ids/);
});

test("the same names with other numeric ids are somebody else's", () => {
  const pins = { repository_id: "74", repository_owner_id: "65" };
  const pinned = rule("github", usualRule, pins);
  assert.equal(pinMismatch(pinned, run("github")), undefined);
  for (const claim of Object.keys(pins)) {
    const other = run("github", { [claim]: "99" });
    assert.match(pinMismatch(pinned, other) ?? "", new RegExp(`^${claim} of the token is "99".*somebody else now$`));
    assert.equal(isRelated(pinned, other), false);
  }
  assert.equal(isRelated(pinned, run("github", { environment: "x" })), true);
});

test("rules that are open say so", () => {
  const said = (claims: object) => weaknesses(rule("github", claims).claims, "package").length;
  assert.equal(said(usualRule), 0);
  assert.equal(said({ repository: "acme/widgets", workflow_ref: { file: "publish.yml" } }), 1);
  assert.equal(said({ repository: "acme/widgets", ref: "refs/heads/main" }), 1);
  assert.equal(said({ repository: "acme/widgets" }), 2);
});

test("a rule comes out as npm wrote it, with the issuer where it is not the usual one", () => {
  const made = rule("github", usualRule);
  assert.deepEqual(renderRule(made), { id: "1", type: "github", claims: usualRule, permissions: ["createPackage"] });
  const request = { type: "github", issuer: "ghes", claims: usualRule, permissions: ["createPackage"] };
  assert.equal(parseTrustRequest(issuers, "package", request).issuer.name, "ghes");
});

test("requests that are malformed are refused by what is wrong", () => {
  const good = { type: "github", claims: usualRule, permissions: ["createPackage"] };
  const cases: readonly [unknown, RegExp][] = [
    [[], /must be an object/],
    [{ ...good, type: "jenkins" }, /no issuer of type "jenkins"; known: github, github \(issuer ghes\)/],
    [{ ...good, issuer: "other" }, /is called "other"/],
    [{ ...good, more: 1 }, /no "more"/],
    [{ ...good, claims: [] }, /claims must be an object/],
    [{ ...good, claims: { ...usualRule, actor: "ada" } }, /know no claim "actor"/],
    [{ ...good, claims: { environment: "x" } }, /claim repository is missing/],
    [{ ...good, claims: { repository: "acme" } }, /looks like "acme\/widgets"/],
    [{ ...good, claims: { ...usualRule, workflow_ref: { file: "../x.yml" } } }, /looks like "publish\.yml"/],
    [{ ...good, claims: { ...usualRule, workflow_ref: { file: "x.yml", ref: 1 } } }, /workflow_ref/],
    [{ ...good, claims: { ...usualRule, ref: "*" } }, /ref is "\*"/],
    [{ ...good, permissions: [] }, /createPackage or createStagedPackage/],
    [{ ...good, permissions: ["createPackage", "read"] }, /permissions/],
    [{ ...good, permissions: undefined }, /permissions/],
  ];
  for (const [value, sentence] of cases)
    assert.throws(
      () => parseTrustRequest(issuers, "package", value),
      (error) => isAssayError(error, "BAD_REQUEST") && sentence.test(error.message),
      String(sentence),
    );
  const reads = { ...good, permissions: ["read"] };
  assert.deepEqual(parseTrustRequest(issuers, "organisation", reads).permissions, ["read"]);
  assert.throws(() => parseTrustRequest(issuers, "organisation", good));
});
