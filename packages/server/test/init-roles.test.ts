/** What `assay init --as <role>` writes is a configuration that a server starts with. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import { initRoles } from "../src/config/role-template.ts";

let upstream: TestUpstream;

before(async () => {
  upstream = await createTestUpstream();
  upstream.publish({ name: "my-package", version: "1.0.0" });
});

after(() => upstream[Symbol.asyncDispose]());

for (const role of initRoles) {
  test(`as ${role} a server starts and answers for its names`, async () => {
    await using installation = await createInstallation();
    const written = await runAssay(installation, ["init", `--as=${role}`]);
    assert.equal(written.exitCode, 0, written.stderr);
    const file = path.join(installation.home, "assay.yaml");
    const text = readFileSync(file, "utf8").replaceAll("https://registry.example.com", upstream.url);
    writeFileSync(file, text);
    await using server = await startServer(installation, role === "proxy" ? { upstream: upstream.url } : {});
    // A server that is only a log serves no packages; it binds what is looked up.
    const target = role === "database" ? "/-/log/lookup/my-package@1.0.0" : "/my-package/-/my-package-1.0.0.tgz";
    const answer = await rawRequest(server.url, target);
    // An auditor asks for signatures, and this upstream has none.
    assert.equal(answer.status, role === "auditor" ? 403 : 200, `${answer.reason}\n${server.output()}`);
  });
}

test("an unknown role is wrong use, and nothing is written", async () => {
  await using installation = await createInstallation();
  const refused = await runAssay(installation, ["init", "--as=emperor"]);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /--as emperor is not known; known: proxy, organisation/);
});
