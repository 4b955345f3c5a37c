/** Something in the log that is not as it must be. */
export interface LogFinding {
  readonly severity: "error" | "warning";
  /** The shard, or the log for what is about all of it. */
  readonly shard: string;
  /** One line: what is wrong, where. */
  readonly message: string;
}

export interface Report {
  readonly findings: readonly LogFinding[];
  error(message: string): void;
  warn(message: string): void;
}

/** After this many findings a shard is broken enough. */
const mostFindings = 100;

export function createReport(shard: string): Report {
  const findings: LogFinding[] = [];
  const add = (severity: LogFinding["severity"]) => (message: string) => {
    if (findings.length < mostFindings) findings.push({ severity, shard, message });
  };
  return { findings, error: add("error"), warn: add("warning") };
}
