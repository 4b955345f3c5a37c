import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

/** The options of `assay monitor`, as given. */
export interface MonitorCommandOptions {
  readonly log?: string[];
  readonly trust?: string;
  readonly registry?: string;
  readonly tarballHost?: string[];
  readonly samples?: string;
  readonly scope?: string[];
  readonly expected?: string;
  readonly expectedGrace?: string;
  readonly once?: boolean;
  readonly known?: string[];
  readonly interval: string;
  readonly webhook?: string[];
  readonly state: string;
  readonly metricsHost: string;
  readonly metricsPort?: string;
  readonly json?: boolean;
}

/** `assay monitor`: reads logs whole and says what no good log does. */
export function monitorCommand(context: CliContext, finish: Finish): Command {
  return new Command("monitor")
    .description("follow logs, check every entry, and raise the alarm about what no good log does")
    .option("--log <vkey=url>", "key of a log, and where its checkpoint and tiles are; may be repeated", append)
    .option("--trust <file>", "the logs and witnesses of this trust file (default: the one of this repository)")
    .option("--registry <url>", "hold releases that this registry or mirror serves against the log")
    .option("--tarball-host <host>", "another host of that registry's tarballs; may be repeated", append)
    .option("--samples <number>", "releases of the registry that are tried each round (default: 5, with --once 20)")
    .option("--scope <scope>", "a scope or name that you publish yourself, such as @acme; may be repeated", append)
    .option("--expected <file>", "what your CI published: lines <name>@<version> <sha512-…>")
    .option("--expected-grace <duration>", "how long CI may take to tell of a release (default: 10m; with --once none)")
    .option("--once", "one look, then an exit code: 1 when something is wrong")
    .option("--known <id>", "with --once: a finding that was looked at and does not fail it; may be repeated", append)
    .option("--interval <duration>", "time between two looks: 90s, 15m", "60s")
    .option("--webhook <url>", "is told of each finding; may be repeated (or ASSAY_MONITOR_WEBHOOK)", append)
    .option("--state <folder>", "what was checked and found, to go on with", "assay-monitor")
    .option("--metrics-port <number>", "port for metrics and findings")
    .option("--metrics-host <address>", "address for them", "127.0.0.1")
    .option("--json", "with --once: print the outcome as JSON")
    .action(async (options: MonitorCommandOptions) => {
      const { runMonitor } = await import("../monitor/run-monitor.ts");
      finish(await runMonitor(context, options));
    });
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
