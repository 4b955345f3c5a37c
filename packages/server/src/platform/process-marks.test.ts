import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createProcessMarks } from "./process-marks.ts";

test(
  "a process is gone when it has ended, and not when it is elsewhere or another one",
  { skip: process.platform !== "linux" },
  async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
    await once(child, "spawn");
    const marks = createProcessMarks();
    const mark = createProcessMarks(child.pid).own;
    assert.ok(marks.own !== undefined && mark !== undefined);
    assert.notEqual(mark, marks.own);
    assert.deepEqual([marks.isGone(marks.own), marks.isGone(mark)], [false, false]);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(marks.isGone(mark), true);
    assert.equal(createProcessMarks(child.pid).own, undefined);

    // Another process has this number by now.
    assert.equal(marks.isGone(marks.own.replace(/[0-9]+$/, "1")), true);
    // Of another start of the machine, another container, and of nobody.
    assert.equal(marks.isGone(mark.replace(/^\S+/, "00000000-0000-0000-0000-000000000000")), false);
    assert.equal(marks.isGone(mark.replace(/pid:\S+/, "pid:[1]")), false);
    for (const bad of ["", "x", `${mark} `, mark.replace(/ [0-9]+ /, " 0 "), mark.replace(/ [0-9]+ /, " -1 ")])
      assert.equal(marks.isGone(bad), false, bad);
  },
);
