/** What every room gets for speaking about itself. */
export interface Telemetry {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Structured lines: the message reads alone, fields are dotted with units, nothing secret. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** An error is logged once, where it is handled. */
  error(message: string, fields?: LogFields & { readonly error?: unknown }): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Metrics are declared once, by name, with help text and a closed set of label values. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
}

export type LabelValues = Readonly<Record<string, string>>;
export interface Counter {
  add(amount?: number, labels?: LabelValues): void;
}
export interface Gauge {
  set(value: number, labels?: LabelValues): void;
}
export interface Histogram {
  observe(value: number, labels?: LabelValues): void;
}
