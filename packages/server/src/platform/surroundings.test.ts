import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { isAssayError } from "@assay/core";
import { listenProblem, makeOwnFolder } from "./surroundings.ts";

test("makes a folder for this user alone, and says what is in the way of one", async (context) => {
  const above = await mkdtemp(join(tmpdir(), "assay-own-"));
  context.after(() => rm(above, { recursive: true }));
  const make = (path: string): Promise<void> =>
    makeOwnFolder({ title: "The data folder", path, advice: "choose another with --data" });
  const path = join(above, "a", "b");
  await make(path);
  await make(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  const file = join(above, "file");
  await writeFile(file, "");
  await assert.rejects(make(file), {
    code: "CONFIG",
    message: `The data folder ${file} cannot be used: something that is not a folder has that name; choose another with --data.`,
  });
  await assert.rejects(make(join(file, "below")), /something above it is not a folder/);
});

test("names a port that is taken and how to choose another, and leaves other failures alone", async (context) => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  context.after(() => holder.close());
  const address = holder.address();
  assert.ok(address !== null && typeof address === "object");
  const taken = { host: "127.0.0.1", port: address.port };
  const late = createServer();
  const failure = await new Promise((resolve) => late.once("error", resolve).listen(taken));
  const problem = listenProblem(taken, failure);
  assert.ok(isAssayError(problem, "CONFIG"));
  assert.match(problem.message, new RegExp(`listens on port ${taken.port} of 127\\.0\\.0\\.1; .*--port`));
  const other = new Error("something else");
  assert.equal(listenProblem(taken, other), other);
});
