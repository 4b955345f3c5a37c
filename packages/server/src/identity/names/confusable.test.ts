import assert from "node:assert/strict";
import { test } from "node:test";
import { skeletonOf } from "./confusable.ts";

test("names that are taken for each other have one skeleton", () => {
  for (const [a, b] of [
    ["@acme/left-pad", "@acme/leftpad"],
    ["@acme/left_pad", "@acme/left.pad"],
    ["@acme/UI", "@acme/ui"],
    ["@acme/Ibex", "@acme/lbex"],
    ["@acme/l0g", "@acme/log"],
    ["@acme/1og", "@acme/log"],
    ["@acme/modern", "@acme/modem"],
    ["@acme/vvite", "@acme/wite"],
    ["@acrne/ui", "@acme/ui"],
    ["ｕｉ", "ui"],
  ] as const)
    assert.equal(skeletonOf(a), skeletonOf(b), `${a} ${b}`);
});

test("names that read differently do not, and a scope never joins its name", () => {
  for (const [a, b] of [
    ["@acme/ui", "@acme/uo"],
    ["@acme/ui", "@acmeu/i"],
    ["@acme/ui", "acme-ui"],
    ["lodash", "lodahs"],
  ] as const)
    assert.notEqual(skeletonOf(a), skeletonOf(b), `${a} ${b}`);
});
