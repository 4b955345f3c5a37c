/** Real clients publish from emulated GitHub Actions and GitLab, without a stored token. */
import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parsePackageName } from "@assay/core";
import type { TokenOptions } from "@assay/testkit/ci-issuer";
import { clients, type ClientName, type ClientRun } from "@assay/testkit/clients";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { FastifyPluginCallback } from "fastify";
import { startTestCiServer } from "../src/identity/ci/test-ci-server.ts";

const name = "@acme/widgets";
const permissions = ["createPackage"];
const rules = {
  github: {
    type: "github",
    claims: {
      repository: "acme/widgets",
      workflow_ref: { file: "publish.yml" },
      environment: "production",
      ref: "refs/heads/main",
    },
    permissions,
  },
  gitlab: {
    type: "gitlab",
    claims: {
      project_path: "acme/widgets",
      ci_config_ref_uri: { file: ".gitlab-ci.yml" },
      environment: "production",
      ref_protected: "true",
    },
    permissions,
  },
} as const;

/** A registry below `/npm` that trusts both, for a package that does not exist yet. */
async function arrange(t: TestContext) {
  const published: string[] = [];
  // What a publish begins with: who is it, and may it, from path and token alone.
  const publish: FastifyPluginCallback = (fastify, _options, done) => {
    fastify.put<{ Params: { name: string } }>("/:name", { config: { body: "stream" } }, async (request, reply) => {
      for await (const chunk of request.raw) void chunk;
      const principal = await server.identity.authenticate(request.credentials);
      const resource = { kind: "package", name: parsePackageName(request.params.name) } as const;
      await server.permissions.require(principal, "publish", resource);
      published.push(`${request.params.name} by ${principal.name}`);
      return await reply.code(201).send({ ok: true });
    });
    done();
  };
  const server = await startTestCiServer(t, [publish]);
  const made = await server.ask("POST", "/npm/-/package/@acme%2fwidgets/trust", "olga", Object.values(rules));
  assert.equal(made.status, 200);
  const folder = tempFolder(t);
  async function run(
    client: ClientName,
    env: Readonly<Record<string, string>>,
    ...commands: readonly (readonly string[])[]
  ): Promise<ClientRun> {
    const project = join(folder, client);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, "package.json"), JSON.stringify({ name, version: "1.0.0", license: "MIT" }));
    writeFileSync(join(project, "index.js"), "");
    const home = join(folder, "home");
    const where = { project, home, cache: join(folder, "cache"), registry: `${server.origin}/npm` };
    let last: ClientRun = { exitCode: 0, output: "", seconds: 0 };
    for (const parameters of commands) {
      last = await clients[client].run({ ...where, env, timeoutSeconds: 120 }, parameters);
      if (last.exitCode !== 0) return last;
    }
    return last;
  }
  return { ...server, run, published };
}

const npm = ["publish", "--loglevel=verbose"];
const commands = {
  npm11: [npm],
  npm12: [npm],
  pnpm12: [["publish", "--no-git-checks"]],
  yarn4: [
    ["install", "--no-immutable"],
    ["npm", "publish"],
  ],
  vlt: [["publish"]],
} as const satisfies Partial<Record<ClientName, readonly (readonly string[])[]>>;

for (const client of Object.keys(commands) as (keyof typeof commands)[]) {
  test(`${client} publishes from GitHub Actions and from GitLab, the first version too`, async (t) => {
    const { run, issuerOf, published, events } = await arrange(t);
    for (const kind of ["github", "gitlab"] as const) {
      const audience = `npm:127.0.0.1`;
      const { exitCode, output } = await run(client, await issuerOf(kind).job({ audience }), ...commands[client]);
      assert.equal(exitCode, 0, output);
      assert.equal(published.at(-1), `${name} by ${kind}:acme/widgets`, output);
    }
    assert.equal((await events()).filter((event) => event.startsWith("trust.exchanged")).length, 2);
  });
}

test("what GitHub's token says wrong is refused with its sentence, and nothing is published", async (t) => {
  const { run, github, published, events } = await arrange(t);
  const missing = /has no trust rule for github:evil\/widgets; make one with npm trust/;
  const cases: readonly (readonly [string, TokenOptions, RegExp])[] = [
    ["wrong repository", { claims: { repository: "evil/widgets" } }, missing],
    ["wrong branch", { claims: { ref: "refs/heads/x" } }, /ref of the token is "refs\/heads\/x"/],
    ["wrong environment", { claims: { environment: "dev" } }, /environment of the token is "dev"/],
    ["wrong audience", { audience: "npm:other.example.com" }, /its audience is "npm:other\.example\.com"/],
    ["wrong issuer", { claims: { iss: "https://evil.example.com" } }, /issuer "https:\/\/evil\.example\.com" is none/],
    ["expired", { issuedIn: -400 }, /it has expired at/],
    ["not yet valid", { issuedIn: 120 }, /it is not valid before/],
    ["unknown key", { unknownKey: true }, /its issuer has no key/],
  ];
  for (const [what, options, sentence] of cases) {
    const { exitCode, output } = await run("npm12", await github.job(options), npm);
    assert.notEqual(exitCode, 0, what);
    assert.match(output, sentence, what);
    assert.deepEqual(published, [], what);
  }
  assert.equal((await events()).filter((event) => event === `trust.refused package ${name}`).length, 3);
});

test("a replay, no signature, the public key as a secret, and a name that was registered again are refused", async (t) => {
  const { run, issuerOf, published } = await arrange(t);
  const gitlab = issuerOf("gitlab");
  const first = await gitlab.job();
  assert.equal((await run("npm12", first, npm)).exitCode, 0);
  const [key] = await gitlab.keys();
  assert.ok(key);
  const pem = createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" });
  const hmac = (input: string) => createHmac("sha256", pem).update(input).digest("base64url");
  const forged = async (alg: string, sign: (input: string) => string) => {
    const [, payload] = (await gitlab.mint()).split(".");
    const input = `${Buffer.from(JSON.stringify({ alg, kid: key.kid })).toString("base64url")}.${payload}`;
    return { ...first, NPM_ID_TOKEN: `${input}.${sign(input)}` };
  };
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ["replay", first, /it was used before; each is good once/],
    ["alg none", await forged("none", () => ""), /its alg is "none"/],
    ["HS256", await forged("HS256", hmac), /its alg is "HS256"/],
    ["re-registered", await gitlab.job({ claims: { project_id: "99" } }), /no trust rule for gitlab:acme\/widgets/],
  ];
  for (const [what, env, sentence] of cases) {
    const { exitCode, output } = await run("npm12", env, npm);
    assert.notEqual(exitCode, 0, what);
    assert.match(output, sentence, what);
    assert.equal(published.length, 1, what);
  }
});

test("pnpm says why it was refused", async (t) => {
  const { run, github, published } = await arrange(t);
  const { exitCode, output } = await run(
    "pnpm12",
    await github.job({ claims: { environment: "dev" } }),
    commands.pnpm12[0],
  );
  assert.notEqual(exitCode, 0);
  assert.match(output, /environment of the token is "dev"/);
  assert.deepEqual(published, []);
});
