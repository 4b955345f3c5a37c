import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import fc from "fast-check";
import { drawToken, hashToken, isToken, redactToken } from "./token-text.ts";

const example = "assay_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ3oT4nN";

test("the example of docs/formats/token.md is one", () => {
  assert.equal(isToken(example), true);
  assert.match(hashToken(example), /^[0-9a-f]{64}$/);
});

test("what is drawn is a token; with any character changed, cut off or put in it is none", () => {
  const random = createSeededRandom(7);
  fc.assert(
    fc.property(fc.nat({ max: 47 }), fc.constantFrom("0", "a", "Z", "_", " ", ".", "é"), (at, character) => {
      const token = drawToken(random);
      assert.equal(token.length, 48);
      assert.equal(isToken(token), true);
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      assert.equal(isToken(changed), changed === token);
      assert.equal(isToken(token.slice(0, at) + token.slice(at + 1)), false);
      assert.equal(isToken(token.slice(0, at) + character + token.slice(at)), false);
    }),
  );
});

test("every character is as likely as every other", () => {
  const random = createSeededRandom(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < 3000; i++)
    for (const character of drawToken(random).slice(6, 42)) counts.set(character, (counts.get(character) ?? 0) + 1);
  assert.equal(counts.size, 62);
  const expected = (3000 * 36) / 62;
  for (const [character, count] of counts) assert.ok(Math.abs(count - expected) < expected * 0.2, character);
});

test("what is shown of one later is its beginning, by which npm knows a pasted one", () => {
  const token = drawToken(createSeededRandom(2));
  assert.equal(token.startsWith(redactToken(token)), true);
  assert.equal(redactToken(token).length, 12);
});
