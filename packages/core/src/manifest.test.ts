import assert from "node:assert/strict";
import { test } from "node:test";
import { fragmentFields, installScripts, manifestFragment } from "./manifest.ts";

test("a fragment holds nothing but name, version, scripts and the listed fields", () => {
  const everything = Object.fromEntries(
    [...fragmentFields, "license", "dist", "main", "funding"].map((field) => [field, { [field]: field }]),
  );
  const scripts = Object.fromEntries([...installScripts, "test"].map((name) => [name, "run"]));
  const fragment = manifestFragment({ ...everything, name: "n", version: "1.0.0", scripts });
  assert.deepEqual(Object.keys(fragment).sort(), [...fragmentFields, "name", "scripts", "version"].sort());
  assert.deepEqual(Object.keys(fragment["scripts"] as object).sort(), [...installScripts].sort());
});
