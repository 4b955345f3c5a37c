import type { Counter, Gauge, Metrics } from "../platform/telemetry/telemetry.ts";

/** The metrics of a witness, declared once for all logs. */
export interface WitnessInstruments {
  /** By what was answered: `cosigned`, `conflict`, or the code of the refusal. */
  readonly requests: Counter;
  readonly size: Gauge;
  readonly cosignedAt: Gauge;
  /** Any is an alarm. */
  readonly forks: Gauge;
}

export function createWitnessInstruments(metrics: Metrics): WitnessInstruments {
  return {
    requests: metrics.counter("assay_witness_requests_total", "Answers to add-checkpoint, by what was answered.", [
      "answer",
    ]),
    size: metrics.gauge("assay_witness_size_entries", "Size of the checkpoint that was cosigned last.", ["origin"]),
    cosignedAt: metrics.gauge(
      "assay_witness_cosigned_timestamp_seconds",
      "When a checkpoint was cosigned last, seconds since 1970.",
      ["origin"],
    ),
    forks: metrics.gauge(
      "assay_witness_forks",
      "Proofs that are stored that a log signed two histories. Any is an alarm.",
      ["origin"],
    ),
  };
}
