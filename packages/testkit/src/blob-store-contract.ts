import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { isAssayError } from "@assay/core";
import type { BlobKey, BlobStore, ExpectedBytes } from "@assay/server/platform/blobs/blobs";
import { blobKey, parseBlobKey } from "@assay/server/platform/blobs/key";
import fc from "fast-check";
import { tempFolder } from "./temp-folder.ts";

/** What a store answers for these bytes' own size and digests. */
export function expectedOf(bytes: Uint8Array): Required<ExpectedBytes> {
  return {
    sizeBytes: bytes.byteLength,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    sha512: createHash("sha512").update(bytes).digest("hex"),
  };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const key = parseBlobKey;

type Make = (t: TestContext) => Promise<BlobStore>;

/** Registers what every `BlobStore` does; `make` gives an empty one. */
export function blobStoreContract(make: Make): void {
  storing(make);
  refusing(make);
  reading(make);
  listing(make);
}

const keysOf = async (store: BlobStore, prefix = ""): Promise<readonly string[]> => {
  const keys: string[] = [];
  for await (const found of store.list(prefix)) keys.push(found.key);
  return keys;
};

function storing(make: Make): void {
  test("bytes are stored once: the same again are present, others are refused and change nothing", async (t) => {
    const store = await make(t);
    const bytes = text("first");
    const at = blobKey("tile", "sha256", expectedOf(bytes).sha256);
    assert.equal(await store.put(at, bytes, expectedOf(bytes)), "stored");
    assert.equal(await store.put(at, bytes, expectedOf(bytes)), "present");
    for (const other of [text("other"), text("longer than the first"), text("")])
      await assert.rejects(
        store.put(at, other, expectedOf(other)),
        (error) => isAssayError(error, "BLOB_CONFLICT") && error.details.key === at,
      );
    assert.deepEqual(await store.read(at), bytes);
    assert.deepEqual(await store.stat(at), { sizeBytes: 5 });
  });

  test("a file is stored by its path, and stays independent of it", async (t) => {
    const store = await make(t);
    const path = join(tempFolder(t), "download");
    const bytes = new Uint8Array(700_000).fill(7);
    writeFileSync(path, bytes);
    assert.equal(await store.put(key("tarball/a"), { path }, expectedOf(bytes)), "stored");
    assert.equal(await store.put(key("tarball/a"), { path }, expectedOf(bytes)), "present");
    assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
    rmSync(path);
    assert.deepEqual(await store.read(key("tarball/a")), bytes);
  });

  test("empty and large blobs are stored, and views without what is around them", async (t) => {
    const store = await make(t);
    const large = new Uint8Array(3_000_000).map((_, index) => index % 251);
    const view = large.subarray(10, 20);
    await store.put(key("empty"), new Uint8Array(0), expectedOf(new Uint8Array(0)));
    await store.put(key("large"), large, expectedOf(large));
    await store.put(key("view"), view, expectedOf(view));
    assert.deepEqual(await store.read(key("empty")), new Uint8Array(0));
    assert.deepEqual(await store.read(key("large")), large);
    assert.deepEqual(await store.read(key("view")), view.slice());
  });

  test("of many that store the same key at once one stores, and only equal bytes are present", async (t) => {
    const store = await make(t);
    const same = text("same");
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.put(key("same"), same, expectedOf(same))));
    assert.equal(answers.filter((answer) => answer === "stored").length, 1);
    const different = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        store.put(key("race"), text(`bytes ${index}`), expectedOf(text(`bytes ${index}`))),
      ),
    );
    const won = different.findIndex((end) => end.status === "fulfilled");
    assert.deepEqual(await store.read(key("race")), text(`bytes ${won}`));
    for (const [index, end] of different.entries())
      assert.ok(
        index === won
          ? end.status === "fulfilled"
          : end.status === "rejected" && isAssayError(end.reason, "BLOB_CONFLICT"),
      );
  });
}

function refusing(make: Make): void {
  test("bytes that are not the expected ones are refused, and nothing is stored", async (t) => {
    const store = await make(t);
    const bytes = text("content");
    const right = expectedOf(bytes);
    const wrong: readonly ExpectedBytes[] = [
      { ...right, sizeBytes: 6 },
      { ...right, sizeBytes: 8 },
      { ...right, sha256: "0".repeat(64) },
      { ...right, sha512: "0".repeat(128) },
      { sizeBytes: 7, sha512: right.sha512.toUpperCase() },
    ];
    const path = join(tempFolder(t), "content");
    writeFileSync(path, bytes);
    for (const expected of wrong) {
      for (const source of [bytes, { path }])
        await assert.rejects(store.put(key("wrong"), source, expected), (error) => isAssayError(error, "BLOB_CORRUPT"));
    }
    assert.deepEqual(await keysOf(store), []);
    assert.equal(await store.read(key("wrong")), undefined);
  });

  test("keys that were never parsed are refused everywhere", async (t) => {
    const store = await make(t);
    const bad = "../outside" as BlobKey;
    const badFormat = (error: unknown) => isAssayError(error, "BAD_FORMAT");
    await assert.rejects(store.put(bad, text("x"), expectedOf(text("x"))), badFormat);
    await assert.rejects(store.read(bad), badFormat);
    await assert.rejects(store.open(bad), badFormat);
    await assert.rejects(store.stat(bad), badFormat);
    await assert.rejects(store.remove(bad), badFormat);
    await assert.rejects(keysOf(store, "../"), badFormat);
  });
}

function reading(make: Make): void {
  test("what is not there is undefined", async (t) => {
    const store = await make(t);
    await store.put(key("folder/file"), text("x"), expectedOf(text("x")));
    for (const absent of ["none", "folder", "folder/none", "folder/file/below"]) {
      assert.equal(await store.read(key(absent)), undefined, absent);
      assert.equal(await store.open(key(absent)), undefined, absent);
      assert.equal(await store.stat(key(absent)), undefined, absent);
    }
  });

  test("any range within a blob streams exactly its bytes; any other is refused", async (t) => {
    const store = await make(t);
    const bytes = new Uint8Array(1000).map((_, index) => index % 256);
    await store.put(key("ranged"), bytes, expectedOf(bytes));
    const whole = await store.open(key("ranged"));
    assert.ok(whole);
    assert.deepEqual(new Uint8Array(await buffer(whole.stream)), bytes);
    const bound = fc.integer({ min: 0, max: 1000 });
    await fc.assert(
      fc.asyncProperty(bound, bound, async (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        const part = await store.open(key("ranged"), { start, end });
        assert.ok(part);
        assert.equal(part.sizeBytes, 1000);
        assert.deepEqual(new Uint8Array(await buffer(part.stream)), bytes.slice(start, end));
      }),
      { numRuns: 30 },
    );
    for (const [start, end] of [
      [-1, 2],
      [3, 2],
      [0, 1001],
      [0.5, 2],
    ] as const)
      await assert.rejects(store.open(key("ranged"), { start, end }), RangeError);
  });

  test("a blob that is removed is gone, and may be stored again with other bytes", async (t) => {
    const store = await make(t);
    await store.put(key("a/b"), text("one"), expectedOf(text("one")));
    await store.remove(key("a/b"));
    await store.remove(key("a/b"));
    assert.equal(await store.read(key("a/b")), undefined);
    assert.equal(await store.put(key("a/b"), text("two"), expectedOf(text("two"))), "stored");
  });
}

function listing(make: Make): void {
  test("keys are listed in the order of their bytes, below a prefix of whole segments", async (t) => {
    const store = await make(t);
    const keys = ["a", "b-/x", "b.c", "b/0", "b/c/d", "b/c-", "b0", "ba/x", "z.z/z"];
    for (const one of keys.toReversed()) await store.put(key(one), text(one), expectedOf(text(one)));
    assert.deepEqual(await keysOf(store), keys.toSorted());
    assert.deepEqual(await keysOf(store, "b"), ["b/0", "b/c-", "b/c/d"]);
    assert.deepEqual(await keysOf(store, "b/c"), ["b/c/d"]);
    assert.deepEqual(await keysOf(store, "none"), []);
    for await (const found of store.list("b"))
      assert.ok(Number.isSafeInteger(found.modifiedMs) && found.modifiedMs > 0);
  });
}
