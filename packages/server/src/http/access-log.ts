import { appendFile } from "node:fs/promises";
import type { Clock } from "../platform/clock.ts";
import type { Exchange } from "./exchange.ts";

/** Where finished lines go: a batch of whole JSON lines at a time. Never called again before it has resolved. */
export type AccessLogSink = (lines: string) => Promise<void>;

export interface AccessLogEntry {
  readonly atMs: number;
  readonly method: string;
  readonly route: string | undefined;
  readonly path: string | undefined;
  readonly status: number;
  readonly aborted: boolean;
  readonly bytes: number;
  readonly durationMs: number;
  readonly userAgent: string | undefined;
}

/** Batched and lossy under pressure: it never makes a request wait. */
export interface AccessLog {
  record(entry: AccessLogEntry): void;
  /** Writes what is held back. */
  flush(): Promise<void>;
}

const flushAfterMs = 200;
const flushBytes = 64 * 1024;
/** What may wait for a slow sink. Beyond it lines are dropped and counted. */
const heldBytes = 1024 * 1024;
const longestAgent = 200;
const longestPath = 300;

/**
 * One JSON line a request, written about every 200 ms or 64 KiB. When the sink is slower than the requests, lines
 * are dropped; the next batch starts with a line that says how many. A failing sink loses its batch.
 * A crash loses what was not flushed: at most the last 200 ms.
 */
export function createAccessLog(deps: { readonly clock: Clock; readonly sink: AccessLogSink }): AccessLog {
  let held: string[] = [];
  let size = 0;
  let dropped = 0;
  let armed = false;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    while (size > 0 || dropped > 0) {
      const note = dropped > 0 ? `${JSON.stringify({ "lines.dropped": dropped })}\n` : "";
      const batch = note + held.join("");
      held = [];
      size = 0;
      dropped = 0;
      try {
        await deps.sink(batch);
      } catch {
        // Telling the access log that the access log fails helps nobody; requests go on.
      }
    }
  };
  const flush = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  return {
    flush,
    record(entry) {
      if (size >= heldBytes) {
        dropped++;
        return;
      }
      const line = formatEntry(entry);
      held.push(line);
      size += line.length;
      if (size >= flushBytes) {
        void flush();
      } else if (!armed) {
        armed = true;
        void deps.clock.sleep(flushAfterMs).then(() => {
          armed = false;
          return flush();
        });
      }
    },
  };
}

function formatEntry(entry: AccessLogEntry): string {
  return `${JSON.stringify({
    time: entry.atMs,
    method: entry.method,
    route: entry.route,
    path: entry.path,
    status: entry.status,
    ...(entry.aborted ? { aborted: true } : {}),
    bytes: entry.bytes,
    "duration.ms": Math.round(entry.durationMs * 10) / 10,
    agent: entry.userAgent?.slice(0, longestAgent),
  })}\n`;
}

/** Query parameters that say how, never what or who. */
const safeParameters: ReadonlySet<string> = new Set(["write", "size", "from", "page", "perPage", "format"]);

/** npm's logout and token revocation carry a token in the path. */
const tokenPath = /^((?:\/-\/channel\/[^/]+)?\/-\/(?:user\/token|npm\/v1\/tokens\/token)\/).*$/;

/** The path as it may be logged; undefined when it was refused (it could hold anything) or the route keeps it secret. */
export function loggedPath(exchange: Pick<Exchange, "path" | "query" | "secretPath">): string | undefined {
  if (exchange.path === undefined || exchange.secretPath) return undefined;
  const path = exchange.path.replace(tokenPath, "$1[secret]").slice(0, longestPath);
  if (exchange.query === "") return path;
  const safe = exchange.query
    .split("&")
    .filter((part) => safeParameters.has(part.split("=", 1)[0] ?? "") && /^[A-Za-z]+=[A-Za-z0-9]{0,10}$/.test(part));
  return safe.length === 0 ? path : `${path}?${safe.join("&")}`;
}

/** `stdout`, or a file that is appended to. */
export function accessLogSink(target: string): (lines: string) => Promise<void> {
  if (target === "stdout") return (lines) => new Promise((resolve) => process.stdout.write(lines, () => resolve()));
  return (lines) => appendFile(target, lines, { mode: 0o600 });
}
