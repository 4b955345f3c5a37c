/**
 * A node:test reporter for `tools/test.ts`: one line of JSON for each finished test, after a record separator
 * (RFC 7464), so that it can be told from what tests print themselves.
 */

/** What the runner is told about one finished test. */
export interface TestReport {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly name: string;
  /** Absolute path of the test file. */
  readonly file: string;
  readonly milliseconds: number;
  /** Why it was skipped, or how it failed. */
  readonly reason: string;
}

/** Stands before each report. */
export const recordSeparator = "\u001e";

interface TestEvent {
  readonly type: string;
  readonly data?: {
    readonly name?: string;
    readonly file?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly duration_ms?: number;
      readonly error?: { readonly message?: string; readonly cause?: unknown };
    };
  };
}

// node:test loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if ((type !== "test:pass" && type !== "test:fail") || data === undefined) continue;
    const failed = type === "test:fail" && data.todo === undefined;
    // A suite fails with its tests; only what a suite's own hook broke is news.
    if (data.details?.type === "suite" && !(failed && isHookFailure(data.details.error))) continue;
    const skip = data.skip ?? data.todo;
    const report: TestReport = {
      outcome: failed ? "failed" : skip === undefined ? "passed" : "skipped",
      name: data.name ?? "?",
      file: data.file ?? "",
      milliseconds: data.details?.duration_ms ?? 0,
      reason: failed ? describe(data.details?.error) : typeof skip === "string" ? skip : "",
    };
    yield `${recordSeparator}${JSON.stringify(report)}\n`;
  }
}

function isHookFailure(error: { readonly cause?: unknown } | undefined): boolean {
  const failureType = (error as { failureType?: string } | undefined)?.failureType;
  return failureType !== "subtestsFailed";
}

function describe(error: { readonly message?: string; readonly cause?: unknown } | undefined): string {
  const cause = error?.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === "string" ? cause : (error?.message ?? "failed");
}
