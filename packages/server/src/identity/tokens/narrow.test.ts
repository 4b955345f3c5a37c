import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parseNamePattern, patternCovers, type EpochMs } from "@assay/core";
import fc from "fast-check";
import { levelHas, reachedOrganisations } from "../token-reach.ts";
import { isInBlocks, requireWithin, type TokenBounds } from "./narrow.ts";

const patterns = fc.constantFrom("*", "left", "left-*", "@acme/*", "@acme/ui", "@acme/ui-*").map(parseNamePattern);
const bounds: fc.Arbitrary<TokenBounds> = fc.record({
  level: fc.constantFrom("read-only", "read-write", "stage-only"),
  packages: fc.option(fc.uniqueArray(patterns, { maxLength: 3 }), { nil: undefined }),
  organisations: fc.option(fc.uniqueArray(fc.constantFrom("acme", "other"), { maxLength: 2 }), { nil: undefined }),
  cidrs: fc.option(
    fc.uniqueArray(fc.constantFrom("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "fd00::1"), { maxLength: 2 }),
    { nil: undefined },
  ),
  expiresAtMs: fc.option(fc.constantFrom(1, 2, 3) as fc.Arbitrary<EpochMs>, { nil: undefined }),
});

const acts = ["read", "audit", "stage", "publish"] as const;

/** Everything that a token with these bounds can do, of a small world. */
function everything({ level, packages, organisations, cidrs, expiresAtMs }: TokenBounds): ReadonlySet<string> {
  const able = new Set<string>();
  for (const act of acts)
    for (const what of ["left", "left-pad", "@acme/ui", "@acme/ui-kit", "@acme/x", "org acme", "org other"])
      for (const from of ["10.1.2.3", "10.1.9.9", "10.9.9.9", "11.0.0.1", "fd00::1", "fd00::2"])
        for (const at of [0, 1, 2, 3]) {
          const isNamed = what.startsWith("org ")
            ? reachedOrganisations({ packages, organisations })?.includes(what.slice(4)) !== false
            : packages?.some((pattern) => patternCovers(pattern, what)) !== false;
          const isHere = cidrs === undefined || isInBlocks(cidrs, from);
          if (levelHas(level, act) && isNamed && isHere && at < (expiresAtMs ?? Infinity))
            able.add(`${act} ${what} ${from} ${at}`);
        }
  return able;
}

function isWithin(maker: TokenBounds, wanted: TokenBounds): boolean {
  try {
    requireWithin(maker, wanted);
    return true;
  } catch (error) {
    assert.ok(isAssayError(error, "FORBIDDEN"));
    return false;
  }
}

test("what a token may make can do nothing that it cannot do itself, over any number of steps", () => {
  fc.assert(
    fc.property(bounds, fc.array(bounds, { maxLength: 6 }), (first, wanted) => {
      let holder = first;
      for (const each of wanted) if (isWithin(holder, each)) holder = each;
      const able = everything(first);
      for (const act of everything(holder)) assert.ok(able.has(act), act);
    }),
    { numRuns: 300 },
  );
});

test("a token may make its equal", () => {
  fc.assert(fc.property(bounds, (each) => assert.equal(isWithin(each, each), true)));
});

test("addresses: blocks of the same kind, IPv4 within IPv6 as IPv4, and nothing else", () => {
  assert.equal(isInBlocks(["10.0.0.0/8"], "10.1.2.3"), true);
  assert.equal(isInBlocks(["10.0.0.0/8"], "::ffff:10.1.2.3"), true);
  assert.equal(isInBlocks(["10.0.0.0/8"], "11.1.2.3"), false);
  assert.equal(isInBlocks(["::/0"], "10.1.2.3"), false);
  assert.equal(isInBlocks(["0.0.0.0/0"], "not an address"), false);
  assert.equal(isInBlocks([], "10.1.2.3"), false);
});
