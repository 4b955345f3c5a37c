import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVersion, type Version } from "@assay/core";
import { movedTags } from "./tags.ts";

const v = (text: string): Version => parseVersion(text);

test("tags that moved, are new or went are told, latest first", () => {
  const moved = movedTags({
    before: { a: v("1.0.0"), latest: v("1.1.0"), same: v("1.0.0"), old: v("0.9.0") },
    now: { new: v("2.0.0"), latest: v("1.0.0"), same: v("1.0.0"), a: v("1.2.0") },
  });
  assert.deepEqual(moved, [
    { tag: "latest", from: "1.1.0", to: "1.0.0" },
    { tag: "a", from: "1.0.0", to: "1.2.0" },
    { tag: "new", from: "-", to: "2.0.0" },
    { tag: "old", from: "0.9.0", to: "-" },
  ]);
});

test("tags that no record can hold are left out, and members of every object are no tags", () => {
  const now = {
    "la test": v("1.0.0"),
    "a/b": v("1.0.0"),
    früh: v("1.0.0"),
    ["x".repeat(300)]: v("1.0.0"),
    fine: v("1.0.0"),
  };
  assert.deepEqual(
    movedTags({ before: {}, now }).map(({ tag }) => tag),
    ["fine"],
  );
  assert.deepEqual(
    movedTags({ before: {}, now: JSON.parse('{"toString":"1.0.0","__proto__":"1.0.0"}') as typeof now }).length,
    2,
  );
});

test("of thousands fifty are told, latest among them", () => {
  const now = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`t${i}`, v("1.0.0")]));
  const moved = movedTags({ before: {}, now: { ...now, latest: v("2.0.0") } });
  assert.deepEqual([moved.length, moved[0]?.tag], [50, "latest"]);
});
