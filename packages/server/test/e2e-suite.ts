/** A registry for `@verdaccio/e2e-cli`, another project's suite with real clients, and what is expected of its runs. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { installClients } from "@assay/testkit/install-clients";
import { createInstallation, freePort, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { installVerdaccioE2e, runVerdaccioE2e, type SuiteClient, type SuiteRun } from "@assay/testkit/verdaccio-e2e";

/** What the suite wants of a registry: whoever signs up publishes any name that nobody has. */
const everybodyPublishes = `
@id("everybody-begins-packages")
@reason("whoever has an account publishes names that are new")
permit (principal is Assay::Person, action == Assay::Action::"publish", resource is Assay::Package)
when { resource.isHosted && !resource.exists };
`;

/** What fails, as the suite says it, and why that is right. One that passes some day fails this test. */
export const npmFailures: Readonly<Record<string, RegExp>> = {
  // The suite's uplink lists names that belong to the organisation here: no upstream is heard about those.
  "scenario:search > merged local+uplink results are paginated once": /Expected 14 merged results, got 8/,
  "scenario:search > merged total counts local and uplink matches": /Expected total=14, got 8/,
  // The suite's uplink serves random bytes as a tarball. What is no archive is never stored, and never sent.
  "scenario:uplink-failure > healthy uplink: packument and tarball proxied through": /403 !== 200/,
};

/** Starts a registry before the tests of a file, and answers a function that runs the suite against it, all its checks included. */
export function suiteRegistry(): (client: SuiteClient) => Promise<SuiteRun> {
  let installation: Installation;
  let server: ServerProcess;
  let uplinkPort: number;
  const folder = tempFolder({ after: (work) => after(work) });

  before(async () => {
    await installClients(() => {});
    await installVerdaccioE2e(() => {});
    installation = await createInstallation();
    uplinkPort = await freePort();
    mkdirSync(path.join(installation.home, "policies"));
    writeFileSync(path.join(installation.home, "policies", "everybody.cedar"), everybodyPublishes);
    const uplinkNames = `["e2e-uplink-*", "nul.*", "@e2e-uplink/*"]`;
    const config = `
upstreams:
  mock: {kind: registry, url: "http://localhost:${uplinkPort}", names: ${uplinkNames}}
hosted:
  - {names: ["*"], organisation: e2e, visibility: public}
publish: {upperCaseNames: allow}
`;
    server = await startServer(installation, { config });
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
  });

  return async (client) => {
    const work = path.join(folder, client);
    mkdirSync(work);
    return await runVerdaccioE2e({
      registry: `http://localhost:${installation.port}`,
      client,
      folder: work,
      uplinkPort,
      env: { E2E_LARGE_TARBALL_MB: "8" },
    });
  };
}

/** So many tests passed, and nothing failed but these, with these sentences. */
export function assertSuite(run: SuiteRun, passed: number, failures: Readonly<Record<string, RegExp>> = {}): void {
  assert.deepEqual(Object.keys(run.failed).toSorted(), Object.keys(failures).toSorted(), run.output);
  for (const [what, sentence] of Object.entries(failures)) assert.match(run.failed[what] ?? "", sentence, what);
  assert.equal(run.passed.length, passed, run.output);
}
