import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHttpDate, isNotModified, matchesEtag, parseHttpDate } from "./conditional.ts";

const lastModifiedMs = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
const validators = { etag: '"abc"', lastModifiedMs };

test("compares entity tags weakly, in lists too", () => {
  for (const header of [
    '"abc"',
    'W/"abc"',
    '"x", "abc"',
    '"x",W/"abc" , "y"',
    "*",
    " * ",
    '"x",, "abc"',
    '"a,b", "abc"',
  ]) {
    assert.ok(matchesEtag(header, '"abc"'), header);
  }
  assert.ok(matchesEtag('"abc"', 'W/"abc"'));
  for (const header of [
    "",
    "abc",
    '"ab"',
    '"abc',
    'abc"',
    '"x" "abc"',
    'w/"abc"',
    '"x", abc',
    '"a"abc"',
    '"ABC"',
    "**",
    '"x, "abc"',
  ]) {
    assert.ok(!matchesEtag(header, '"abc"'), header);
  }
});

test("If-None-Match alone decides where it is present", () => {
  const later = formatHttpDate(lastModifiedMs + 5000);
  assert.ok(!isNotModified({ "if-none-match": '"x"', "if-modified-since": later }, validators));
  assert.ok(isNotModified({ "if-none-match": '"abc"', "if-modified-since": formatHttpDate(0) }, validators));
});

test("If-Modified-Since compares whole seconds", () => {
  assert.ok(isNotModified({ "if-modified-since": formatHttpDate(lastModifiedMs) }, validators));
  assert.ok(isNotModified({ "if-modified-since": formatHttpDate(lastModifiedMs + 1000) }, validators));
  assert.ok(!isNotModified({ "if-modified-since": formatHttpDate(lastModifiedMs - 1000) }, validators));
  assert.ok(!isNotModified({ "if-modified-since": "yesterday" }, validators));
  assert.ok(!isNotModified({}, validators));
  assert.ok(!isNotModified({ "if-modified-since": formatHttpDate(0) }, { etag: '"a"', lastModifiedMs: undefined }));
});

test("reads one date format, strictly", () => {
  assert.equal(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
  for (const text of [
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "2026-06-01T00:00:00Z",
    "Mon, 06 Nov 1994 08:49:37 GMT",
    "Tue, 31 Feb 2026 00:00:00 GMT",
    "",
  ]) {
    assert.equal(parseHttpDate(text), undefined, text);
  }
});

test("what is formatted is read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4102444800 }), (seconds) => {
      assert.equal(parseHttpDate(formatHttpDate(seconds * 1000)), seconds * 1000);
    }),
  );
});
