import { isAssayError } from "@assay/core";

/** One line of `assay doctor`. */
export interface DoctorFinding {
  /** Stable name of the check: `disk`, `log`. */
  readonly check: string;
  readonly outcome: "ok" | "warning" | "error";
  /** What was found, one sentence. */
  readonly message: string;
  /** What to do about it; absent when all is well. */
  readonly advice?: string;
}

export function fine(check: string, message: string): DoctorFinding {
  return { check, outcome: "ok", message };
}

export function warning(check: string, message: string, advice: string): DoctorFinding {
  return { check, outcome: "warning", message, advice };
}

export function failed(check: string, message: string, advice: string): DoctorFinding {
  return { check, outcome: "error", message, advice };
}

export function messageOf(error: unknown): string {
  if (isAssayError(error)) return error.message;
  return error instanceof Error ? error.message : String(error);
}
