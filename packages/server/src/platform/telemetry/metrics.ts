import prometheus from "prom-client";
import type { Metrics } from "./telemetry.ts";

/** prom-client's defaults that its own format rules forbid: gauges whose names end in `_total`. */
const misnamedDefaults = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/**
 * Metrics of one process in a registry of its own. With `processMetrics` the runtime's are added (CPU, memory,
 * event loop, garbage collection). Declaring a name twice throws.
 */
export function createMetrics(options: { readonly processMetrics: boolean }): Metrics {
  const registry = new prometheus.Registry();
  const registers = [registry];
  if (options.processMetrics) {
    prometheus.collectDefaultMetrics({ register: registry });
    for (const name of misnamedDefaults) registry.removeSingleMetric(name);
  }
  return {
    counter(name, help, labels = []) {
      const counter = new prometheus.Counter({ name, help, labelNames: [...labels], registers });
      return {
        add: (amount = 1, values) => (values === undefined ? counter.inc(amount) : counter.inc(values, amount)),
      };
    },
    gauge(name, help, labels = []) {
      const gauge = new prometheus.Gauge({ name, help, labelNames: [...labels], registers });
      return {
        set: (value, values) => (values === undefined ? gauge.set(value) : gauge.set(values, value)),
      };
    },
    histogram(name, help, buckets, labels = []) {
      const histogram = new prometheus.Histogram({
        name,
        help,
        buckets: [...buckets],
        labelNames: [...labels],
        registers,
      });
      return {
        observe: (value, values) =>
          values === undefined ? histogram.observe(value) : histogram.observe(values, value),
      };
    },
    render: () => registry.metrics(),
  };
}
