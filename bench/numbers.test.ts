import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, median } from "./numbers.ts";
import { renderTable } from "./table.ts";

test("the median of an even count lies between the middle two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("figures have three significant digits", () => {
  assert.equal(figure(12_345.6), "12,346");
  assert.equal(figure(1.2345), "1.23");
  assert.equal(figure(Number.NaN), "–");
});

test("the table gives ratios, and says where a budget is missed", () => {
  const table = renderTable([
    {
      what: "reads",
      unit: "requests/s",
      values: { Assay: 50, Verdaccio: 10, nginx: 100 },
      budget: { text: "≥ 0.8 × nginx", isMet: false },
    },
    { what: "alone", unit: "ms", values: { nginx: 1 } },
  ]);
  const [, , reads, alone] = table.split("\n");
  assert.match(String(reads), /5× .*0\.5× .*MISSED/);
  assert.match(String(alone), /–/);
});
