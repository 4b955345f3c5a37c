import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { findingDocument } from "./finding-document.ts";
import { markPosted, unpostedFindings } from "./store-findings.ts";

export interface WebhookDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly fetch: typeof fetch;
}

const timeoutMs = 15_000;
const firstPauseMs = 1000;
const lastPauseMs = 300_000;
const batch = 50;
/** Larger evidence is left where it is; its digest stands in its place. */
const maxEvidenceCharacters = 256 * 1024;

/**
 * Posts every finding that was not posted yet to all webhooks, oldest first; one that does not answer 2xx gets it again
 * later, so a finding may arrive more than once. Answers how many wait. Each is marked once all have taken it: a crash
 * between repeats it.
 */
export async function postFindings(
  deps: WebhookDependencies,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (urls.length === 0) return 0;
  for (;;) {
    const waiting = await unpostedFindings(deps.database.read, batch);
    for (const finding of waiting) {
      const body = JSON.stringify(findingDocument(finding, maxEvidenceCharacters));
      const taken = await Promise.all(urls.map((url) => post(deps, url, body, signal)));
      if (taken.includes(false)) return waiting.length;
      await deps.database.write((transaction) => markPosted(transaction, finding.id, deps.clock.now()));
    }
    if (waiting.length < batch) return 0;
  }
}

/** `postFindings` until the signal is aborted, with pauses that grow while a webhook does not take them. */
export async function runWebhooks(
  deps: WebhookDependencies,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const waiting = await postFindings(deps, urls, signal);
    pauseMs = waiting === 0 ? firstPauseMs : Math.min(lastPauseMs, pauseMs * 2);
    await deps.clock.sleep(pauseMs, signal).catch(() => {});
  }
}

async function post(
  { fetch, telemetry, clock }: WebhookDependencies,
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<boolean> {
  const done = new AbortController();
  const enough = new AbortController();
  void clock.sleep(timeoutMs, done.signal).then(
    () => enough.abort(),
    () => {},
  );
  let problem: string;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, enough.signal]),
    });
    await response.body?.cancel();
    if (response.ok) return true;
    problem = `status ${response.status}`;
  } catch {
    problem = "no answer";
  } finally {
    done.abort();
  }
  // The path and query of a webhook are its password.
  if (!signal.aborted)
    telemetry.log.warn("a webhook did not take a finding; it gets it again", {
      "webhook.host": new URL(url).host,
      problem,
    });
  return false;
}
