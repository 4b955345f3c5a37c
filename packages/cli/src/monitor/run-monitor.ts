import {
  createMonitorApp,
  findingDocument,
  type MonitorApp,
  type Round,
  type StoredFinding,
} from "@assay/server/monitor";
import type { MonitorCommandOptions } from "../commands/monitor.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { createProgress } from "../progress.ts";
import { monitorConfig } from "./monitor-config.ts";

/** Follows logs until a signal, or once. */
export async function runMonitor(context: CliContext, options: MonitorCommandOptions): Promise<ExitCode> {
  const config = await monitorConfig(context, options);
  const intervalMs = parseDuration(options.interval) * 1000;
  await using app = await createMonitorApp(config, { logTo: context.stderr });
  const signal = context.stopSignal();
  if (options.once === true) return await runOnce(context, app, options, signal);
  const url = await app.listen();
  const logs = app.monitor.logs.map(({ origin }) => `  ${origin}`);
  context.stdout.write(
    [
      "Following:",
      ...logs,
      `State    ${config.stateFolder}`,
      ...(url === undefined ? [] : [`Metrics  ${url}/-/metrics`, `Findings ${url}/findings`]),
      "",
      "Ctrl-C stops it.",
      "",
    ].join("\n"),
  );
  await app.monitor.run(signal, intervalMs);
  return 0;
}

/** Findings that say how a log answered at one moment: they fail the look that made them, and no later one. */
const passing: ReadonlySet<string> = new Set([
  "stalled",
  "unwitnessed",
  "rolled-back",
  "wrong-signature",
  "wrong-tile",
]);

async function runOnce(
  context: CliContext,
  { monitor }: MonitorApp,
  options: MonitorCommandOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const earlier = await allFindings(monitor);
  const progress = createProgress(context, "Checking");
  let round: Round;
  try {
    round = await monitor.round(signal, (origin, done, total) => progress.update(done, total, origin));
  } finally {
    progress.end();
  }
  const unposted = await monitor.post(signal);
  const known = new Set(options.known);
  const before = new Set(earlier.map(({ id }) => id));
  const findings = (await allFindings(monitor)).filter(
    ({ id, rule }) => !known.has(String(id)) && !(before.has(id) && passing.has(rule)),
  );
  const isRead = round.logs.every(({ outcome }) => outcome.outcome === "checked");
  const ok = isRead && unposted === 0 && findings.every(({ severity }) => severity === "notice");
  if (options.json === true) {
    const samples = Object.fromEntries(round.samples);
    context.stdout.write(
      `${JSON.stringify({ ok, logs: round.logs, samples, unposted, findings: findings.map((finding) => findingDocument(finding)) }, undefined, 2)}\n`,
    );
  } else context.stdout.write(reportText(round, findings, unposted));
  return ok ? 0 : 1;
}

async function allFindings(monitor: MonitorApp["monitor"]): Promise<readonly StoredFinding[]> {
  const found: StoredFinding[] = [];
  for (;;) {
    const page = await monitor.findings(found.at(-1)?.id ?? 0);
    found.push(...page);
    if (page.length === 0) return found;
  }
}

function reportText(round: Round, findings: readonly StoredFinding[], unposted: number): string {
  const logs = round.logs.map(({ origin, outcome }) =>
    outcome.outcome === "checked"
      ? `✓ ${origin}: ${outcome.size} entries, ${outcome.entries} of them new`
      : `✗ ${origin}: ${outcome.reason}`,
  );
  const samples = [...round.samples].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  const found = findings.flatMap(({ id, severity, sentence, evidence }) => [
    "",
    `${severity === "violation" ? "✗" : "!"} ${sentence} (finding ${id})`,
    "--- evidence (keep it) ---",
    evidence.trimEnd(),
    "--- end ---",
  ]);
  return [
    ...logs,
    ...(samples === "" ? [] : [`  releases sampled: ${samples}`]),
    ...found,
    ...(unposted === 0 ? [] : ["", `! ${unposted} findings were not taken by a webhook yet.`]),
    "",
    findings.some(({ severity }) => severity === "violation")
      ? "Something is wrong: keep the evidence and tell the operator and the other users of the log."
      : "Nothing wrong was found.",
    "",
  ].join("\n");
}
