import type { Gauge, Metrics } from "../platform/telemetry/telemetry.ts";

/** The metrics of a monitor, declared once for all logs. */
export interface MonitorInstruments {
  readonly size: Gauge;
  readonly checked: Gauge;
  readonly checkedAt: Gauge;
  readonly reachable: Gauge;
  readonly samples: ReturnType<Metrics["counter"]>;
}

export function createMonitorInstruments(metrics: Metrics): MonitorInstruments {
  return {
    size: metrics.gauge("assay_monitor_log_size_entries", "Entries in the newest proven tree of a shard.", ["origin"]),
    checked: metrics.gauge("assay_monitor_checked_entries", "Entries of a shard that were checked.", ["origin"]),
    checkedAt: metrics.gauge(
      "assay_monitor_checked_timestamp_seconds",
      "When a log was last read to its end, seconds since 1970.",
      ["origin"],
    ),
    reachable: metrics.gauge("assay_monitor_reachable", "1 when the log answered at the last look.", ["origin"]),
    samples: metrics.counter(
      "assay_monitor_samples_total",
      "Releases of a registry that were held against the log, by outcome.",
      ["registry", "outcome"],
    ),
  };
}
