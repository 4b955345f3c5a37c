import assert from "node:assert/strict";
import { Writable } from "node:stream";
import test from "node:test";
import { createProgress, type Progress } from "./progress.ts";

function terminal(isTTY: boolean): {
  readonly progress: Progress;
  readonly written: () => string;
  readonly pass: (ms: number) => void;
} {
  let text = "";
  let now = 0;
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const stderr = Object.assign(stream, { isTTY, columns: 40 });
  const clock = { monotonicMs: () => now, nowMs: () => now, sleep: async () => {} };
  return {
    progress: createProgress({ stderr, clock }, "Looking up"),
    written: () => text,
    pass: (ms) => {
      now += ms;
    },
  };
}

test("stays quiet for what takes less than a second", () => {
  const { progress, written, pass } = terminal(true);
  for (let i = 1; i <= 9; i += 1) {
    pass(100);
    progress.update(i, 10, "x@1.0.0");
  }
  progress.end();
  assert.equal(written(), "");
});

test("draws within the width of the terminal, and leaves nothing behind", () => {
  const { progress, written, pass } = terminal(true);
  pass(1_000);
  progress.update(5, 10, "a-long-name@1.0.0");
  progress.update(6, 10, "too soon after");
  assert.match(written(), /^\r\u001b\[KLooking up █{12}░{12} /);
  assert.equal(written().replace("\r\u001b[K", "").length, 39);
  progress.end();
  assert.ok(written().endsWith("\r\u001b[K"));
});

test("writes nothing where stderr is no terminal", () => {
  const { progress, written, pass } = terminal(false);
  pass(5_000);
  progress.update(1, 2, "x");
  progress.end();
  assert.equal(written(), "");
});
