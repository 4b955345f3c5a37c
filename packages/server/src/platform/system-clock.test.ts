import assert from "node:assert/strict";
import { test } from "node:test";
import { createSystemClock } from "./system-clock.ts";
import { createSystemRandom } from "./system-random.ts";

test("the wall clock tells whole milliseconds and the monotonic one never goes back", async () => {
  const clock = createSystemClock();
  assert.ok(Number.isSafeInteger(clock.now()));
  const before = clock.monotonicMs();
  await clock.sleep(1);
  assert.ok(clock.monotonicMs() >= before);
});

test("sleep rejects with the reason of its signal", async () => {
  const clock = createSystemClock();
  const reason = new Error("shutting down");
  await assert.rejects(clock.sleep(60_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const asleep = clock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(asleep, reason);
});

test("random bytes have the length asked for and fractions stay in [0, 1)", () => {
  const random = createSystemRandom();
  assert.equal(random.bytes(0).byteLength, 0);
  assert.equal(random.bytes(33).byteLength, 33);
  assert.notDeepEqual(random.bytes(16), random.bytes(16));
  for (let round = 0; round < 100; round += 1) {
    const fraction = random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
  }
});
