import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuotaRule, quotaRules } from "./kinds.ts";

test("quotas say how much of what, for all or for one, each once", () => {
  assert.deepEqual(parseQuotaRule("500 packages"), { organisation: undefined, measure: "packages", most: 500 });
  assert.deepEqual(parseQuotaRule("acme 1 version"), { organisation: "acme", measure: "versions", most: 1 });
  assert.deepEqual(parseQuotaRule("acme 2TiB"), { organisation: "acme", measure: "sizeBytes", most: 2 * 1024 ** 4 });
  for (const bad of [
    "",
    "500",
    "packages",
    "-1 packages",
    "1.5GiB",
    "acme",
    "ACME 1GiB",
    "1 PiB",
    "999999999TiB",
    "1000",
  ])
    assert.equal(parseQuotaRule(bad), undefined, bad);
  const { read } = quotaRules();
  assert.deepEqual(read(["1 package", "2 versions", "acme 1 package"]), ["1 package", "2 versions", "acme 1 package"]);
  assert.equal(read(["acme 1 package", "acme 2 packages"]), undefined);
});
