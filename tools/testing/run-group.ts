/** Runs one group of test files in a child process and streams what its reporter says. */
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { TestGroup } from "./groups.ts";
import { recordSeparator } from "./reporter.ts";
import type { TestReport } from "./reporter.ts";

/** How a group ended. */
export interface GroupEnding {
  /** Undefined when all is well, else what went wrong beyond the failed tests. */
  readonly trouble: string | undefined;
}

export interface RunOptions {
  readonly repository: string;
  /** The Node that runs the group. */
  readonly node: string;
  readonly onReport: (report: TestReport) => void;
  /** A group that reports nothing for so long is killed: a hang must not look like patience. */
  readonly silenceSeconds: number;
  /** node:test's `--test-name-pattern`. */
  readonly namePattern: string | undefined;
}

/** A test that fails leaves things open, and its process does not end: no reason to hold up the others for long. */
const silenceAfterFailure = 60;

const reporter = path.join(import.meta.dirname, "reporter.ts");

/** Never rejects: what goes wrong is `trouble`. */
export function runGroup(group: TestGroup, options: RunOptions): Promise<GroupEnding> {
  const child = spawn(
    options.node,
    [
      "--test",
      "--test-isolation=none",
      `--test-reporter=${reporter}`,
      "--test-reporter-destination=stdout",
      ...(options.namePattern === undefined ? [] : [`--test-name-pattern=${options.namePattern}`]),
      ...group.files,
    ],
    { cwd: options.repository, env: withoutContext(), stdio: ["ignore", "pipe", "pipe"] },
  );
  const printed: string[] = [];
  const keep = (line: string): void => {
    printed.push(line);
    if (printed.length > 200) printed.shift();
  };
  let hungSeconds: number | undefined;
  let failures = 0;
  const guard = (): NodeJS.Timeout => {
    const seconds = failures === 0 ? options.silenceSeconds : Math.min(options.silenceSeconds, silenceAfterFailure);
    return setTimeout(() => {
      hungSeconds = seconds;
      child.kill("SIGKILL");
    }, seconds * 1000);
  };
  let timer = guard();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const at = line.indexOf(recordSeparator);
    if (at === -1) return keep(line);
    if (at > 0) keep(line.slice(0, at));
    const report = JSON.parse(line.slice(at + 1)) as TestReport;
    if (report.outcome === "failed") failures += 1;
    clearTimeout(timer);
    timer = guard();
    options.onReport(report);
  });
  createInterface({ input: child.stderr }).on("line", keep);
  return new Promise((resolve) => {
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve({ trouble: String(error) });
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const tail = printed.slice(-40).join("\n");
      if (hungSeconds !== undefined) resolve({ trouble: `nothing was heard for ${hungSeconds} s\n${tail}` });
      else if (code !== 0 && failures === 0) {
        resolve({ trouble: `the process ended with ${code ?? signal}\n${tail}` });
      } else resolve({ trouble: undefined });
    });
  });
}

/** With it set, node:test takes the child for a part of a surrounding run and reports nothing. */
function withoutContext(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  return rest;
}
