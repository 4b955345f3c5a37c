/** The real npm publishes from an emulated CI to a whole server: exchange, permissions, pipeline, packument. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parsePackageName } from "@assay/core";
import { startCiIssuer, type CiIssuer } from "@assay/testkit/ci-issuer";
import { clients, type ClientRun } from "@assay/testkit/clients";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

const name = parsePackageName("@acme/widgets");
let github: CiIssuer;
let publisher: Publisher;

before(async () => {
  github = await startCiIssuer("github");
  publisher = await startPublisher(
    `identity: {ci: [{name: github, kind: github, issuer: "${github.configured}"}]}\n`,
    async ({ identity, hosting: { ci } }) => {
      const [ada] = await identity.accounts.list();
      assert.equal(ada?.name, "ada");
      const caller = {
        principal: {
          kind: "person",
          id: "person:ada",
          name: "ada",
          via: "session",
          isAdmin: true,
          grant: undefined,
          steppedUpAtMs: undefined,
          address: "127.0.0.1",
        },
        confirm: async () => {},
      } as const;
      const claims = {
        repository: "acme/widgets",
        workflow_ref: { file: "publish.yml" },
        environment: "production",
        ref: "refs/heads/main",
      };
      await ci.trust.add(caller, { kind: "package", name }, [
        { type: "github", claims, permissions: ["createPackage"] },
      ]);
      await ci.trust.setExclusive(caller, { kind: "package", name }, true);
    },
  );
});

after(async () => {
  await publisher[Symbol.asyncDispose]();
  await github[Symbol.asyncDispose]();
});

async function publish(version: string): Promise<ClientRun> {
  const { installation, server } = publisher;
  const project = join(installation.home, `widgets-${version}`);
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "package.json"), JSON.stringify({ name, version, license: "MIT" }));
  writeFileSync(join(project, "index.js"), "");
  const home = join(installation.home, "ci");
  const env = await github.job({ audience: "npm:127.0.0.1" });
  const where = { project, home, cache: join(home, "cache"), registry: server.url, env, timeoutSeconds: 120 };
  return await clients.npm12.run(where, ["publish"]);
}

test("npm publishes the first version and the next one from CI, without a stored token", async () => {
  for (const version of ["1.0.0", "1.1.0"]) {
    const { exitCode, output } = await publish(version);
    assert.equal(exitCode, 0, output);
  }
  const { versions } = (await publisher.ask("GET", "/@acme%2fwidgets")).json() as {
    versions: Record<string, { _npmUser: { name: string; trustedPublisher: { id: string; oidcConfigId: string } } }>;
  };
  assert.deepEqual(Object.keys(versions), ["1.0.0", "1.1.0"]);
  assert.equal(versions["1.1.0"]?._npmUser.trustedPublisher.id, "github");
  assert.match(versions["1.1.0"]?._npmUser.trustedPublisher.oidcConfigId ?? "", /^oidc:[0-9a-f-]{36}$/);
});

test("where trusted CI alone publishes, its administrator's token is refused with the way to go", async () => {
  const answer = await publisher.put(name, publishBody({ name, version: "2.0.0" }));
  assert.equal(answer.status, 403);
  assert.match(String(answer.json()["error"]), /published by trusted CI alone.*trusted-publishers-only/);
});
