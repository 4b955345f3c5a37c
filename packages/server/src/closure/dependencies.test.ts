import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dependenciesOf } from "./dependencies.ts";

test("what an installation fetches beside a release: needed, optional, peers; not what is bundled", () => {
  const found = dependenciesOf({
    dependencies: { a: "^1", inside: "1", alias: "npm:@s/real@~2", latest: "npm:bare", git: "github:x/y", n: 1 },
    bundleDependencies: ["inside"],
    optionalDependencies: { o: "next" },
    peerDependencies: { p: ">=1 <3", q: "*" },
    peerDependenciesMeta: { q: { optional: true } },
  });
  assert.deepEqual(
    found.map(({ kind, name, spec, isOptional }) => [kind, name, spec, isOptional]),
    [
      ["registry", "a", "^1", false],
      ["registry", "@s/real", "~2", false],
      ["registry", "bare", "*", false],
      ["elsewhere", "git", "github:x/y", false],
      ["elsewhere", "n", "1", false],
      ["registry", "p", ">=1 <3", false],
      ["registry", "o", "next", true],
    ],
  );
});

test("whatever a fragment holds, reading its dependencies never throws", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("dependencies", "peerDependenciesMeta", "bundleDependencies"), fc.jsonValue()),
      (fragment) => {
        assert.ok(Array.isArray(dependenciesOf(fragment)));
      },
    ),
  );
});
