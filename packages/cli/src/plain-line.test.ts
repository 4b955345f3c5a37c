import assert from "node:assert/strict";
import { test } from "node:test";
import { plainLine } from "./plain-line.ts";

test("text from outside moves no cursor, begins no line and turns nothing around", () => {
  assert.equal(plainLine("a\u001b[2Jb\r\nc\u009b2Jd\u202ee\u2028"), "a?[2Jb??c?2Jd?e?");
  assert.equal(plainLine("✓ größer: 3 files, 名前"), "✓ größer: 3 files, 名前");
});
