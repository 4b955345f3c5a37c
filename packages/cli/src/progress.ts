import type { CliContext } from "./context.ts";

/** A bar for one piece of work of known size. */
export interface Progress {
  /** `done` of `total`; `latest` is shown beside the bar. Cheap: draws at most ten times a second. */
  update(done: number, total: number, latest: string): void;
  /** Takes the bar away. */
  end(): void;
}

const showAfterMs = 1_000;
const redrawMs = 100;
const barWidth = 24;
const clearLine = "\r\u001b[K";

/**
 * A progress bar on stderr, only where that is a terminal, and only once the work has taken a second: what is
 * quick stays quiet, and a log file never holds a bar.
 */
export function createProgress(context: Pick<CliContext, "stderr" | "clock">, label: string): Progress {
  const { stderr, clock } = context;
  if (stderr.isTTY !== true) return { update: () => {}, end: () => {} };
  const startedMs = clock.monotonicMs();
  let drawnMs = -Infinity;
  let isShown = false;
  return {
    update(done, total, latest) {
      const now = clock.monotonicMs();
      if (now - startedMs < showAfterMs || now - drawnMs < redrawMs) return;
      drawnMs = now;
      isShown = true;
      stderr.write(`${clearLine}${line(label, done, total, latest, stderr.columns ?? 80)}`);
    },
    end() {
      if (isShown) stderr.write(clearLine);
      isShown = false;
    },
  };
}

/** One line of the bar, never wider than the terminal. */
function line(label: string, done: number, total: number, latest: string, columns: number): string {
  const share = total === 0 ? 1 : Math.min(done / total, 1);
  const filled = Math.round(share * barWidth);
  const bar = `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
  return `${label} ${bar} ${done}/${total} ${latest}`.slice(0, Math.max(columns - 1, 1));
}
