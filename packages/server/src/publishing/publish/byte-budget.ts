import { AssayError } from "@assay/core";

/** Memory that all who read bodies at once share. */
export interface ByteBudget {
  /** For one body of this sender; disposing gives back all that it took. */
  open(sender: string): BudgetShare;
  /** What is taken now, bytes. */
  readonly takenBytes: number;
}

export interface BudgetShare extends Disposable {
  /** Throws NOT_READY, with when to come again, when more would be taken than there is, or than is for one sender. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

/** Others are done by then: what is large is sent within seconds. */
const retryAfterSeconds = 5;

/**
 * Nobody waits for bytes: who holds some while waiting for more would hold up everybody else who does. Clients send
 * again what was refused with 503.
 */
export function createByteBudget({
  maxBytes,
  maxBytesOfOne,
}: {
  readonly maxBytes: number;
  /** Of all bodies of one sender: nobody takes what is for the others. */
  readonly maxBytesOfOne: number;
}): ByteBudget {
  let takenBytes = 0;
  const takenBy = new Map<string, number>();
  return {
    get takenBytes() {
      return takenBytes;
    },
    open(sender) {
      let ownBytes = 0;
      const add = (bytes: number): void => {
        ownBytes += bytes;
        takenBytes += bytes;
        const left = (takenBy.get(sender) ?? 0) + bytes;
        if (left === 0) takenBy.delete(sender);
        else takenBy.set(sender, left);
      };
      return {
        take(bytes) {
          if (takenBytes + bytes > maxBytes || (takenBy.get(sender) ?? 0) + bytes > maxBytesOfOne)
            throw new AssayError("NOT_READY", {
              reason: "too much is being published at once; send it again",
              retryAfterSeconds,
            });
          add(bytes);
        },
        giveBack: (bytes) => add(-bytes),
        [Symbol.dispose]: () => add(-ownBytes),
      };
    },
  };
}
