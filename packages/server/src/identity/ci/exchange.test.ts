import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isAssayError, parsePackageName, type ErrorCode } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { circleOrganisation } from "@assay/testkit/ci-issuer";
import type { Database } from "../../platform/database/database.ts";
import type { Principal } from "../principal.ts";
import { identityTestMigrations, showing } from "../test-identity.ts";
import { createTestCi } from "./test-ci.ts";
import type { Caller } from "./trust.ts";
import type { TrustSubject } from "./rules.ts";

const widgets: TrustSubject = { kind: "package", name: parsePackageName("@acme/widgets") };
const claims = { repository: "acme/widgets", workflow_ref: { file: "publish.yml" }, environment: "production" };
const rule = { type: "github", claims, permissions: ["createPackage"] };

const person: Principal = {
  kind: "person",
  id: "person:ada",
  name: "ada",
  isAdmin: false,
  via: "session",
  grant: undefined,
  steppedUpAtMs: undefined,
  address: "192.0.2.1",
};

/** Who confirms whatever it is asked. */
const ada: Caller = { principal: person, base: "http://localhost", confirm: async () => {} };

onEveryDatabase("the exchange", (databases) => {
  async function arrange(database?: Database, change: Parameters<typeof createTestCi>[1] = {}) {
    const own = database ?? (await databases.fresh(...identityTestMigrations));
    const made = await createTestCi(own, change);
    after(() => made[Symbol.asyncDispose]());
    const ask = (idToken: string | undefined, subject: TrustSubject = widgets, address = "192.0.2.1") =>
      made.ci.exchange({ idToken, subject, address, publicUrls: ["http://127.0.0.1:4873"] });
    const refused = async (idToken: string | undefined, code: ErrorCode, sentence: RegExp, subject = widgets) => {
      await assert.rejects(ask(idToken, subject), (error: unknown) => {
        assert.ok(isAssayError(error), String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, sentence);
        return true;
      });
    };
    return { ...made, ask, refused, database: own };
  }

  test("a run that fits a rule gets a token for that package, for ten minutes", async () => {
    const { ci, github, ask, identity, events, acts, clock } = await arrange();
    const [made] = await ci.trust.add(ada, widgets, [rule]);
    assert.ok(made);
    const { token, createdAtMs, expiresAtMs } = await ask(await github.mint());
    assert.equal(expiresAtMs - createdAtMs, 600_000);
    const principal = await identity.authenticate(showing({ bearer: token }));
    assert.deepEqual(
      [principal.kind, principal.id, principal.name, principal.grant?.level, principal.grant?.packages],
      ["ci", `ci:${made.id}`, "github:acme/widgets", "read-write", ["@acme/widgets"]],
    );
    assert.deepEqual(await ci.factsOf(made.id), { packages: ["@acme/widgets"], permissions: ["read", "publish"] });
    assert.deepEqual(await ci.publisherOf(principal), {
      name: "GitHub Actions (github:acme/widgets)",
      email: "github@ci.invalid",
      trustedPublisher: { id: "github", oidcConfigId: `oidc:${made.id}` },
    });
    assert.equal(await ci.publisherOf(person), undefined);
    assert.deepEqual(await events(), [
      "trust.rule-added package @acme/widgets",
      `token.created ci:${made.id}`,
      "trust.exchanged package @acme/widgets",
    ]);
    const said = `ci:${made.id} 192.0.2.1 trust rule ${made.id} done`;
    assert.deepEqual(await acts("trust.ex"), [`trust.exchanged ${said} acme`]);
    assert.deepEqual(await acts("token."), [`token.created ${said}`]);
    await clock.advance(600_000);
    await assert.rejects(identity.authenticate(showing({ bearer: token })), /expired/);
  });

  test("a rule for staging gives a token for staging, one of an organisation a token for reading", async () => {
    const { ci, github, ask, identity } = await arrange();
    await ci.trust.add(ada, widgets, [{ ...rule, permissions: ["createStagedPackage"] }]);
    const acme: TrustSubject = { kind: "organisation", name: "acme" };
    await ci.trust.add(ada, acme, [{ ...rule, permissions: ["read"] }]);
    const grantOf = async (subject: TrustSubject) => {
      const { token } = await ask(await github.mint(), subject);
      const { grant } = await identity.authenticate(showing({ bearer: token }));
      return [grant?.level, grant?.packages];
    };
    assert.deepEqual(await grantOf(widgets), ["stage-only", ["@acme/widgets"]]);
    assert.deepEqual(await grantOf(acme), ["read-only", ["@acme/*"]]);
  });

  test("GitLab and CircleCI are taken by their own rules", async () => {
    const { ci, issuerOf, ask } = await arrange();
    const at = (key: string) => `oidc.circleci.com/${key}`;
    await ci.trust.add(ada, widgets, [
      {
        type: "gitlab",
        claims: { project_path: "acme/widgets", ci_config_ref_uri: { file: ".gitlab-ci.yml" } },
        permissions: ["createPackage"],
      },
      {
        type: "circleci",
        claims: {
          [at("org-id")]: circleOrganisation,
          [at("project-id")]: "ff4d0d0d-5033-48c5-81e6-7c14a4715837",
          [at("pipeline-definition-id")]: "c959a6e7-5b83-4bc1-b46f-37bf13513490",
          [at("vcs-origin")]: "github.com/acme/widgets",
        },
        permissions: ["createPackage"],
      },
    ]);
    await ask(await issuerOf("gitlab").mint());
    await ask(await issuerOf("circleci").mint());
  });

  test("a token is good once, also when it is shown many times at once", async () => {
    const one = await arrange();
    await one.ci.trust.add(ada, widgets, [rule]);
    const idToken = await one.github.mint();
    const tries = Array.from({ length: 12 }, () => one.ask(idToken).then(() => "taken", String));
    const results = await Promise.all(tries);
    assert.equal(results.filter((result) => result === "taken").length, 1);
    assert.equal(results.filter((result) => /used before; each is good once/.test(result)).length, 11);
    await one.refused(idToken, "ID_TOKEN_REFUSED", /used before/);
  });

  test("a refused token is not used up, and leaves nothing but an event", async () => {
    const { ci, github, ask, refused, events, acts } = await arrange();
    const idToken = await github.mint();
    await refused(idToken, "TRUST_MISSING", /@acme\/widgets has no trust rule for github:acme\/widgets/);
    assert.deepEqual(await events(), ["trust.refused package @acme/widgets"]);
    assert.deepEqual(await acts("trust."), ["trust.refused ci-identity:github:acme/widgets 192.0.2.1 refused acme"]);
    await ci.trust.add(ada, widgets, [rule]);
    await ask(idToken);
  });

  test("a repository that was registered again is refused", async () => {
    const { ci, github, ask, refused } = await arrange();
    await ci.trust.add(ada, widgets, [rule]);
    await ask(await github.mint());
    await ask(await github.mint());
    for (const other of [{ repository_id: "75" }, { repository_owner_id: "66" }])
      await refused(await github.mint({ claims: other }), "TRUST_REFUSED", /belongs to somebody else now/);
    await refused(await github.mint({ claims: { repository_id: undefined } }), "ID_TOKEN_REFUSED", /lacks the claims/);
  });

  test("of two repositories that race for the first use of a rule one is refused", async () => {
    const { ci, github, ask } = await arrange();
    await ci.trust.add(ada, widgets, [rule]);
    const tokens = await Promise.all(["1", "2"].map((id) => github.mint({ claims: { repository_id: id } })));
    const results = await Promise.all(tokens.map((token) => ask(token).then(() => "taken", String)));
    assert.equal(results.filter((result) => result === "taken").length, 1, results.join());
  });

  test("what strangers may not see answers as what does not exist, and says why to its own repository", async () => {
    const hidden = { isOpen: () => false, require: async () => "test" };
    const { ci, github, refused, ask } = await arrange(undefined, { permissions: hidden });
    await ci.trust.add(ada, widgets, [rule]);
    const nothing: TrustSubject = { kind: "package", name: parsePackageName("@acme/nothing") };
    const evil = { claims: { repository: "evil/widgets", repository_id: "9", repository_owner_id: "9" } };
    await refused(
      await github.mint(evil),
      "TRUST_MISSING",
      /^@acme\/widgets has no trust rule for github:evil\/widgets;/,
    );
    await refused(await github.mint(evil), "TRUST_MISSING", /^@acme\/nothing has no trust rule/, nothing);
    await refused(
      await github.mint({ claims: { environment: "dev" } }),
      "TRUST_REFUSED",
      /environment of the token is "dev"/,
    );
    await ask(await github.mint());
    const again = { claims: { repository_id: "9" } };
    await refused(await github.mint(again), "TRUST_MISSING", /has no trust rule/);
  });

  test("open rules say so, and are good for nothing where they are forbidden", async () => {
    const open = { ...rule, claims: { repository: "acme/widgets" } };
    const { ci, github, ask, database } = await arrange();
    await ci.trust.add(ada, widgets, [open]);
    await ask(await github.mint());
    const strict = await arrange(database, { openRules: "forbid", seed: 20 });
    await assert.rejects(strict.ci.trust.add(ada, widgets, [open]), /open trust rules are forbidden here/);
  });

  test("a rule that is removed ends its tokens", async () => {
    const { ci, github, ask, refused, identity, events } = await arrange();
    const [made] = await ci.trust.add(ada, widgets, [rule]);
    const { token } = await ask(await github.mint());
    const other: TrustSubject = { kind: "package", name: parsePackageName("@acme/other") };
    await assert.rejects(ci.trust.remove(ada, other, made?.id ?? ""), (error) => isAssayError(error, "NOT_FOUND"));
    await ci.trust.remove(ada, widgets, made?.id ?? "");
    await assert.rejects(identity.authenticate(showing({ bearer: token })), /revoked/);
    assert.equal(await ci.factsOf(made?.id ?? ""), undefined);
    await refused(await github.mint(), "TRUST_MISSING", /no trust rule/);
    assert.ok((await events()).includes("trust.rule-removed package @acme/widgets"));
  });

  test("who may not is refused before anything is read", async () => {
    const require = async () => {
      throw new Error("no");
    };
    const { ci } = await arrange(undefined, { permissions: { isOpen: () => true, require } });
    await assert.rejects(ci.trust.list(ada, widgets), /no/);
    await assert.rejects(ci.trust.add(ada, widgets, [rule]), /no/);
    await assert.rejects(ci.trust.remove(ada, widgets, "x"), /no/);
    await assert.rejects(ci.trust.setExclusive(ada, widgets, true), /no/);
  });

  test("nothing is changed that a person did not confirm, and what it confirms names all of it", async () => {
    const { ci } = await arrange();
    const [made] = await ci.trust.add(ada, widgets, [rule]);
    const asked: string[] = [];
    const confirm: Caller["confirm"] = async ({ what, exactly }) => {
      asked.push(exactly);
      throw new Error(what);
    };
    const mallory: Caller = { ...ada, confirm };
    await assert.rejects(
      ci.trust.add(mallory, widgets, [rule]),
      /let CI act for package @acme\/widgets:.*publish\.yml/,
    );
    await assert.rejects(ci.trust.add(mallory, widgets, [{ ...rule, permissions: ["createStagedPackage"] }]));
    await assert.rejects(ci.trust.remove(mallory, widgets, made?.id ?? ""), /remove the trust rule/);
    await assert.rejects(ci.trust.setExclusive(mallory, widgets, true), /nobody but trusted CI/);
    assert.equal(new Set(asked).size, 4);
    assert.deepEqual(await ci.trust.list(mallory, widgets), [made]);
    assert.equal(await ci.trust.isExclusive(mallory, widgets), false);
  });

  test("refusals are limited by address, successes by rule", async () => {
    const { ci, github, ask } = await arrange();
    await ci.trust.add(ada, widgets, [rule]);
    const bad = await github.mint({ claims: { repository: "evil/x" } });
    const results = [];
    for (let i = 0; i < 31; i++) results.push(await ask(bad).catch((error: unknown) => error));
    assert.ok(isAssayError(results[30], "TOO_MANY_REQUESTS"));
    const good = [];
    for (let i = 0; i < 61; i++)
      good.push(await ask(await github.mint(), widgets, "192.0.2.2").catch((error: unknown) => error));
    assert.ok(!(good[59] instanceof Error));
    assert.ok(isAssayError(good[60], "TOO_MANY_REQUESTS"));
  });

  test("rules are limited in number, and a list is taken whole or not", async () => {
    const { ci } = await arrange();
    await assert.rejects(ci.trust.add(ada, widgets, [rule, { ...rule, type: "jenkins" }]), /jenkins/);
    await assert.rejects(ci.trust.add(ada, widgets, rule), /must be a list/);
    assert.deepEqual(await ci.trust.list(ada, widgets), []);
    await ci.trust.add(
      ada,
      widgets,
      Array.from({ length: 50 }, () => rule),
    );
    await assert.rejects(ci.trust.add(ada, widgets, [rule]), /50 are the most/);
  });
});
