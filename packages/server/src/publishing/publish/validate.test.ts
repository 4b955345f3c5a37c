import assert from "node:assert/strict";
import { test } from "node:test";
import type { PackageName } from "@assay/core";
import { requireNewName } from "./validate.ts";

const isTaken = (name: string, upperCase: "refuse" | "allow" = "refuse"): boolean => {
  try {
    requireNewName(name as PackageName, upperCase);
    return true;
  } catch (error) {
    assert.equal((error as { code: string }).code, "BAD_NAME");
    return false;
  }
};

test("a new package is named as npm lets it be", () => {
  for (const name of ["x", "-x", "x.y", "@con/x", "@acme/_x", "@a-b/x_y", "aux.1", "nul"])
    assert.ok(isTaken(name), name);
  for (const name of [
    "_x",
    "@_acme/x",
    "@acme/.x",
    "x!",
    "x*y",
    "@acme/x'",
    "@acme/__proto__",
    "fs",
    "http",
    "a".repeat(215),
  ])
    for (const upperCase of ["refuse", "allow"] as const) assert.ok(!isTaken(name, upperCase), name);
});

test("upper-case letters are refused unless they are allowed", () => {
  for (const name of ["JSONStream", "@Acme/x", "@acme/Ui"]) {
    assert.ok(!isTaken(name), name);
    assert.ok(isTaken(name, "allow"), name);
  }
});
