import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../clock.ts";
import { createBreaker } from "./breaker.ts";

function setUp() {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs } as Clock;
  return { breaker: createBreaker({ clock }, { failures: 3, openMs: 1000 }), pass: (ms: number) => void (nowMs += ms) };
}

test("opens after failures in a row, and lets one probe through when the time is over", () => {
  const { breaker, pass } = setUp();
  for (let count = 0; count < 3; count += 1) breaker.admit()?.settle("unreachable");
  assert.equal(breaker.admit(), undefined);
  pass(1000);
  const probe = breaker.admit();
  assert.ok(probe !== undefined);
  assert.equal(breaker.admit(), undefined, "one probe at a time");
  probe.settle("unreachable");
  assert.equal(breaker.admit(), undefined, "open again");
  pass(1000);
  breaker.admit()?.settle("reached");
  assert.ok(breaker.admit() !== undefined && breaker.admit() !== undefined, "closed");
});

test("a host that was reached in between starts the count anew", () => {
  const { breaker } = setUp();
  for (const outcome of ["unreachable", "unreachable", "reached", "unreachable", "unreachable", "unknown"] as const)
    breaker.admit()?.settle(outcome);
  assert.ok(breaker.admit() !== undefined);
});

test("a probe that ends without an outcome frees its place", () => {
  const { breaker, pass } = setUp();
  for (let count = 0; count < 3; count += 1) breaker.admit()?.settle("unreachable");
  pass(1000);
  breaker.admit()?.settle("unknown");
  assert.ok(breaker.admit() !== undefined);
});
