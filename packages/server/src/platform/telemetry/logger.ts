import { pino, type DestinationStream } from "pino";
import type { Clock } from "../clock.ts";
import { redact, redactText } from "./redact.ts";
import type { LogFields, Logger } from "./telemetry.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `text`: one line a person can read. `json`: one JSON object a line, `time` in epoch milliseconds. */
  readonly format: "text" | "json";
}

/**
 * A logger that writes whole lines to `write`, which must not block and must not throw.
 * Everything is redacted on its way (`redact.ts`); control characters never reach a terminal.
 */
export function createLogger(
  deps: { readonly clock: Clock; readonly write: (line: string) => void },
  options: LoggerOptions,
): Logger {
  const destination: DestinationStream = {
    write: options.format === "json" ? deps.write : (line) => deps.write(formatLine(line)),
  };
  const lines = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":${deps.clock.now()}`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {},
      nestedKey: "",
    },
    destination,
  );
  const enabled = (level: LogLevel) => lines.isLevelEnabled(level);
  const line = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (!enabled(level)) return;
    const text = redactText(message);
    if (fields === undefined) lines[level](text);
    else lines[level](redact(fields), text);
  };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** `text` on a terminal, JSON elsewhere, unless it is said. */
export function chooseFormat(format: "auto" | "text" | "json", isTerminal: boolean): "text" | "json" {
  if (format !== "auto") return format;
  return isTerminal ? "text" : "json";
}

/** pino's JSON line → `12:00:00.000 warn  message  key=value …` and, after an error, its stack on lines of its own. */
function formatLine(json: string): string {
  const record = JSON.parse(json) as Record<string, unknown>;
  const { level, time, msg, ...fields } = record;
  const clockTime = new Date(typeof time === "number" ? time : 0).toISOString().slice(11, 23);
  const parts = [`${clockTime} ${String(level).padEnd(5)} ${typeof msg === "string" ? msg : ""}`];
  for (const [key, value] of Object.entries(fields)) {
    if (key === "error" && isErrorRecord(value)) parts.push(`error=${JSON.stringify(describeError(value))}`);
    else parts.push(`${key}=${typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`);
  }
  // A name from outside must not move the cursor or fake a second line.
  return `${parts.join("  ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd")}\n`;
}

function isErrorRecord(value: unknown): value is { message: unknown; cause?: unknown } {
  return typeof value === "object" && value !== null && "message" in value;
}

function describeError(error: { message: unknown; cause?: unknown }): string {
  const message = String(error.message);
  return isErrorRecord(error.cause) ? `${message} (${describeError(error.cause)})` : message;
}
