import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { findLockfile, findLockfiles, readLimited, readLockfile } from "./lockfile-file.ts";

async function folderOf(context: TestContext, files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "assay-lock-"));
  context.after(() => rm(folder, { recursive: true }));
  for (const file of files) await writeFile(join(folder, file), `{"lockfileVersion":3,"packages":{}}`);
  return folder;
}

test("of one client finds the lockfile that it would use: npm-shrinkwrap.json first", async (context) => {
  const both = await folderOf(context, ["package-lock.json", "npm-shrinkwrap.json"]);
  assert.equal(await findLockfile(both), join(both, "npm-shrinkwrap.json"));
  const one = await folderOf(context, ["package-lock.json", "bun.lockb"]);
  assert.equal(await findLockfile(one), join(one, "package-lock.json"));
  assert.deepEqual((await readLockfile(join(one, "package-lock.json"))).packages, []);
});

test("does not choose between two clients, and says what is missing", async (context) => {
  const two = await folderOf(context, ["pnpm-lock.yaml", "package-lock.json"]);
  await assert.rejects(findLockfile(two), /Several lockfiles are in .*: package-lock\.json, pnpm-lock\.yaml/);
  await assert.rejects(findLockfile(await folderOf(context, [])), /was not found/);
  await assert.rejects(findLockfile(await folderOf(context, ["bun.lockb"])), /there is a bun\.lockb/);
  await assert.rejects(findLockfile(join(two, "nowhere")), /The folder .* was not found/);
  await assert.rejects(readLockfile(join(two, "pnpm-lock.yml")), /was not found/);
});

test("finds all lockfiles below a folder, none of an installed package, and follows no link", async (context) => {
  const folder = await folderOf(context, ["package-lock.json"]);
  for (const inner of ["a/b", "node_modules/x", ".git/x"]) {
    await mkdir(join(folder, inner), { recursive: true });
    await writeFile(join(folder, inner, "yarn.lock"), "");
  }
  await symlink(folder, join(folder, "a", "circle"));
  assert.deepEqual(await findLockfiles(folder), [join(folder, "a/b/yarn.lock"), join(folder, "package-lock.json")]);
  await assert.rejects(findLockfiles(await folderOf(context, [])), /in or below .* was not found/);
});

test("never reads more than the limit", async (context) => {
  const folder = await folderOf(context, ["package-lock.json"]);
  await assert.rejects(readLimited(join(folder, "package-lock.json"), 10, "It"), /larger than 10/);
  await assert.rejects(readLimited(join(folder, "none"), 10, "The file"), /The file .*none was not/);
});
