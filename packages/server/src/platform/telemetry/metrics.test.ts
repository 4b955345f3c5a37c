import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { createMetrics } from "./metrics.ts";

const promtool = "/usr/bin/promtool";
const missing = !existsSync(promtool) && process.env["ASSAY_REQUIRE_COMPONENTS"] !== "1";

function sample() {
  const metrics = createMetrics({ processMetrics: true });
  const requests = metrics.counter("assay_requests_total", "Requests answered.", ["method"]);
  requests.add(1, { method: "GET" });
  requests.add(2, { method: "GET" });
  metrics.gauge("assay_requests_in_flight", "Requests under way.").set(3);
  metrics
    .histogram("assay_request_duration_seconds", "Time to answer.", [0.1, 1], ["route"])
    .observe(0.5, { route: "/x" });
  return metrics;
}

test("renders what was counted", async () => {
  const text = await sample().render();
  assert.match(text, /^assay_requests_total\{method="GET"\} 3$/m);
  assert.match(text, /^assay_requests_in_flight 3$/m);
  assert.match(text, /^assay_request_duration_seconds_bucket\{le="1",route="\/x"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes \d/m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test("refuses to declare a name twice", () => {
  const metrics = sample();
  assert.throws(() => metrics.counter("assay_requests_total", "Again."));
});

test("refuses a label that was not declared", () => {
  const metrics = createMetrics({ processMetrics: false });
  assert.throws(() => metrics.counter("assay_a_total", "A.", ["method"]).add(1, { path: "/x" }));
});

test("two registries share nothing", async () => {
  sample();
  assert.doesNotMatch(await createMetrics({ processMetrics: false }).render(), /assay_/);
});

test(
  "promtool finds nothing to complain about",
  { skip: missing && "SKIPPED: promtool is not installed" },
  async () => {
    const checked = spawnSync(promtool, ["check", "metrics"], { input: await sample().render(), encoding: "utf8" });
    assert.equal(checked.error, undefined);
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  },
);
