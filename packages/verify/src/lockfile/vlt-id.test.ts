import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { decodeVltPart, encodeVltPart, splitVltId } from "./vlt-id.ts";

test("what is escaped comes back, whatever printable text it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      assert.equal(decodeVltPart(encodeVltPart(text)), text);
    }),
  );
});

test("escapes as vlt does", () => {
  assert.equal(encodeVltPart("http://127.0.0.1:4873/"), "http_c++127.0.0.1_c4873+");
  assert.equal(encodeVltPart("build@1.0.0+build.5"), "build@1.0.0_pbuild.5");
  assert.equal(encodeVltPart("."), "_d");
});

test("an escape without a meaning is no part of an id", () => {
  assert.equal(decodeVltPart("a_z"), undefined);
  assert.equal(splitVltId("~npm~a@1.0.0_"), undefined);
});
