import { AssayError, MisbehaviourError, isAssayError, type ErrorCode } from "@assay/core";
import type { CliContext, ExitCode } from "./context.ts";

/** Something about how the command was called: exit code 2. */
export function wrongUse(reason: string): AssayError<"USAGE"> {
  return new AssayError("USAGE", { reason });
}

/** What the caller gave cannot be used, as opposed to a check that failed. */
const wrongUseCodes: readonly ErrorCode[] = ["USAGE", "CONFIG", "BAD_FORMAT", "BAD_NAME", "BAD_VERSION", "NOT_FOUND"];

/**
 * Tells the user what went wrong, once, and answers the exit code. With `json` an object on stdout, else a
 * sentence on stderr; evidence against a log is always printed whole.
 */
export function reportError(context: Pick<CliContext, "stdout" | "stderr">, error: unknown, json: boolean): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const code = isAssayError(error) ? error.code : nameOf(error);
    const evidence = evidenceOf(error);
    const answer = { ok: false, error: { code, message, ...(evidence === undefined ? {} : { evidence }) } };
    context.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } else {
    context.stderr.write(`assay: ${message}\n`);
    const evidence = evidenceOf(error);
    if (evidence !== undefined) context.stderr.write(evidenceText(evidence));
  }
  if (isFault(error)) context.stderr.write(`${error.stack ?? ""}\n`);
  return isAssayError(error) && wrongUseCodes.includes(error.code) ? 2 : 1;
}

/** A fault of the program itself: who reports it needs the place. A file that cannot be written is none. */
function isFault(error: unknown): error is Error {
  const isKnown = isAssayError(error) || error instanceof MisbehaviourError;
  return !isKnown && error instanceof Error && !("code" in error);
}

function nameOf(error: unknown): string {
  return error instanceof MisbehaviourError ? "MISBEHAVIOUR" : "FAILED";
}

function evidenceOf(error: unknown): Readonly<Record<string, string>> | undefined {
  if (error instanceof MisbehaviourError) return error.evidence;
  return isAssayError(error, "LOG_REFUSED") ? error.details.evidence : undefined;
}

function evidenceText(evidence: Readonly<Record<string, string>>): string {
  const parts = Object.entries(evidence).map(
    ([name, text]) => `--- ${name} ---\n${text}${text.endsWith("\n") ? "" : "\n"}`,
  );
  return `\nEvidence (keep it):\n${parts.join("")}--- end ---\n`;
}
