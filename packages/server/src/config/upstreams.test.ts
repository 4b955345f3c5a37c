import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { readEnv, type Environment } from "./env.ts";
import { readConfigFile } from "./file.ts";
import { resolveConfig } from "./resolve.ts";
import type { Layer } from "./settings.ts";

interface From {
  readonly env?: Environment;
  readonly remembered?: string;
  readonly flags?: Layer;
  readonly secretFiles?: ReadonlyMap<`ASSAY_UPSTREAM_${string}_AUTHORIZATION`, string>;
}

function resolveFrom(file: string, { env = {}, remembered, flags = new Map(), secretFiles = new Map() }: From = {}) {
  return resolveConfig({
    flags,
    env: readEnv(env, "/shop"),
    file: readConfigFile(file, "/a.yaml"),
    remembered: remembered === undefined ? undefined : readConfigFile(remembered, "/shop/assay-data/assay.yaml"),
    npm: { failure: "not asked" },
    secretFiles,
    cwd: "/shop",
    home: "/home/ann",
  });
}

/** The sentences of a refused configuration. */
function problemsOf(file: string, from: From = {}): readonly string[] {
  try {
    resolveFrom(file, from);
  } catch (error) {
    assert.ok(isAssayError(error, "CONFIG"), String(error));
    return error.message.replace(/^The configuration is refused:\n- /, "").split("\n- ");
  }
  assert.fail("it was accepted");
}

function onlyProblem(file: string, from: From = {}): string {
  const problems = problemsOf(file, from);
  assert.equal(problems.length, 1, problems.join("\n"));
  return problems[0] ?? "";
}

const three = `upstreams:
  npm:
    url: https://registry.example.com/
    names: ["*"]
    agree: 2
    choose: fastest
  near:
    kind: mirror
    of: npm
    url: https://mirror.example.net/npm
    operator: Example Net
    weight: 3
    timeouts: {headersMs: 500}
  acme:
    url: https://Bücher.example/npm/
    names: ["@acme/*", acme-tools]
    tarballHosts: [Größe.example]
    tls: {certFile: client.pem, keyFile: /etc/client.key}
`;

test("several upstreams by alias, in the order of the file", () => {
  const { config, secrets, upstreamFromNpm, provenance } = resolveFrom(three, {
    env: { ASSAY_UPSTREAM_ACME_AUTHORIZATION: "Bearer t0ken" },
  });
  assert.deepEqual(
    config.upstreams.map(({ name, kind, of, url }) => [name, kind, of, url]),
    [
      ["npm", "registry", undefined, "https://registry.example.com"],
      ["near", "mirror", "npm", "https://mirror.example.net/npm"],
      ["acme", "registry", undefined, "https://xn--bcher-kva.example/npm"],
    ],
  );
  const [npm, near, acme] = config.upstreams;
  assert.deepEqual([npm?.agree, npm?.choose, npm?.operator, npm?.auditorsNeeded], [2, "fastest", "npm", 0]);
  assert.deepEqual(
    [near?.names, near?.weight, near?.operator, near?.timeouts.headersMs],
    [["*"], 3, "Example Net", 500],
  );
  assert.deepEqual(acme?.names, ["@acme/*", "acme-tools"]);
  assert.deepEqual(acme?.tarballHosts, ["xn--gre-6ka8i.example"]);
  assert.deepEqual(acme?.tls, { certFile: "/client.pem", keyFile: "/etc/client.key" });
  assert.equal(secrets.upstreams.get("acme")?.authorization, "Bearer t0ken");
  assert.equal(secrets.upstreams.get("npm")?.authorization, undefined);
  assert.doesNotMatch(JSON.stringify(config), /t0ken/);
  assert.equal(upstreamFromNpm, false);
  assert.equal(provenance.get("upstream.url"), "/a.yaml:1:1");
  assert.ok(Object.isFrozen(npm) && Object.isFrozen(npm?.names));
});

test("an empty map is no upstream at all: the machine behind an air gap", () => {
  const { config, upstreamFromNpm } = resolveFrom("upstreams: {}\n");
  assert.deepEqual([config.upstreams, upstreamFromNpm], [[], false]);
});

test("the short form is one registry that owns every name", () => {
  const { config } = resolveFrom("upstream: {url: 'https://up.example.com', name: main, signatures: require}\n");
  const [only, ...others] = config.upstreams;
  assert.deepEqual(others, []);
  assert.deepEqual(
    [only?.name, only?.kind, only?.names, only?.signatures, only?.choose, only?.agree],
    ["main", "registry", ["*"], "require", "order", 1],
  );
});

test("a value that is not allowed names its place below the alias", () => {
  assert.equal(
    onlyProblem(three.replace("agree: 2", "agree: none")),
    'upstreams.npm.agree (/a.yaml:5:12) is "none" but must be a whole number from 1 to 16.',
  );
  assert.match(
    onlyProblem(three.replace("registry.example.com", "x y")),
    /^upstreams\.npm\.url \(\/a\.yaml:3:10\) is /,
  );
  assert.match(
    onlyProblem(three.replace('"@acme/*"', '"@acme*"')),
    /^upstreams\.acme\.names \(\/a\.yaml:16:12\) is \["@acme\*","acme-tools"\] but must be a list of package names/,
  );
});

test("unknown keys and aliases that cannot be one are refused with what may have been meant", () => {
  assert.equal(
    onlyProblem(three.replace("weight: 3", "wieght: 3")),
    "/a.yaml:12:5: upstreams.near.wieght is not a setting; did you mean upstreams.near.weight?",
  );
  assert.match(
    onlyProblem(three.replace("timeouts: {headersMs", "timeouts: {headerMs")),
    /^\/a\.yaml:13:16: upstreams\.near\.timeouts\.headerMs is not a setting; did you mean upstreams\.near\.timeouts\.headersMs\?$/,
  );
  for (const alias of ["hosted", "import", "Acme", "a_b", "x".repeat(33)]) {
    assert.match(
      onlyProblem(three.replace("  acme:", `  ${alias}:`)),
      /^upstreams \(\/a\.yaml:14:3\) has the alias .* must be 1 to 32 characters of a-z, 0-9 and -, and not hosted or import\.$/,
    );
  }
  assert.match(onlyProblem("upstreams: [a]\n"), /^\/a\.yaml:1:1: upstreams must hold an upstream by its alias/);
  assert.match(onlyProblem("upstreams: {npm: x}\n"), /upstreams\.npm must hold settings of its own/);
  assert.match(onlyProblem("upstreams: {1: {url: 'https://a.example'}}\n"), /plain word/);
  assert.match(onlyProblem("upstreams: {npm: &x {url: 'https://a.example'}}\n"), /anchor/);
});

test("what means nothing for a kind of upstream is refused, and what it must have", () => {
  assert.match(
    onlyProblem(three.replace("weight: 3", "agree: 1")),
    /^upstreams\.near\.agree \(\/a\.yaml:12:12\) means nothing for a mirror; only for a registry\.$/,
  );
  assert.match(onlyProblem(three.replace("    of: npm\n", "")), /upstreams\.near .* is a mirror and must say of which/);
  assert.match(onlyProblem(three.replace("of: npm", "of: nmp")), /is a mirror of nmp, which is no upstream here/);
  assert.match(onlyProblem(three.replace("of: npm", "of: near")), /which is no registry but a mirror/);
  assert.match(
    onlyProblem(three.replace('    names: ["@acme/*", acme-tools]\n', "")),
    /^upstreams\.acme \(\/a\.yaml:14:3\) is a registry and must say which names it owns/,
  );
  assert.match(onlyProblem("upstreams: {a: {kind: registry, names: ['*']}}\n"), /upstreams\.a \(.*\) must have a url/);
  assert.match(
    onlyProblem(three.replace("keyFile: /etc/client.key", "")),
    /^upstreams\.acme\.tls\.certFile .* is given, so upstreams\.acme\.tls\.keyFile must be given too/,
  );
});

test("more agreement or auditors than there can be are refused", () => {
  assert.match(
    onlyProblem(three.replace("agree: 2", "agree: 3")),
    /^upstreams\.npm\.agree \(\/a\.yaml:5:12\) is 3, but it and its mirrors have 2 operators\.$/,
  );
  assert.match(
    onlyProblem(three.replace("operator: Example Net", "operator: npm")),
    /is 2, but it and its mirrors have 1 operator\.$/,
  );
  assert.match(
    onlyProblem(three.replace("agree: 2", "auditorsNeeded: 1")),
    /^upstreams\.npm\.auditorsNeeded \(.*\) is 1, but it has 0 auditors\.$/,
  );
  const audited = three
    .replace("kind: mirror", "kind: auditor")
    .replace("    weight: 3\n", "")
    .replace("agree: 2", "agree: 1");
  assert.equal(resolveFrom(audited).config.upstreams[0]?.auditorsNeeded, 1);
});

test("this server itself, and one place under two aliases, are refused", () => {
  assert.match(
    onlyProblem(three.replace("https://mirror.example.net/npm", "http://localhost:4873")),
    /^upstreams\.near\.url \(\/a\.yaml:10:10\) is http:\/\/localhost:4873, which is this server itself\.$/,
  );
  assert.match(
    onlyProblem(three.replace("https://mirror.example.net/npm", "https://registry.example.com")),
    /^upstreams\.near\.url \(\/a\.yaml:10:10\) is that of upstreams\.npm too/,
  );
});

test("both forms at once are refused unless the short one is only what was remembered", () => {
  const both = `${three}upstream: {url: 'https://up.example.com'}\n`;
  assert.match(
    onlyProblem(both),
    /^upstream\.url \(\/a\.yaml:19:17\) is of the short form, but upstreams \(\/a\.yaml:1:1\)/,
  );
  assert.match(
    onlyProblem(three, { env: { ASSAY_UPSTREAM: "https://up.example.com" } }),
    /^upstream\.url \(ASSAY_UPSTREAM\)/,
  );
  assert.match(
    onlyProblem(three, { env: { ASSAY_UPSTREAM_TARBALL_HOSTS: "cdn.example.com" } }),
    /^upstream\.tarballHosts \(ASSAY_UPSTREAM_TARBALL_HOSTS\)/,
  );
  const remembered = "upstream: {url: 'https://remembered.example.com'}\n";
  assert.equal(resolveFrom(three, { remembered }).config.upstreams.length, 3);
  assert.equal(
    resolveFrom("listen: {port: 1}\n", { remembered }).config.upstreams[0]?.url,
    "https://remembered.example.com",
  );
});

test("credentials are of an upstream that is there, and stand in no sentence", () => {
  const of = (env: Environment) => onlyProblem(three, { env });
  assert.match(
    of({ ASSAY_UPSTREAM_ACNE_AUTHORIZATION: "Bearer t0ken" }),
    /^ASSAY_UPSTREAM_ACNE_AUTHORIZATION is of no upstream that is configured; did you mean ASSAY_UPSTREAM_ACME_AUTHORIZATION\?$/,
  );
  assert.match(of({ ASSAY_UPSTREAM_AUTHORIZATION: "Bearer t0ken" }), /is of the short form; name the upstream/);
  const bad = of({ ASSAY_UPSTREAM_ACME_AUTHORIZATION: "t0ken" });
  assert.match(bad, /^ASSAY_UPSTREAM_ACME_AUTHORIZATION must be `Bearer <token>` or `Basic <base64>`\.$/);
  assert.doesNotMatch(bad, /t0ken/);
  assert.match(
    of({ ASSAY_UPSTREAM_ACME_AUTHORIZATION: "Bearer a", ASSAY_UPSTREAM_ACME_AUTHORIZATION_FILE: "/b" }),
    /are both set|both set/,
  );
  const dashed = three.replaceAll("acme:", "acme-eu:");
  const secretFiles = new Map([["ASSAY_UPSTREAM_ACME_EU_AUTHORIZATION", "Basic YTpi"]] as const);
  assert.equal(resolveFrom(dashed, { secretFiles }).secrets.upstreams.get("acme-eu")?.authorization, "Basic YTpi");
});

test("in the short form the alias has a variable too, but not both", () => {
  const short = "upstream: {url: 'https://up.example.com'}\n";
  const { secrets } = resolveFrom(short, { env: { ASSAY_UPSTREAM_NPM_AUTHORIZATION: "Bearer a" } });
  assert.equal(secrets.upstreams.get("npm")?.authorization, "Bearer a");
  assert.match(
    onlyProblem(short, {
      env: { ASSAY_UPSTREAM_NPM_AUTHORIZATION: "Bearer a", ASSAY_UPSTREAM_AUTHORIZATION: "Bearer b" },
    }),
    /are both set; set one of them/,
  );
});

test("clients are not sent to where they would need credentials of ours", () => {
  const redirecting = three.replace("    weight: 3\n", "    tarballs: redirect\n");
  assert.equal(resolveFrom(redirecting).config.upstreams[1]?.tarballs, "redirect");
  assert.match(
    onlyProblem(redirecting, { env: { ASSAY_UPSTREAM_NEAR_AUTHORIZATION: "Bearer a" } }),
    /^upstream near has tarballs: redirect, but it is asked with credentials/,
  );
});
