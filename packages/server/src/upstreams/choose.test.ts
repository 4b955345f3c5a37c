import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { orderSources, type Circumstances } from "./choose.ts";
import type { Source } from "./sources.ts";

const sources = (weights: Readonly<Record<string, number>>): readonly Source[] =>
  Object.entries(weights).map(([name, weight]) => {
    return { config: upstreamConfig({ name, weight, url: `http://${name}.example` }), client: undefined as never };
  });
const random = createSeededRandom(7);
const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  name: parsePackageName("a"),
  expectedMs: () => 0,
  fraction: random.fraction,
  isCooling: () => false,
  ...more,
});
const names = (list: readonly Source[]): readonly string[] => list.map(({ config }) => config.name);
const three = sources({ a: 1, b: 1, c: 1 });
const setting = { choose: "order", spread: "package", seed: "" } as const;

test("the order of the configuration, the ones that failed just now last", () => {
  assert.deepEqual(names(orderSources(setting, three, circumstances())), ["a", "b", "c"]);
  const isCooling = (alias: string): boolean => alias !== "c";
  assert.deepEqual(names(orderSources(setting, three, circumstances({ isCooling }))), ["c", "a", "b"]);
});

test("the soonest first; who was never asked is tried", () => {
  const expected: Readonly<Record<string, number>> = { a: 20, b: 0, c: 10 };
  const expectedMs = (alias: string): number => expected[alias] ?? 0;
  const setting = { choose: "fastest", spread: "package", seed: "" } as const;
  assert.deepEqual(names(orderSources(setting, three, circumstances({ expectedMs }))), ["b", "c", "a"]);
});

/** How often each source is first in many draws. */
function shares(
  weights: Readonly<Record<string, number>>,
  spread: "package" | "request",
  seed = "",
): Record<string, number> {
  const list = sources(weights);
  const counts: Record<string, number> = {};
  for (let draw = 0; draw < 10_000; draw += 1) {
    const name = parsePackageName(`package-${draw}`);
    const [first] = names(orderSources({ choose: "spread", spread, seed }, list, circumstances({ name })));
    counts[first ?? ""] = (counts[first ?? ""] ?? 0) + 1;
  }
  return counts;
}

for (const spread of ["package", "request"] as const) {
  test(`spread by weight over each ${spread}; weight 0 only when the others fail`, () => {
    const counts = shares({ a: 1, b: 3, c: 0 }, spread);
    assert.ok(Math.abs((counts["a"] ?? 0) - 2500) < 200, JSON.stringify(counts));
    assert.ok(Math.abs((counts["b"] ?? 0) - 7500) < 200, JSON.stringify(counts));
    assert.equal(counts["c"], undefined);
  });
}

test("a package has the same order every time, another seed another one, and a source that goes moves only its own", () => {
  const order = (list: readonly Source[], seed: string, name: string): readonly string[] => {
    const at = circumstances({ name: parsePackageName(name) });
    return names(orderSources({ choose: "spread", spread: "package", seed }, list, at));
  };
  const packages = Array.from({ length: 200 }, (_, at) => `p${at}`);
  assert.deepEqual(
    packages.map((name) => order(three, "s", name)),
    packages.map((name) => order(three, "s", name)),
  );
  assert.notDeepEqual(
    packages.map((name) => order(three, "s", name)),
    packages.map((name) => order(three, "t", name)),
  );
  for (const name of packages) {
    const before = order(three, "s", name).filter((alias) => alias !== "b");
    assert.deepEqual(order(sources({ a: 1, c: 1 }), "s", name), before);
  }
});
