import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextPath } from "./next-path.ts";

const base = "https://registry.example.com/npm";

test("what follows a sign-in is a page of our own", () => {
  for (const path of ["/-/web/me", "/-/web/pair/abc_-1", "/-/web/stage/x?y=1&z=%20"])
    assert.equal(nextPath(path, "/"), path);
  for (const path of [
    undefined,
    "",
    "/",
    "//evil.example/-/web/",
    "/\\evil.example/-/web/",
    "https://evil.example/-/web/me",
    "javascript:alert(1)",
    "/-/web//evil.example",
    "/-/web/../../evil",
    "/-/web/%2e%2e/x",
    "/-/web/%2Fevil",
    "/-/web/me\r\nset-cookie: a=b",
    "/-/web/\t/evil.example",
    "/-/webx/me",
    "/-/npm/v1/user",
    "-/web/me",
    ` /-/web/me`,
    `/-/web/${"a".repeat(3000)}`,
  ])
    assert.equal(nextPath(path, "/-/web/me"), "/-/web/me", JSON.stringify(path));
});

test("whatever is taken stays below the base", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (tail) => {
      const url = new URL(`${base}${nextPath(`/-/web/${tail}`, "/-/web/me")}`);
      assert.equal(url.origin, "https://registry.example.com");
      assert.ok(url.pathname.startsWith("/npm/-/web/"), url.href);
    }),
  );
});
