import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import fc from "fast-check";
import { blobKey, parseBlobKey, parseBlobPrefix } from "./key.ts";

const badFormat = (error: unknown): boolean => isAssayError(error, "BAD_FORMAT");

test("a digest makes a key of its own first digits and all of it", () => {
  assert.equal(blobKey("tile", "sha256", "ab".repeat(32)), `tile/ab/${"ab".repeat(32)}`);
  assert.equal(blobKey("tarball", "sha512", "0f".repeat(64)), `tarball/0f/${"0f".repeat(64)}`);
});

test("refuses digests of another length, upper case and kinds that are paths", () => {
  assert.throws(() => blobKey("tile", "sha512", "ab".repeat(32)), badFormat);
  assert.throws(() => blobKey("tile", "sha256", "AB".repeat(32)), badFormat);
  assert.throws(() => blobKey("tile", "sha256", `${"ab".repeat(31)}/a`), badFormat);
  assert.throws(() => blobKey("a/b", "sha256", "ab".repeat(32)), badFormat);
  assert.throws(() => blobKey("..", "sha256", "ab".repeat(32)), badFormat);
});

test("refuses keys that climb, start at the root, or hide other characters", () => {
  const refused = ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", "A", "a b", "a\\b", "a\0", "ä", "a%2fb"];
  for (const text of refused) assert.throws(() => parseBlobKey(text), badFormat, JSON.stringify(text));
  assert.throws(() => parseBlobKey(Array.from({ length: 9 }, () => "a").join("/")), badFormat);
  assert.throws(() => parseBlobKey("a".repeat(129)), badFormat);
  assert.throws(() => parseBlobPrefix("a/"), badFormat);
});

test("accepts segments with dots and a prefix of none", () => {
  for (const text of ["a", "...", ".a", "a..b", "a-_.9/b", Array.from({ length: 8 }, () => "a").join("/")])
    assert.equal(parseBlobKey(text), text);
  assert.equal(parseBlobPrefix(""), "");
});

test("whatever is accepted stays below its folder", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", ".", "/", "-", "A", "\0") }), (text) => {
      try {
        parseBlobKey(text);
      } catch {
        return;
      }
      assert.ok(new URL(`file:///root/${text}`).pathname === `/root/${text}`);
    }),
  );
});
