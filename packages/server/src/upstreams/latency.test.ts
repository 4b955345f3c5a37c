import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createLatency } from "./latency.ts";

test("the newest answers count most, and a slow time is forgotten", async () => {
  const clock = createFakeClock();
  const latency = createLatency({ clock });
  assert.equal(latency.expectedMs("a"), 0);
  latency.record("a", 1000);
  assert.equal(latency.expectedMs("a"), 1000);
  for (let times = 0; times < 30; times += 1) latency.record("a", 100);
  assert.ok(latency.expectedMs("a") < 110);
  latency.record("a", 1000);
  const slow = latency.expectedMs("a");
  assert.ok(slow > 250 && slow < 300);
  await clock.advance(10 * 60_000);
  assert.ok(Math.abs(latency.expectedMs("a") - slow / 2) < 1);
});

test("the usual time is what 95 of 100 of the newest answers took, once there are some", () => {
  const latency = createLatency({ clock: createFakeClock() });
  for (let ms = 1; ms <= 7; ms += 1) latency.record("a", ms);
  assert.equal(latency.p95Ms("a"), undefined);
  latency.record("a", 8);
  assert.equal(latency.p95Ms("a"), 8);
  for (let ms = 1; ms <= 64; ms += 1) latency.record("a", ms);
  assert.equal(latency.p95Ms("a"), 61);
  assert.equal(latency.p95Ms("b"), undefined);
});
