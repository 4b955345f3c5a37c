import type { Counter, Gauge, Histogram, Metrics } from "../../platform/telemetry/telemetry.ts";

/** The metrics of what witnesses make of this log. */
export interface WitnessesInstruments {
  readonly answers: Counter;
  readonly roundSeconds: Histogram;
  readonly quorum: Gauge;
  readonly publishedSize: Gauge;
  readonly publishedAt: Gauge;
  readonly cosignedAt: Gauge;
}

const roundBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

export function createWitnessesInstruments(metrics: Metrics): WitnessesInstruments {
  return {
    answers: metrics.counter("assay_log_witness_answers_total", "What witnesses answered, by witness and outcome.", [
      "witness",
      "outcome",
    ]),
    roundSeconds: metrics.histogram(
      "assay_log_witness_round_seconds",
      "Time from asking the witnesses to the quorum, or to the last answer when it was not met.",
      roundBuckets,
    ),
    quorum: metrics.gauge(
      "assay_log_quorum",
      "1 while the newest round met the quorum of the witness policy, 0 while it does not. 0 is an alarm.",
      ["shard"],
    ),
    publishedSize: metrics.gauge("assay_log_published_size_entries", "Entries under the newest public checkpoint.", [
      "shard",
    ]),
    publishedAt: metrics.gauge(
      "assay_log_published_timestamp_seconds",
      "When a checkpoint was made public last, seconds since 1970.",
      ["shard"],
    ),
    cosignedAt: metrics.gauge(
      "assay_log_witness_cosigned_timestamp_seconds",
      "Newest cosignature of each witness, seconds since 1970, by its own clock.",
      ["witness"],
    ),
  };
}
