import type { Counter, Gauge, Histogram, Metrics } from "../platform/telemetry/telemetry.ts";

/** The metrics of the log, declared once for all shards. */
export interface LogInstruments {
  readonly size: Gauge;
  readonly commitSeconds: Histogram;
  readonly failures: Counter;
  readonly guardRefusals: Counter;
  readonly conflicts: Counter;
}

/** Seconds, from one fsync to a disk in trouble. */
const commitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createLogInstruments(metrics: Metrics): LogInstruments {
  return {
    size: metrics.gauge("assay_log_size_entries", "Entries under the newest signed checkpoint.", ["shard"]),
    commitSeconds: metrics.histogram(
      "assay_log_commit_seconds",
      "Time from taking the first claim of a commit to its published checkpoint.",
      commitBuckets,
    ),
    failures: metrics.counter(
      "assay_log_commit_failures_total",
      "Commits of the log that failed and were tried again.",
      ["shard"],
    ),
    guardRefusals: metrics.counter(
      "assay_log_guard_refusals_total",
      "Times the signing guard refused to sign. Any is an alarm.",
      ["shard"],
    ),
    conflicts: metrics.counter(
      "assay_log_conflicts_total",
      "Conflicts recorded: a source has something else than what is bound. high is for a person to look at.",
      ["severity"],
    ),
  };
}
