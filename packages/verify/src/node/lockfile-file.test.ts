import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { findLockfile, readLimited, readLockfile } from "./lockfile-file.ts";

async function folderOf(context: TestContext, files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "assay-lock-"));
  context.after(() => rm(folder, { recursive: true }));
  for (const file of files) await writeFile(join(folder, file), `{"lockfileVersion":3,"packages":{}}`);
  return folder;
}

test("finds the lockfile that npm would use: npm-shrinkwrap.json first", async (context) => {
  const both = await folderOf(context, ["package-lock.json", "npm-shrinkwrap.json"]);
  assert.equal(await findLockfile(both), join(both, "npm-shrinkwrap.json"));
  const one = await folderOf(context, ["package-lock.json", "yarn.lock"]);
  assert.equal(await findLockfile(one), join(one, "package-lock.json"));
  assert.deepEqual((await readLockfile(join(one, "package-lock.json"))).packages, []);
});

test("says which other lockfile is there and cannot be read", async (context) => {
  const folder = await folderOf(context, ["pnpm-lock.yaml"]);
  await assert.rejects(findLockfile(folder), /there is a pnpm-lock\.yaml/);
  await assert.rejects(readLockfile(join(folder, "pnpm-lock.yaml")), /cannot be read yet/);
  await assert.rejects(findLockfile(await folderOf(context, [])), /was not found/);
});

test("never reads more than the limit", async (context) => {
  const folder = await folderOf(context, ["package-lock.json"]);
  await assert.rejects(readLimited(join(folder, "package-lock.json"), 10, "It"), /larger than 10/);
  await assert.rejects(readLimited(join(folder, "none"), 10, "The file"), /The file .*none was not/);
});
