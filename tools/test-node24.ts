/** The unit tests on Node 24, the oldest Node that runs Assay: `npm run test:node24`. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { clientsAreInstalled, installClients } from "../packages/testkit/src/install-clients.ts";

const repository = path.join(import.meta.dirname, "..");
if (!clientsAreInstalled()) await installClients((line) => void process.stdout.write(`${line}\n`));
const node24 = path.join(repository, "packages/testkit/clients/node_modules/node24/bin/node");
const { status } = spawnSync(node24, ["tools/test.ts", "--unit", ...process.argv.slice(2)], {
  cwd: repository,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
