import assert from "node:assert/strict";
import test from "node:test";
import { createInstallation, startServer } from "@assay/testkit/server-process";

test("every signal that means stop ends the server in order, also when it comes twice", async () => {
  await using installation = await createInstallation();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const server = await startServer(installation, { upstream: "http://127.0.0.1:1" });
    const ending = server.stop(signal);
    process.kill(server.pid, signal);
    const { exitCode, signal: endedBy } = await ending;
    assert.deepEqual([exitCode, endedBy], [0, null], `${signal}: ${server.output()}`);
  }
});
