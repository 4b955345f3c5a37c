import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PackageName } from "@assay/core";
import { createSystemRandom } from "../platform/system-random.ts";
import type { Logger } from "../platform/telemetry/telemetry.ts";
import { createDocumentCache } from "./document-cache.ts";

const place = (view: string, etag: string) => ({ name: "@s/../n" as PackageName, view: view.repeat(64), etag });

const warnings: string[] = [];
const log: Logger = { debug() {}, info() {}, error() {}, warn: (message) => void warnings.push(message) };

async function withCache(
  work: (cache: ReturnType<typeof createDocumentCache>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "assay-documents-"));
  try {
    await work(createDocumentCache({ random: createSystemRandom(), telemetry: { log } }, folder), folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test("gives back what was written, and nothing for what was not", () =>
  withCache(async (cache) => {
    await cache.write(place("a", '"1"'), Buffer.from("one"));
    assert.equal(Buffer.from((await cache.read(place("a", '"1"'))) ?? []).toString(), "one");
    assert.equal(await cache.read(place("a", '"2"')), undefined);
  }));

test("a file that was cut short is as good as none", () =>
  withCache(async (cache, folder) => {
    await cache.write(place("a", '"1"'), Buffer.from("a long enough document"));
    const [file = ""] = await filesBelow(folder);
    await truncate(file, 40);
    assert.equal(await cache.read(place("a", '"1"')), undefined);
  }));

test("a new view of a package drops the documents of the old one, and only those", () =>
  withCache(async (cache, folder) => {
    await cache.write(place("a", '"1"'), Buffer.from("old"));
    await cache.write(place("b", '"1"'), Buffer.from("new"));
    await cache.write(place("b", '"2"'), Buffer.from("newer"));
    assert.equal((await filesBelow(folder)).length, 2);
    assert.equal(await cache.read(place("a", '"1"')), undefined);
  }));

test("a document that cannot be kept is a warning, not a failure", () =>
  withCache(async (cache, folder) => {
    await writeFile(join(folder, createHash("sha256").update("@s/../n").digest("hex").slice(0, 2)), "in the way");
    await cache.write(place("a", '"1"'), Buffer.from("one"));
    assert.equal(warnings.length, 1);
  }));
