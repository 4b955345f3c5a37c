import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRetryAfterMs, retryDelayMs } from "./retry.ts";

test("reads seconds and dates, and nothing else", () => {
  assert.equal(parseRetryAfterMs("3", 0), 3000);
  assert.equal(parseRetryAfterMs("Thu, 01 Jan 1970 00:00:10 GMT", 4000), 6000);
  assert.equal(parseRetryAfterMs("Thu, 01 Jan 1970 00:00:10 GMT", 20_000), 0);
  for (const text of [undefined, "", "-1", "1.5", "soon", "1e9", "2030"]) {
    assert.equal(parseRetryAfterMs(text, 0), text === "2030" ? 2_030_000 : undefined);
  }
});

test("waits at least as long as asked, and gives up when asked for more than a few seconds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 0, max: 20_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, asked, fraction) => {
        const delay = retryDelayMs(attempt, asked, fraction);
        if (asked > 5000) assert.equal(delay, undefined);
        else assert.ok(delay !== undefined && delay >= asked && delay <= 5000);
      },
    ),
  );
});
