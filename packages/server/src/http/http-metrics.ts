import type { Counter, Gauge, Metrics } from "../platform/telemetry/telemetry.ts";

/** What is counted about every request. */
export interface HttpMetrics {
  readonly inFlight: Gauge;
  readonly slowClients: Counter;
  finished(request: {
    readonly route: string | undefined;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
const statusClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Declares the front door's metrics. Labels are closed sets: route patterns, seven methods and `other`, five status classes. */
export function createHttpMetrics(metrics: Metrics): HttpMetrics {
  const requests = metrics.counter(
    "assay_http_requests_total",
    "HTTP requests answered, by route pattern, method and class of status.",
    ["route", "method", "status"],
  );
  const durations = metrics.histogram(
    "assay_http_request_duration_seconds",
    "Time from the request's headers to the end of the response, by route pattern.",
    buckets,
    ["route"],
  );
  return {
    inFlight: metrics.gauge("assay_http_requests_in_flight", "HTTP requests under way."),
    slowClients: metrics.counter(
      "assay_http_slow_clients_total",
      "Connections cut because the client sent or read too slowly.",
      ["direction"],
    ),
    finished({ route = "none", method, status, seconds }) {
      requests.add(1, {
        route,
        method: methods.has(method) ? method : "other",
        status: statusClasses[Math.floor(status / 100) - 1] ?? "5xx",
      });
      durations.observe(seconds, { route });
    },
  };
}
