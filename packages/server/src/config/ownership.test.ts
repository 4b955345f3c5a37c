import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNamePattern } from "@assay/core";
import { ownershipProblems, type NameRules } from "./ownership.ts";

/** Rules in the order given; the line of a pattern is its upstream's, its column its place. */
function problemsOf(
  upstreams: Readonly<Record<string, readonly string[] | { of: string; names?: readonly string[] }>>,
) {
  return ownershipProblems(
    Object.entries(upstreams).map(([alias, said], line): NameRules => {
      const { of, names } = "of" in said ? said : { of: undefined, names: said };
      return {
        alias,
        source: `f:${line + 1}:1`,
        kind: of === undefined ? "registry" : "mirror",
        of,
        names: names?.map((pattern, at) => ({
          pattern: parseNamePattern(pattern),
          source: `f:${line + 1}:${at + 2}`,
        })),
      };
    }),
  );
}

test("nested patterns of different registries are no problem: the most specific decides", () => {
  assert.deepEqual(
    problemsOf({
      npm: ["*", "@acme/public"],
      acme: ["@acme/*", "vite"],
      vite: ["vite-*"],
      near: { of: "npm" },
      far: { of: "vite", names: ["vite-plugin-*", "vite-x"] },
      inner: { of: "acme", names: ["@acme/ui-*", "@acme/secret"] },
    }),
    [],
  );
});

test("a name with two owners is refused, with both places", () => {
  assert.deepEqual(problemsOf({ npm: ["*"], acme: ["@acme/*"], other: ["@acme/*"] }), [
    "upstreams.other.names: @acme/* (f:3:2) is owned by upstreams.acme already (f:2:2); a name has one owner.",
  ]);
  assert.deepEqual(problemsOf({ npm: ["*", "*"] }), [
    "upstreams.npm.names: * (f:1:3) is owned by upstreams.npm already (f:1:2); a name has one owner.",
  ]);
});

test("a pattern that decides nothing is refused, with the one that decides", () => {
  assert.deepEqual(problemsOf({ npm: ["*", "vite"] }), [
    "upstreams.npm.names: vite (f:1:3) decides nothing: upstreams.npm owns those names through * (f:1:2); take one of them out.",
  ]);
  assert.deepEqual(problemsOf({ acme: ["@acme/ui", "@acme/*"], npm: ["*"] }).length, 1);
  // Between the two stands another registry's pattern: now it does decide.
  assert.deepEqual(problemsOf({ npm: ["*", "vite"], other: ["v*"] }), []);
});

test("a mirror has names of its registry only, each of them once", () => {
  assert.deepEqual(problemsOf({ acme: ["@acme/*"], near: { of: "acme", names: ["*"] } }), [
    "upstreams.near.names: * (f:2:2) is outside the names of its registry acme: no one registry owns them.",
  ]);
  assert.deepEqual(problemsOf({ npm: ["*"], acme: ["@acme/*"], near: { of: "npm", names: ["@acme/ui"] } }), [
    "upstreams.near.names: @acme/ui (f:3:2) is outside the names of its registry npm: they belong to upstreams.acme (f:2:2).",
  ]);
  for (const names of [
    ["@acme/*", "@acme/ui"],
    ["@acme/ui", "@acme/ui"],
  ]) {
    const [problem, ...more] = problemsOf({ npm: ["*"], near: { of: "npm", names } });
    assert.match(problem ?? "", /@acme\/ui \(f:2:3\) decides nothing: .* \(f:2:2\) covers it/);
    assert.deepEqual(more, []);
  }
});

test("a hosted name has no other owner, and its pattern decides something", () => {
  const upstreams: readonly NameRules[] = [
    {
      alias: "npm",
      source: "f:1:1",
      kind: "registry",
      of: undefined,
      names: [{ pattern: parseNamePattern("*"), source: "f:1:2" }],
    },
    {
      alias: "acme",
      source: "f:2:1",
      kind: "registry",
      of: undefined,
      names: [{ pattern: parseNamePattern("@acme/*"), source: "f:2:2" }],
    },
    {
      alias: "near",
      source: "f:3:1",
      kind: "mirror",
      of: "npm",
      names: [{ pattern: parseNamePattern("tools-x"), source: "f:3:2" }],
    },
  ];
  const hosted = (...patterns: readonly string[]) =>
    ownershipProblems(
      upstreams,
      patterns.map((text, at) => ({ pattern: parseNamePattern(text), organisation: "tools", source: `f:9:${at + 1}` })),
    );
  assert.deepEqual(hosted("tools", "@acme/tools-*"), []);
  assert.deepEqual(hosted("@acme/*"), [
    "hosted: @acme/* (f:9:1) is owned by upstreams.acme already (f:2:2); a name has one owner.",
  ]);
  assert.deepEqual(hosted("tools", "too*"), [
    "hosted: tools (f:9:1) decides nothing: the organisation tools here owns those names through too* (f:9:2); take one of them out.",
    "upstreams.near.names: tools-x (f:3:2) is outside the names of its registry npm: they belong to the organisation tools here (f:9:2).",
  ]);
});
