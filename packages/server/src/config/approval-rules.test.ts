import assert from "node:assert/strict";
import { test } from "node:test";
import { parseApprovalRule } from "./kinds.ts";

test("rules say what needs approval, where, by how many and by whom", () => {
  assert.deepEqual(parseApprovalRule("unpublish needs 2"), {
    operation: "unpublish",
    organisation: undefined,
    needed: 2,
    approvers: undefined,
  });
  assert.deepEqual(parseApprovalRule("publish in acme needs 1 by olga acme:release"), {
    operation: "publish",
    organisation: "acme",
    needed: 1,
    approvers: ["olga", "acme:release"],
  });
  for (const bad of [
    "",
    "fly needs 1",
    "key needs 1",
    "publish",
    "publish needs 0",
    "publish needs 2 by olga",
    "publish needs 2 by olga olga",
    "publish needs 1 by",
    "publish in ACME needs 1",
  ])
    assert.equal(parseApprovalRule(bad), undefined, bad);
});
