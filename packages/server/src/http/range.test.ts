import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHttpDate } from "./conditional.ts";
import { parseRange, rangeStands } from "./range.ts";

test("reads one range of bytes", () => {
  assert.deepEqual(parseRange("bytes=0-0", 10), { start: 0, end: 1 });
  assert.deepEqual(parseRange("bytes=2-5", 10), { start: 2, end: 6 });
  assert.deepEqual(parseRange("bytes=2-", 10), { start: 2, end: 10 });
  assert.deepEqual(parseRange("bytes=2-999", 10), { start: 2, end: 10 });
  assert.deepEqual(parseRange("bytes=-3", 10), { start: 7, end: 10 });
  assert.deepEqual(parseRange("bytes=-30", 10), { start: 0, end: 10 });
  assert.deepEqual(parseRange("Bytes=0-1", 10), { start: 0, end: 2 });
});

test("a range outside the bytes cannot be satisfied", () => {
  for (const header of ["bytes=10-", "bytes=10-20", "bytes=-0"]) {
    assert.equal(parseRange(header, 10), "unsatisfiable", header);
  }
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
});

test("what is not one well-formed range is ignored", () => {
  for (const header of [
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=5-2",
    "bytes=0-1,3-4",
    "lines=0-1",
    "bytes=a-b",
    "bytes=0x1-2",
    "bytes=1--2",
    "bytes = 0-1",
    "bytes=99999999999999999999-",
  ]) {
    assert.equal(parseRange(header, 10), undefined, String(header));
  }
});

test("every range that is read lies within the bytes", () => {
  fc.assert(
    fc.property(
      fc.nat(30),
      fc.option(fc.nat(30), { nil: "" }),
      fc.option(fc.nat(30), { nil: "" }),
      (size, first, last) => {
        const range = parseRange(`bytes=${first}-${last}`, size);
        if (range === undefined || range === "unsatisfiable") return;
        assert.ok(range.start >= 0 && range.start < range.end && range.end <= size);
      },
    ),
  );
});

test("If-Range keeps the range only for the very same bytes", () => {
  const lastModifiedMs = Date.UTC(2026, 0, 1, 0, 0, 0, 5);
  const validators = { etag: '"abc"', lastModifiedMs };
  assert.ok(rangeStands(undefined, validators));
  assert.ok(rangeStands('"abc"', validators));
  assert.ok(rangeStands(formatHttpDate(lastModifiedMs), validators));
  for (const header of ['W/"abc"', '"abd"', '"x", "abc"', "*", formatHttpDate(lastModifiedMs + 1000), "nonsense"]) {
    assert.ok(!rangeStands(header, validators), header);
  }
  assert.ok(!rangeStands('"abc"', { etag: 'W/"abc"', lastModifiedMs }));
});
