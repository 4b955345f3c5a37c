import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  isAssayError,
  mostSpecificPattern,
  parseNamePattern,
  parsePackageName,
  patternCovers,
  type NamePattern,
} from "@assay/core";

test("reads names and beginnings of names", () => {
  for (const text of ["*", "vite", "vite-*", "v*", "@acme/*", "@acme/ui", "@acme/ui-*", "JSONStream"]) {
    equal(parseNamePattern(text), text);
  }
});

test("refuses what no package can be called, and a beginning that ends inside a scope", () => {
  for (const text of [
    "",
    "**",
    "a*b",
    "a/*",
    "@*",
    "@acme*",
    "@acme",
    "@acme/*/x",
    "@/*",
    "../*",
    ".*",
    "a b*",
    "vite/",
  ]) {
    throws(
      () => parseNamePattern(text),
      (error) => isAssayError(error, "BAD_NAME"),
      text,
    );
  }
  throws(() => parseNamePattern("@acme*"), /@acme\/\*/);
});

test("the name itself wins, then the longest beginning, then *", () => {
  const patterns = ["*", "vite-*", "vite-plugin-*", "vite-plugin-ssr", "@acme/*"].map(parseNamePattern);
  const winner = (name: string) => mostSpecificPattern(patterns, name);
  equal(winner("vite"), "*");
  equal(winner("vite-x"), "vite-*");
  equal(winner("vite-plugin-x"), "vite-plugin-*");
  equal(winner("vite-plugin-ssr"), "vite-plugin-ssr");
  equal(winner("vite-plugin-ssr2"), "vite-plugin-*");
  equal(winner("@acme/vite-x"), "@acme/*");
  equal(winner("@acme-evil/x"), "*");
  equal(winner("@Acme/x"), "*");
  equal(mostSpecificPattern(patterns.slice(1), "react"), undefined);
});

test("a pattern covers another when it matches all its names", () => {
  const covers = (outer: string, inner: string) => patternCovers(parseNamePattern(outer), inner);
  equal(covers("*", "@acme/*"), true);
  equal(covers("@acme/*", "@acme/ui-*"), true);
  equal(covers("@acme/*", "@acme/ui"), true);
  equal(covers("@acme/ui-*", "@acme/*"), false);
  equal(covers("@acme/ui", "@acme/ui"), true);
  equal(covers("@acme/ui", "@acme/uix"), false);
});

const stems = fc.constantFrom("a", "ab", "abc", "a-", "@s/", "@s/a", "@s/ab", "@t/", "");
const patterns = fc.uniqueArray(
  fc.tuple(stems, fc.boolean()).map(([stem, isPrefix]): NamePattern | undefined => {
    try {
      return parseNamePattern(isPrefix ? `${stem}*` : stem);
    } catch {
      return undefined;
    }
  }),
  { maxLength: 8 },
);

test("whatever the order, one pattern decides, and it matches", () => {
  fc.assert(
    fc.property(patterns, fc.constantFrom("a", "ab", "abcd", "a-b", "@s/a", "@s/abc", "@t/x"), (some, text) => {
      const list = some.filter((pattern) => pattern !== undefined);
      const name = parsePackageName(text);
      const winner = mostSpecificPattern(list, name);
      equal(mostSpecificPattern(list.toReversed(), name), winner);
      equal(winner === undefined, !list.some((pattern) => patternCovers(pattern, name)));
      for (const other of list) {
        if (winner === undefined || other === winner || !patternCovers(other, name)) continue;
        equal(patternCovers(other, winner), true, `${other} should cover ${winner}`);
      }
    }),
  );
});
