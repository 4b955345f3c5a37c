import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test, type TestContext } from "node:test";
import { isAssayError } from "@assay/core";
import { startCiIssuer, circleOrganisation, type CiKind, type TokenOptions } from "@assay/testkit/ci-issuer";
import { createFakeClock } from "@assay/testkit/fake-clock";
import type { CiIssuerConfig } from "../../config/config.ts";
import { createIssuerKeys } from "./issuer-keys.ts";
import { issuerClients } from "./test-ci.ts";
import { verifyIdToken } from "./verify-token.ts";

const publicUrls = ["http://127.0.0.1:4873/npm"];
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** An issuer, and what a registry that knows it makes of tokens. */
async function arrange(t: TestContext, kind: CiKind = "github", change: Partial<CiIssuerConfig> = {}) {
  const clock = createFakeClock();
  const algorithm = kind === "gitlab" ? "ES256" : kind === "circleci" ? "EdDSA" : "RS256";
  const ci = await startCiIssuer(kind, { now: clock.now, algorithm });
  t.after(() => ci[Symbol.asyncDispose]());
  const config: CiIssuerConfig = {
    name: kind,
    kind,
    issuer: ci.configured,
    audience: undefined,
    jwks: undefined,
    claims: {},
    ...change,
  };
  const clients = await issuerClients([config]);
  t.after(() => clients[Symbol.asyncDispose]());
  const keys = createIssuerKeys({ clock, log: quiet, clients: clients.byAlias });
  let isNamed = true;
  const verify = (token: string) =>
    verifyIdToken(
      { clock, keys, isNamedByRule: async () => isNamed },
      { issuers: [config], leewaySeconds: 60, maxAgeSeconds: 3600 },
      token,
      publicUrls,
    );
  const refused = async (token: string | TokenOptions, sentence: RegExp): Promise<void> => {
    const text = typeof token === "string" ? token : await ci.mint(token);
    await assert.rejects(verify(text), (error: unknown) => {
      assert.ok(isAssayError(error, "ID_TOKEN_REFUSED"), String(error));
      assert.match(error.message, sentence);
      return true;
    });
  };
  return { ci, clock, verify, refused, nobodyNamesIt: () => (isNamed = false) };
}

function rewritten(token: string, header: object, signature?: (input: string) => string): string {
  const input = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.${token.split(".")[1] ?? ""}`;
  return `${input}.${signature?.(input) ?? ""}`;
}

test("tokens of GitHub, GitLab and CircleCI say who runs, in RS256, ES256 and EdDSA", async (t) => {
  const github = await arrange(t);
  const { identity } = await github.verify(await github.ci.mint());
  assert.equal(identity.name, "github:acme/widgets");
  assert.deepEqual(identity.files, { workflow_ref: "publish.yml" });
  assert.deepEqual(identity.pins, { repository_id: "74", repository_owner_id: "65" });
  const gitlab = await arrange(t, "gitlab");
  const found = await gitlab.verify(await gitlab.ci.mint());
  assert.deepEqual(found.identity.files, { ci_config_ref_uri: ".gitlab-ci.yml" });
  assert.deepEqual(found.identity.pins, { project_id: "22", namespace_id: "72" });
  const circle = await arrange(t, "circleci");
  assert.equal((await circle.verify(await circle.ci.mint())).identity.name, "circleci:github.com/acme/widgets");
});

test("an audience with and without the port is taken, of every public URL, and no other", async (t) => {
  const { ci, verify, refused } = await arrange(t);
  for (const audience of ["npm:127.0.0.1", "npm:127.0.0.1:4873", ["other", "npm:127.0.0.1"]])
    await verify(await ci.mint({ audience }));
  await refused({ audience: "npm:registry.example.com" }, /audience is "npm:registry\.example\.com", but must be/);
  await refused({ audience: "127.0.0.1" }, /audience/);
  await refused({ claims: { aud: undefined } }, /audience is missing/);
});

test("a configured audience takes the place of the usual ones", async (t) => {
  const { ci, verify, refused } = await arrange(t, "github", { audience: "assay" });
  await verify(await ci.mint({ audience: "assay" }));
  await refused({}, /audience/);
});

test("clocks may be a minute apart, to both sides, and not more", async (t) => {
  const { ci, clock, verify, refused } = await arrange(t);
  await verify(await ci.mint({ issuedIn: 60 }));
  await refused({ issuedIn: 61 }, /not valid before/);
  await refused({ issuedIn: 61, claims: { nbf: undefined } }, /issued in the future/);
  const token = await ci.mint();
  await clock.advance(359_000);
  await verify(token);
  await clock.advance(1000);
  await refused(token, /has expired at 2026-11-/);
});

test("a token is refused an hour after its issue although it says that it lives for a day", async (t) => {
  const { ci, clock, verify, refused } = await arrange(t);
  const token = await ci.mint({ lifetime: 86_400 });
  await clock.advance(3_660_000);
  await verify(token);
  await clock.advance(1000);
  await refused(token, /more than 3600 s ago/);
});

test("times that are missing or no numbers are refused", async (t) => {
  const { refused } = await arrange(t);
  await refused({ claims: { exp: undefined } }, /when it expires/);
  await refused({ claims: { exp: "9999999999" } }, /when it expires/);
  await refused({ claims: { iat: undefined } }, /when it was issued/);
  await refused({ claims: { nbf: "now" } }, /nbf/);
});

test("no signature, a symmetric one made with the public key, and a foreign one are refused", async (t) => {
  const { ci, refused } = await arrange(t);
  const token = await ci.mint();
  const [jwk] = await ci.keys();
  assert.ok(jwk);
  await refused(rewritten(token, { alg: "none", kid: jwk.kid }), /alg is "none"/);
  await refused(rewritten(token, { alg: "RS256", kid: jwk.kid }), /not JSON|signature|three parts/);
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  const hmac = (input: string) => createHmac("sha256", pem).update(input).digest("base64url");
  await refused(rewritten(token, { alg: "HS256", kid: jwk.kid }, hmac), /alg is "HS256"/);
  const other = await arrange(t);
  const foreign = (await other.ci.mint({ claims: { iss: ci.issuer } })).split(".");
  const renamed = Buffer.from(JSON.stringify({ alg: "RS256", kid: jwk.kid })).toString("base64url");
  await refused([renamed, foreign[1], foreign[2]].join("."), /signature is not that of its issuer/);
  const [head, body, signature] = token.split(".");
  const changed = Buffer.from(
    Buffer.from(body ?? "", "base64url")
      .toString()
      .replace("acme/widgets", "evil/widgets"),
  ).toString("base64url");
  await refused([head, changed, signature].join("."), /signature is not that of its issuer/);
});

test("a key of one algorithm verifies no token of another", async (t) => {
  const { ci, refused } = await arrange(t);
  const token = await ci.mint();
  const [jwk] = await ci.keys();
  await refused(
    rewritten(token, { alg: "ES256", kid: jwk?.kid }, () => "AAAA"),
    /signature/,
  );
});

test("another issuer is refused, and one that nobody names is asked for nothing", async (t) => {
  const { refused } = await arrange(t);
  await refused({ claims: { iss: "https://evil.example.com" } }, /issuer "https:\/\/evil\.example\.com" is none/);
  const circle = await arrange(t, "circleci");
  circle.nobodyNamesIt();
  await circle.refused({}, /is none that is trusted here/);
  assert.deepEqual(circle.ci.requests, []);
});

test("an organisation of CircleCI cannot speak for another one", async (t) => {
  const { refused } = await arrange(t, "circleci");
  const other = circleOrganisation.replace("9", "8");
  await refused({ claims: { "oidc.circleci.com/org-id": other } }, /not the organisation of its issuer/);
});

test("new keys are found at once, unknown ones asked for once, and forgotten ones are no good after an hour", async (t) => {
  const { ci, clock, verify, refused } = await arrange(t);
  const old = await ci.mint({ lifetime: 7200 });
  await verify(old);
  await verify(await ci.mint());
  assert.equal(ci.requests.length, 2, "its configuration and its keys, once");
  await clock.advance(30_000);
  await ci.rotate("kept");
  await verify(await ci.mint());
  await verify(old);
  assert.equal(ci.requests.length, 4);
  for (let i = 0; i < 5; i++) await refused({ unknownKey: true }, /its issuer has no key/);
  assert.equal(ci.requests.length, 4, "not within half a minute");
  await clock.advance(30_000);
  for (let i = 0; i < 5; i++) await refused({ unknownKey: true }, /its issuer has no key/);
  assert.equal(ci.requests.length, 6);
  await ci.rotate("forgotten");
  await clock.advance(3_600_000);
  await refused(old, /its issuer has no key/);
});

test("while the issuer is out its keys are good for a day, and then nothing is", async (t) => {
  const { ci, clock, verify } = await arrange(t);
  await verify(await ci.mint());
  ci.fail(500);
  await clock.advance(23 * 3_600_000);
  await verify(await ci.mint());
  await clock.advance(2 * 3_600_000);
  await assert.rejects(verify(await ci.mint()), (error) => isAssayError(error, "ISSUER_UNAVAILABLE"));
  ci.fail(undefined);
  await clock.advance(30_000);
  await verify(await ci.mint());
});

test("a token stays the same one however its signature is written", async (t) => {
  for (const kind of ["github", "gitlab"] as const) {
    const { ci, verify } = await arrange(t, kind);
    for (const claims of [{}, { jti: undefined }]) {
      const token = await ci.mint({ claims });
      const first = await verify(token);
      const cut = token.lastIndexOf(".") + 1;
      const bytes = Buffer.from(token.slice(cut), "base64url");
      const twisted = kind === "gitlab" ? otherSignature(bytes) : bytes;
      const second = await verify(`${token.slice(0, cut)}${twisted.toString("base64url")}`);
      assert.equal(first.uniqueAs, second.uniqueAs);
    }
  }
});

/** (r, s) and (r, n - s) sign the same. */
function otherSignature(bytes: Buffer): Buffer {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from((order - s).toString(16).padStart(64, "0"), "hex")]);
}

test("what is no token is refused by what is wrong with it", async (t) => {
  const { refused } = await arrange(t);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  await refused("npm_abc", /three parts/);
  await refused("a.b.c.d", /three parts/);
  await refused(`${part([])}.${part({})}.x`, /not JSON/);
  await refused(`${part({ alg: "RS256" })}.${part({ iss: "x" })}.x`, /names no key/);
  await refused(`${part({ alg: "RS256", kid: "1", crit: ["b64"] })}.${part({ iss: "x" })}.x`, /critical/);
  await refused(`${part({ alg: "RS256", kid: "1" })}.${part({})}.x`, /names no issuer/);
  await refused(`${"a".repeat(13_000)}.b.c`, /longer than 12000/);
});
