import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAssayError } from "@assay/core";
import { readEnv, type Environment } from "./env.ts";
import { readConfigFile } from "./file.ts";
import { nearest } from "./nearest.ts";
import type { NpmSettings } from "./npm-settings.ts";
import { resolveConfig, type ConfigSources } from "./resolve.ts";

const npm: NpmSettings = {
  registry: "https://registry.example.com/",
  authorizationFor: (url) => (url === "https://registry.example.com" ? "Bearer t0ken" : undefined),
  ca: [],
  caFile: undefined,
  httpsProxy: undefined,
  httpProxy: undefined,
  noProxy: undefined,
  notes: [],
};

interface From {
  readonly env?: Environment;
  readonly file?: string;
  readonly remembered?: string;
  readonly npm?: ConfigSources["npm"];
  readonly flags?: ConfigSources["flags"];
}

function resolveFrom({ env = {}, file, remembered, npm: npmSettings = npm, flags = new Map() }: From = {}) {
  return resolveConfig({
    flags,
    env: readEnv(env, "/shop"),
    file: file === undefined ? undefined : readConfigFile(file, "/etc/assay/assay.yaml"),
    remembered: remembered === undefined ? undefined : readConfigFile(remembered, "/shop/assay-data/assay.yaml"),
    npm: npmSettings,
    secretFiles: new Map(),
    cwd: "/shop",
    home: "/home/ann",
  });
}

function problemOf(from: From): string {
  try {
    resolveFrom(from);
  } catch (error) {
    assert.ok(isAssayError(error, "CONFIG"), String(error));
    return error.message;
  }
  assert.fail("it was accepted");
}

describe("with nothing said", () => {
  const { config, secrets, upstreamFromNpm, provenance } = resolveFrom();

  test("the server is for this machine only", () => {
    assert.deepEqual(config.listen, { host: "127.0.0.1", port: 4873 });
    assert.deepEqual(config.publicUrls, ["http://127.0.0.1:4873", "http://localhost:4873", "http://[::1]:4873"]);
    assert.equal(config.loopbackOnly, true);
    assert.equal(config.log.readers, "anyone");
    assert.equal(config.log.originBase, undefined);
    assert.equal(config.dataFolder, "/shop/assay-data");
    assert.equal(config.log.guardFolder, "/home/ann/.local/state/assay/guard");
    assert.equal(config.database.engine, "sqlite");
    assert.equal(config.limits.packumentBytes, 64 * 1024 * 1024);
    assert.equal(config.logging.accessLog, "off");
  });

  test("the upstream and its credentials are npm's", () => {
    assert.equal(config.upstreams[0]?.url, "https://registry.example.com");
    assert.equal(secrets.upstreams.get("npm")?.authorization, "Bearer t0ken");
    assert.equal(upstreamFromNpm, true);
    assert.equal(provenance.get("upstream.url"), "npm's registry");
    assert.doesNotMatch(JSON.stringify(config), /t0ken/);
  });

  test("the result cannot be changed", () => {
    assert.throws(() => ((config.listen as { port: number }).port = 1), TypeError);
    assert.throws(() => (config.publicUrls as string[]).push("x"), TypeError);
  });
});

test("flags win over the environment, that over the file, that over what was remembered, that over npm", () => {
  const port = (from: From) => {
    const { config, provenance } = resolveFrom(from);
    return [config.listen.port, provenance.get("listen.port")];
  };
  const file = "listen:\n  port: 3\n";
  const env = { ASSAY_PORT: "2" };
  const flags = new Map([["listen.port", { value: "1", source: "--port", folder: "/shop" }]]);
  assert.deepEqual(port({ flags, env, file }), [1, "--port"]);
  assert.deepEqual(port({ env, file }), [2, "ASSAY_PORT"]);
  assert.deepEqual(port({ file }), [3, "/etc/assay/assay.yaml:2:9"]);
  const remembered = "upstream:\n  url: https://remembered.example.com\n";
  assert.equal(resolveFrom({ remembered }).config.upstreams[0]?.url, "https://remembered.example.com");
  assert.equal(resolveFrom({ remembered }).upstreamFromNpm, false);
  assert.equal(
    resolveFrom({ remembered, env: { ASSAY_UPSTREAM: "https://e.example.com/npm/" } }).config.upstreams[0]?.url,
    "https://e.example.com/npm",
  );
});

test("works from the environment alone", () => {
  const { config } = resolveFrom({
    env: {
      ASSAY_UPSTREAM: "https://up.example.com/",
      ASSAY_DATA: "d",
      ASSAY_HOST: "0.0.0.0",
      ASSAY_PORT: "80",
      ASSAY_PUBLIC_URL: "https://Bücher.example/npm/, http://reg.example:80",
      XDG_STATE_HOME: "/state",
    },
  });
  assert.deepEqual(config.listen, { host: "0.0.0.0", port: 80 });
  assert.deepEqual(config.publicUrls, ["https://xn--bcher-kva.example/npm", "http://reg.example"]);
  assert.equal(config.dataFolder, "/shop/d");
  assert.equal(config.loopbackOnly, false);
  assert.equal(config.log.readers, "nobody");
  assert.equal(config.log.originBase, "xn--bcher-kva.example/npm");
  assert.equal(config.log.guardFolder, "/state/assay/guard");
});

test("the default names start with the one that is listened on", () => {
  const first = (host: string) => resolveFrom({ env: { ASSAY_HOST: host } }).config.publicUrls[0];
  assert.equal(first("localhost"), "http://localhost:4873");
  assert.equal(first("::1"), "http://[::1]:4873");
  assert.equal(first("0:0:0:0:0:0:0:1"), "http://[::1]:4873");
  assert.equal(first("127.0.0.2"), "http://127.0.0.2:4873");
  assert.equal(resolveFrom({ env: { ASSAY_PORT: "80" } }).config.publicUrls[0], "http://127.0.0.1");
  assert.equal(resolveFrom({ env: { ASSAY_PORT: "0" } }).config.publicUrls[0], "http://127.0.0.1:0");
});

test("a public name in front of a loopback listener ends the privileges of loopback", () => {
  assert.equal(resolveFrom({ env: { ASSAY_PUBLIC_URL: "https://registry.example.org" } }).config.loopbackOnly, false);
  assert.equal(resolveFrom({ env: { ASSAY_PUBLIC_URL: "http://localhost:4873" } }).config.loopbackOnly, true);
});

test("listening beyond loopback needs public URLs, and the refusal says what to write", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.5", "host.example"]) {
    assert.match(
      problemOf({ env: { ASSAY_HOST: host } }),
      /listen\.host \(ASSAY_HOST\).*publicUrls: \["https:\/\/registry\.example\.com"\].*ASSAY_PUBLIC_URL/,
    );
  }
});

test("paths are relative to where they were written", () => {
  assert.equal(resolveFrom({ file: "dataFolder: data\n" }).config.dataFolder, "/etc/assay/data");
  assert.equal(resolveFrom({ env: { ASSAY_DATA: "data" } }).config.dataFolder, "/shop/data");
  assert.equal(
    resolveFrom({ file: "logging:\n  accessLog: access.log\n" }).config.logging.accessLog,
    "/etc/assay/access.log",
  );
  assert.equal(resolveFrom({ file: "logging:\n  accessLog: stdout\n" }).config.logging.accessLog, "stdout");
});

test("refuses itself as upstream under any of its names", () => {
  for (const upstream of [
    "http://localhost:4873",
    "http://127.0.0.1:4873/",
    "http://127.9.9.9:4873",
    "http://[::1]:4873/-/channel/x",
  ]) {
    assert.match(
      problemOf({ env: { ASSAY_UPSTREAM: upstream } }),
      /upstream\.url \(ASSAY_UPSTREAM\) is .*this server itself.*ASSAY_UPSTREAM/,
      upstream,
    );
  }
  const open = { ASSAY_HOST: "0.0.0.0", ASSAY_PUBLIC_URL: "https://reg.example.org/a" };
  for (const upstream of [
    "https://reg.example.org",
    "https://reg.example.org:443/b",
    "http://localhost:4873",
    "http://0.0.0.0:4873",
  ]) {
    assert.match(problemOf({ env: { ...open, ASSAY_UPSTREAM: upstream } }), /this server itself/, upstream);
  }
  assert.match(
    problemOf({ npm: { ...npm, registry: "http://localhost:4873/" } }),
    /upstream\.url \(npm's registry\).*this server itself/,
  );
  assert.equal(
    resolveFrom({ env: { ASSAY_UPSTREAM: "http://localhost:4874" } }).config.upstreams[0]?.url,
    "http://localhost:4874",
  );
  assert.equal(
    resolveFrom({ env: { ...open, ASSAY_UPSTREAM: "https://reg.example.org:8443" } }).config.upstreams[0]?.url,
    "https://reg.example.org:8443",
  );
});

test("without any upstream it refuses and says so", () => {
  assert.match(problemOf({ npm: { ...npm, registry: "" } }), /No upstream is configured.*ASSAY_UPSTREAM/);
  assert.match(
    problemOf({ npm: { failure: "broken .npmrc" } }),
    /No upstream is configured.*broken \.npmrc.*ASSAY_UPSTREAM/,
  );
  const { notes } = resolveFrom({
    npm: { failure: "broken .npmrc" },
    env: { ASSAY_UPSTREAM: "https://up.example.com" },
  });
  assert.match(notes.join(), /broken \.npmrc/);
});

test("every wrong value is named with its key, its place and what is allowed, all at once", () => {
  const problem = problemOf({
    env: { ASSAY_PORT: "70000", ASSAY_UPSTREAM: "ftp://x", ASSAY_TRUSTED_PROXIES: "10.0.0.0/99", ASSAY_PROT: "1" },
    file: 'upstream:\n  integrity: maybe\n  name: "UPPER"\nlimits:\n  packumentBytes: 10\n  tarballByte: 5MiB\n',
  });
  for (const expected of [
    /^- listen\.port \(ASSAY_PORT\) is "70000" but must be a whole number from 0 to 65535\.$/m,
    /^- upstream\.url \(ASSAY_UPSTREAM\) is "ftp:\/\/x" but must be an http or https URL/m,
    /^- trustedProxies \(ASSAY_TRUSTED_PROXIES\) is \["10\.0\.0\.0\/99"\] but must be a list of IP addresses/m,
    /^- upstream\.integrity \(\/etc\/assay\/assay\.yaml:2:14\) is "maybe" but must be require, accept-sha1 or compute\.$/m,
    /^- upstream\.name \(\/etc\/assay\/assay\.yaml:3:9\) is "UPPER"/m,
    /^- limits\.packumentBytes \(\/etc\/assay\/assay\.yaml:5:19\) is 10 but must be a number of bytes/m,
    /^- \/etc\/assay\/assay\.yaml:6:3: limits\.tarballByte is not a setting; did you mean limits\.tarballBytes\?$/m,
    /^- ASSAY_PROT is not a setting of Assay; did you mean ASSAY_PORT\?$/m,
  ]) {
    assert.match(problem, expected);
  }
  assert.equal(problem.split("\n").length, 9);
});

test("one problem is one sentence", () => {
  assert.equal(
    problemOf({ env: { ASSAY_PORT: "x" } }),
    'listen.port (ASSAY_PORT) is "x" but must be a whole number from 0 to 65535.',
  );
});

test("public URLs that cannot be compared byte by byte are refused", () => {
  for (const url of [
    "registry.example.com",
    "ftp://a.example",
    "https://u:p@a.example",
    "https://a.example/?x",
    "https://a.example/#x",
    "https://a.example/a/../b",
    "https://a.example/%61",
    "https://a.example/@s",
    "https://a.example//x",
    "https://a.example/-/x",
    "https://a.example/a b",
    "https:a.example",
    "https://",
  ]) {
    assert.match(problemOf({ env: { ASSAY_PUBLIC_URL: url } }), /publicUrls \(ASSAY_PUBLIC_URL\)/, url);
  }
  assert.doesNotMatch(problemOf({ env: { ASSAY_PUBLIC_URL: "https://ann:hunter2@a.example" } }), /hunter2/);
});

test("the guard's second copy must be outside the data folder", () => {
  for (const folder of ["/shop/assay-data", "/shop/assay-data/guard", "assay-data/../assay-data/x"]) {
    assert.match(
      problemOf({ env: { ASSAY_LOG_GUARD_FOLDER: folder } }),
      /log\.guardFolder \(ASSAY_LOG_GUARD_FOLDER\).*must be outside/,
      folder,
    );
  }
  assert.equal(
    resolveFrom({ env: { ASSAY_LOG_GUARD_FOLDER: "/shop/assay-data-guard" } }).config.log.guardFolder,
    "/shop/assay-data-guard",
  );
});

test("approvers of a supersede are Ed25519 vkeys, as many as must sign", () => {
  const keys = [
    "log.example/npm+caaf430b+AQZd48zwXEvPIzkT+69rYaKheY8DByr46GgAAY0QwNHN",
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
  ];
  const { log } = resolveFrom({ env: { ASSAY_LOG_APPROVERS: keys.join(",") } }).config;
  assert.deepEqual([log.approvers, log.approvalsNeeded], [keys, 2]);
  assert.deepEqual(resolveFrom({}).config.log.approvers, []);
  const few = problemOf({ env: { ASSAY_LOG_APPROVERS: keys[0] ?? "" } });
  assert.match(few, /names 1, but log\.approvalsNeeded asks for 2/);
  const one = resolveFrom({ env: { ASSAY_LOG_APPROVERS: keys[0] ?? "", ASSAY_LOG_APPROVALS_NEEDED: "1" } });
  assert.equal(one.config.log.approvalsNeeded, 1);
  for (const wrong of ["somebody", keys[0]?.replace("caaf430b", "caaf430c") ?? ""])
    assert.match(problemOf({ env: { ASSAY_LOG_APPROVERS: wrong } }), /must be a list of Ed25519 vkeys/);
});

test("engine and database URL must agree", () => {
  const url = "postgres://ann:hunter2@db.example/assay";
  const { config, secrets } = resolveFrom({ env: { ASSAY_DATABASE_URL: url } });
  assert.equal(config.database.engine, "postgres");
  assert.equal(secrets.databaseUrl, url);
  assert.doesNotMatch(JSON.stringify(config), /hunter2/);
  assert.match(problemOf({ env: { ASSAY_DATABASE_ENGINE: "postgres" } }), /ASSAY_DATABASE_URL must hold/);
  assert.match(problemOf({ env: { ASSAY_DATABASE_ENGINE: "sqlite", ASSAY_DATABASE_URL: url } }), /remove one/);
  const wrong = problemOf({ env: { ASSAY_DATABASE_URL: "mysql://ann:hunter2@db" } });
  assert.match(wrong, /must be a postgres:\/\/ URL/);
  assert.doesNotMatch(wrong, /hunter2/);
});

test("credentials for the upstream are npm's only for npm's registry, unless they are given", () => {
  assert.equal(
    resolveFrom({ env: { ASSAY_UPSTREAM: "https://other.example.com" } }).secrets.upstreams.get("npm")?.authorization,
    undefined,
  );
  assert.equal(
    resolveFrom({ env: { ASSAY_UPSTREAM_AUTHORIZATION: "Basic YTpi" } }).secrets.upstreams.get("npm")?.authorization,
    "Basic YTpi",
  );
  const wrong = problemOf({ env: { ASSAY_UPSTREAM_AUTHORIZATION: "hunter2" } });
  assert.match(wrong, /Bearer <token>/);
  assert.doesNotMatch(wrong, /hunter2/);
});

test("the way out is npm's, or the environment's, unless it is given", () => {
  const env = { HTTPS_PROXY: "http://e.example:1", NO_PROXY: "a,b", NODE_EXTRA_CA_CERTS: "/extra.pem" };
  const plain = resolveFrom({ env });
  assert.equal(plain.secrets.httpsProxy, "http://e.example:1");
  assert.equal(plain.config.network.noProxy, "a,b");
  assert.equal(plain.config.network.extraCaFile, "/extra.pem");
  const fromNpm = resolveFrom({
    env,
    npm: { ...npm, httpsProxy: "http://n.example:2", noProxy: "c", caFile: "/npm.pem" },
  });
  assert.equal(fromNpm.secrets.httpsProxy, "http://n.example:2");
  assert.equal(fromNpm.config.network.noProxy, "c");
  assert.equal(fromNpm.config.network.caFile, "/npm.pem");
  const given = resolveFrom({ env, file: "network:\n  proxy: http://f.example:3\n  noProxy: d\n  caFile: ca.pem\n" });
  assert.equal(given.secrets.httpsProxy, "http://f.example:3");
  assert.equal(given.secrets.httpProxy, "http://f.example:3");
  assert.equal(given.config.network.noProxy, "d");
  assert.equal(given.config.network.caFile, "/etc/assay/ca.pem");
});

test("variables that others set for a service of this name are not ours", () => {
  const { config } = resolveFrom({
    env: {
      ASSAY_SERVICE_HOST: "10.0.0.1",
      ASSAY_SERVICE_PORT: "4873",
      ASSAY_SERVICE_PORT_HTTP: "4873",
      ASSAY_PORT: "tcp://10.0.0.1:4873",
      ASSAY_PORT_4873_TCP: "tcp://10.0.0.1:4873",
      ASSAY_PORT_4873_TCP_ADDR: "10.0.0.1",
      ASSAY_REQUIRE_COMPONENTS: "1",
    },
  });
  assert.equal(config.listen.port, 4873);
});

test("an empty variable counts as not set", () => {
  assert.equal(resolveFrom({ env: { ASSAY_PORT: "", ASSAY_NONSENSE: "" } }).config.listen.port, 4873);
});

test("suggests only names that are close", () => {
  assert.equal(nearest("listen.prot", ["listen.port", "listen.host"]), "listen.port");
  assert.equal(nearest("colour", ["listen.port"]), undefined);
});

test("SCIM is off, and cannot be on without a provider whose people it is about", () => {
  assert.match(problemOf({ env: { ASSAY_PROVIDER_SCIM: "on" } }), /identity\.provider\.scim needs a provider/);
  const env = {
    ASSAY_PROVIDER_ISSUER: "https://login.example.com",
    ASSAY_PROVIDER_CLIENT_ID: "assay",
    ASSAY_PROVIDER_CLIENT_SECRET: "a secret",
  };
  const scimOf = (more: Record<string, string>) => resolveFrom({ env: { ...env, ...more } }).config.provider;
  assert.deepEqual([scimOf({})?.scim, scimOf({})?.scimClaim], [false, "sub"]);
  assert.equal(scimOf({ ASSAY_PROVIDER_SCIM: "on" })?.scim, true);
  assert.throws(() => scimOf({ ASSAY_PROVIDER_SCIM_CLAIM: "email" }));
});
