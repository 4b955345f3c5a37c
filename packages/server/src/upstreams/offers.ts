import { isAssayError, type PackageName, type Version } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import { NetworkError, type RequestOptions, type UpstreamResponse } from "../platform/network/network.ts";
import type { Latency } from "./latency.ts";
import type { Source } from "./sources.ts";
import type { Standing } from "./standing.ts";
import { networkFailure, statusError, type TarballError } from "./tarball-failure.ts";

/** One source's bytes on their way; nobody has looked at them yet. */
export interface TarballOffer {
  readonly source: string;
  /** Status 200. */
  readonly response: UpstreamResponse;
}

/** The sources of one tarball, asked one after the other until bytes are found that are right. */
export interface TarballOffers {
  /**
   * The next answer; undefined when nobody is left to ask. A source that keeps silent gets company: the next one is
   * asked too, whoever answers first is taken, and the other is asked again only if that turns out to be nothing.
   * Never throws for what a source does.
   */
  next(): Promise<TarballOffer | undefined>;
  /** Says what became of an offer: undefined when its bytes came whole, else why not. */
  settle(offer: TarballOffer, failure: TarballError | undefined): void;
  /** Of the sources that did not deliver, in the order in which that turned out. */
  readonly failures: readonly TarballError[];
  /** Ends what is still under way. */
  [Symbol.dispose](): void;
}

export interface OffersDeps {
  readonly clock: Clock;
  readonly latency: Latency;
  readonly standing: Pick<Standing, "failed" | "delivered">;
  /** Counts what became of a request for a tarball. */
  readonly count: (alias: string, outcome: string) => void;
}

export interface Hunt {
  readonly name: PackageName;
  readonly version: Version;
  /** In the order in which to ask. */
  readonly sources: readonly Source[];
  /** Asks the second source as soon as the first is later than it usually is, not only when it is silent for long. */
  readonly isImpatient: boolean;
  readonly signal: AbortSignal;
  readonly open: (
    source: Source,
    options: Pick<RequestOptions, "signal" | "tries" | "idleMs">,
  ) => Promise<UpstreamResponse>;
}

/** Silence of this length is a failure to be worked around while others are left. */
const patienceMs = 5_000;
const leastHedgeMs = 50;

interface Attempt {
  readonly source: Source;
  readonly startedMs: number;
  readonly abort: AbortController;
  readonly ended: Promise<Ended>;
}

type Ended =
  | { readonly attempt: Attempt; readonly response: UpstreamResponse }
  | { readonly attempt: Attempt; readonly failure: TarballError };

export function createOffers({ clock, latency, standing, count }: OffersDeps, hunt: Hunt): TarballOffers {
  const { name, version, signal } = hunt;
  const queue = [...hunt.sources];
  const running = new Set<Attempt>();
  const failures: TarballError[] = [];

  function start(source: Source): void {
    const abort = new AbortController();
    const startedMs = clock.monotonicMs();
    const isLast = queue.length === 0;
    const ended = ask(source, AbortSignal.any([signal, abort.signal]), isLast).then((answer): Ended => ({
      attempt,
      ...answer,
    }));
    const attempt: Attempt = { source, startedMs, abort, ended };
    running.add(attempt);
  }

  async function ask(source: Source, both: AbortSignal, isLast: boolean) {
    const alias = source.config.name;
    try {
      // While others are left nobody waits for a source that fails or stalls.
      const limits = isLast ? {} : { tries: 1, idleMs: patienceMs };
      const response = await hunt.open(source, { signal: both, ...limits });
      if (response.status === 200) return { response };
      response.body.destroy();
      return { failure: statusError(alias, response.status, name, version) };
    } catch (error) {
      if (error instanceof NetworkError) return { failure: networkFailure(alias, error) };
      if (isAssayError(error, "UPSTREAM_BAD_ANSWER")) return { failure: error };
      throw error;
    }
  }

  /** How long to wait for this attempt before the next source is asked too. */
  function hedgeMs({ source }: Attempt): number {
    const usual = hunt.isImpatient ? latency.p95Ms(source.config.name) : undefined;
    return Math.min(Math.max(usual ?? patienceMs, leastHedgeMs), patienceMs);
  }

  /** The first attempt that ends, or undefined when it is time to ask one more. */
  async function firstOf(): Promise<Ended | undefined> {
    const ended = [...running].map((attempt) => attempt.ended);
    const newest = [...running].at(-1);
    if (queue.length === 0 || newest === undefined) return await Promise.race(ended);
    const timer = new AbortController();
    const waitMs = Math.max(0, newest.startedMs + hedgeMs(newest) - clock.monotonicMs());
    const silence = clock.sleep(waitMs, timer.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([...ended, silence]);
    } finally {
      timer.abort();
    }
  }

  /** The others may still be asked, before those that were not. */
  function standDown(): void {
    for (const attempt of [...running].reverse()) {
      const { source, startedMs } = attempt;
      const waitedMs = clock.monotonicMs() - startedMs;
      latency.record(source.config.name, waitedMs);
      if (waitedMs >= patienceMs) standing.failed(source.config.name);
      count(source.config.name, "overtaken");
      queue.unshift(source);
      cancel(attempt);
    }
  }

  function cancel(attempt: Attempt): void {
    running.delete(attempt);
    attempt.abort.abort();
    void attempt.ended.then(
      (late) => void ("response" in late && late.response.body.destroy()),
      () => {},
    );
  }

  function lose({ config }: Source, failure: TarballError): void {
    failures.push(failure);
    count(config.name, outcomes[failure.code]);
    if (failure.code === "UPSTREAM_UNAVAILABLE") standing.failed(config.name);
  }

  return {
    failures,
    async next() {
      for (;;) {
        if (running.size === 0) {
          const source = queue.shift();
          if (source === undefined) return undefined;
          start(source);
        }
        const ended = await firstOf();
        if (ended === undefined) {
          const another = queue.shift();
          if (another !== undefined) start(another);
          continue;
        }
        const { attempt } = ended;
        running.delete(attempt);
        if ("failure" in ended) {
          if (signal.aborted) throw ended.failure;
          lose(attempt.source, ended.failure);
          continue;
        }
        latency.record(attempt.source.config.name, clock.monotonicMs() - attempt.startedMs);
        standDown();
        return { source: attempt.source.config.name, response: ended.response };
      }
    },
    settle({ source, response }, failure) {
      if (failure === undefined) {
        standing.delivered(source);
        count(source, "delivered");
        return;
      }
      response.body.destroy();
      const asked = hunt.sources.find(({ config }) => config.name === source);
      if (asked !== undefined) lose(asked, failure);
    },
    [Symbol.dispose]() {
      for (const attempt of running) cancel(attempt);
    },
  };
}

const outcomes: Readonly<Record<TarballError["code"], string>> = {
  NOT_FOUND: "missing",
  UPSTREAM_UNAVAILABLE: "unavailable",
  UPSTREAM_BAD_ANSWER: "refused",
  UPSTREAM_WRONG_BYTES: "wrong-bytes",
};
