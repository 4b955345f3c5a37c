import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePackageName } from "@assay/core";
import { integrityOf } from "@assay/testkit/tiny-log";
import { parseExpected, parseScopes } from "./scopes.ts";

const name = fc.constantFrom("a", "left-pad", "@acme/a", "@acme/b.c", "@other/a", "JSONStream");
const version = fc.constantFrom("1.0.0", "1.0.0-rc.1", "2.0.0+build.7", "10.20.30");
const integrity = fc.nat(50).map((n) => integrityOf(String(n)));
const entries = fc.array(fc.tuple(name, version, integrity), { maxLength: 20 });

test("the list of expected releases gives back what was written, whatever space and comments stand between", () => {
  fc.assert(
    fc.property(
      entries,
      fc.array(fc.constantFrom("", "   ", "# note", "#@acme/a@1.0.0"), { maxLength: 4 }),
      (all, noise) => {
        const lines = [...all.map(([n, v, i]) => `${n}@${v} \t${i}`), ...noise];
        const expected = parseExpected(lines.map((line) => `${line}\n`).join(""));
        const keys = new Set(all.map(([n, v]) => `${n}@${v}`));
        assert.deepEqual(new Set(expected.keys()), keys);
        for (const key of keys)
          assert.deepEqual(expected.get(key), new Set(all.filter(([n, v]) => `${n}@${v}` === key).map(([, , i]) => i)));
      },
    ),
  );
});

test("a list that is not whole, or has a line of another form, is refused with its line", () => {
  const good = `a@1.0.0 ${integrityOf("a")}`;
  for (const [text, sentence] of [
    [good, /last line does not end in a line feed/],
    [`${good}\n\n${good} more\n`, /line 3 is not/],
    [`${good}\n${good.replace("@", " ")}\n`, /line 2 is not/],
    [`A B@1.0.0 ${integrityOf("a")}\n`, /line 1 is not/],
    [`a@.. ${integrityOf("a")}\n`, /line 1 is not/],
    ["a@1.0.0 sha1-AAAA\n", /line 1 is not/],
    ["a@1.0.0\n", /line 1 is not/],
    [`\ufeff${good}\n`, /line 1 is not/],
    ["#".repeat(64 * 1024 * 1024 + 1), /larger than 64 MiB/],
  ] as const)
    assert.throws(() => parseExpected(text), { code: "BAD_FORMAT", message: sentence }, text.slice(0, 80));
  assert.equal(parseExpected("").size, 0);
});

test("a scope owns its names and no others", () => {
  const { owns } = parseScopes(["@acme", "left-pad", "@other/one"]);
  const owned = ["@acme/a", "@acme/b", "left-pad", "@other/one"].map(parsePackageName);
  const foreign = ["acme", "@acme2/a", "@acm/a", "left-pad2", "@other/two", "one"].map(parsePackageName);
  assert.deepEqual(
    owned.map(owns),
    owned.map(() => true),
  );
  assert.deepEqual(
    foreign.map(owns),
    foreign.map(() => false),
  );
  for (const text of ["", "@", "@acme/", "acme/a", "@a@b", "../a", "A b", "@/a"])
    assert.throws(() => parseScopes([text]), { code: "USAGE", message: /no scope and no package name/ }, text);
});
