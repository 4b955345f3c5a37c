import { AssayError } from "@assay/core";

/** Memory that all who read bodies at once share. */
export interface ByteBudget {
  /** For one body of this sender; disposing gives back all that it took. */
  open(sender: string): BudgetShare;
  /** What is taken now, bytes. */
  readonly takenBytes: number;
}

export interface BudgetShare extends Disposable {
  /**
   * Throws NOT_READY, with when to come again, when more would be taken than there is, or than is for one sender. Where
   * there is too little, bodies that arrive slowly make room first.
   */
  take(bytes: number): void;
  giveBack(bytes: number): void;
  /** So many bytes of the body came in. */
  arrived(bytes: number): void;
  /** The body is here whole: it makes room for nobody any more. */
  complete(): void;
  /** Aborted with NOT_READY when it made room for others; what it took is given back then. */
  readonly signal: AbortSignal;
}

export interface ByteBudgetOptions {
  readonly clock: { monotonicMs(): number };
  readonly maxBytes: number;
  /** Of all bodies of one sender: nobody takes what is for the others. */
  readonly maxBytesOfOne: number;
}

interface Share {
  readonly sender: string;
  ownBytes: number;
  isArriving: boolean;
  /** Of the time that is counted now, and the bytes that came in it; of the one before, bytes a second. */
  sinceMs: number;
  arrivedBytes: number;
  rateBefore: number;
  readonly stop: AbortController;
}

/** Others are done by then: what is large is sent within seconds. */
const retryAfterSeconds = 5;
/** Over which the rate of a body is judged, and below which it is slow where others wait: 1 Mbit a second. */
const judgedMs = 5000;
const slowBytesPerSecond = 128 * 1024;

const isTooMuch = (): AssayError<"NOT_READY"> =>
  new AssayError("NOT_READY", { reason: "too much is being published at once; send it again", retryAfterSeconds });

/**
 * Nobody waits for bytes: who holds some while waiting for more would hold up everybody else who does. Clients send
 * again what was refused with 503. Nor does anybody keep others from publishing by sending slowly: as long as there is
 * room, a body may take its time.
 */
export function createByteBudget({ clock, maxBytes, maxBytesOfOne }: ByteBudgetOptions): ByteBudget {
  let takenBytes = 0;
  const takenBy = new Map<string, number>();
  const shares = new Set<Share>();

  function add(share: Share, bytes: number): void {
    share.ownBytes += bytes;
    takenBytes += bytes;
    const left = (takenBy.get(share.sender) ?? 0) + bytes;
    if (left === 0) takenBy.delete(share.sender);
    else takenBy.set(share.sender, left);
  }

  function end(share: Share): void {
    shares.delete(share);
    add(share, -share.ownBytes);
  }

  /** Bytes a second, of the last whole time that is judged and what has begun since; undefined: it is too young. */
  function rateOf(share: Share): number | undefined {
    const passedMs = clock.monotonicMs() - share.sinceMs;
    const rate = (share.arrivedBytes / Math.max(passedMs, 1)) * 1000;
    if (passedMs >= judgedMs) return rate;
    return share.rateBefore === Infinity ? undefined : Math.max(rate, share.rateBefore);
  }

  /** Ends slow bodies, the slowest first, until there is room; none where all of them are not enough. */
  function makeRoom(bytes: number, wanting: Share): void {
    const slow = [...shares].flatMap((share) => {
      const rate = share === wanting || !share.isArriving || share.ownBytes === 0 ? undefined : rateOf(share);
      return rate === undefined || rate >= slowBytesPerSecond ? [] : [{ share, rate }];
    });
    const all = slow.reduce((sum, { share }) => sum + share.ownBytes, 0);
    if (takenBytes - all + bytes > maxBytes) return;
    for (const { share } of slow.toSorted((one, other) => one.rate - other.rate)) {
      if (takenBytes + bytes <= maxBytes) return;
      end(share);
      share.stop.abort(isTooMuch());
    }
  }

  return {
    get takenBytes() {
      return takenBytes;
    },
    open(sender) {
      const share: Share = {
        sender,
        ownBytes: 0,
        isArriving: true,
        sinceMs: clock.monotonicMs(),
        arrivedBytes: 0,
        rateBefore: Infinity,
        stop: new AbortController(),
      };
      shares.add(share);
      return {
        signal: share.stop.signal,
        take(bytes) {
          share.stop.signal.throwIfAborted();
          if ((takenBy.get(sender) ?? 0) + bytes > maxBytesOfOne) throw isTooMuch();
          if (takenBytes + bytes > maxBytes) makeRoom(bytes, share);
          if (takenBytes + bytes > maxBytes) throw isTooMuch();
          add(share, bytes);
        },
        giveBack(bytes) {
          if (shares.has(share)) add(share, -bytes);
        },
        arrived(bytes) {
          const nowMs = clock.monotonicMs();
          share.arrivedBytes += bytes;
          if (nowMs - share.sinceMs < judgedMs) return;
          share.rateBefore = (share.arrivedBytes / (nowMs - share.sinceMs)) * 1000;
          share.sinceMs = nowMs;
          share.arrivedBytes = 0;
        },
        complete() {
          share.isArriving = false;
        },
        [Symbol.dispose]() {
          if (shares.has(share)) end(share);
        },
      };
    },
  };
}
