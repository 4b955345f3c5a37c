import assert from "node:assert/strict";
import { test } from "node:test";
import { epochMs } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createActivity } from "./activity.ts";

test("what a source delivered and lacked is counted, with how young and how old it was", () => {
  const clock = createFakeClock();
  const activity = createActivity({ clock });
  const releasedBefore = (ms: number) => epochMs(clock.now() - ms);
  assert.equal(activity.of("near").delivered, 0);
  activity.asked("near", "delivered", releasedBefore(5000));
  activity.asked("near", "delivered", releasedBefore(3000));
  activity.asked("near", "delivered", undefined);
  activity.asked("near", "missing", releasedBefore(1000));
  activity.asked("near", "missing", releasedBefore(2000));
  activity.asked("near", "unavailable", releasedBefore(9000));
  activity.asked("far", "missing", undefined);
  const { delivered, missing, youngestHadMs, oldestLackedMs } = activity.of("near");
  assert.deepEqual([delivered, missing, youngestHadMs, oldestLackedMs], [3, 2, 3000, 2000]);
  assert.deepEqual([activity.of("far").missing, activity.of("far").oldestLackedMs], [1, undefined]);
});

test("the last good answer stands with the time that it took", async () => {
  const clock = createFakeClock();
  const activity = createActivity({ clock });
  const startedMs = clock.monotonicMs();
  await clock.advance(120);
  activity.answered("npm", startedMs);
  assert.deepEqual(activity.of("npm").answered, { atMs: clock.now(), afterMs: 120 });
});

test("a release from the future is as young as can be", () => {
  const clock = createFakeClock();
  const activity = createActivity({ clock });
  activity.asked("npm", "delivered", epochMs(clock.now() + 1000));
  assert.equal(activity.of("npm").youngestHadMs, 0);
});
