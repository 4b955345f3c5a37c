import { AssayError } from "@assay/core";

/** Memory that all who read bodies at once share. */
export interface ByteBudget {
  /** For one body; disposing gives back all that it took. */
  open(): BudgetShare;
  /** What is taken now, bytes. */
  readonly takenBytes: number;
}

export interface BudgetShare extends Disposable {
  /** Throws NOT_READY, with when to come again, when more would be taken than there is. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

/** Others are done by then: what is large is sent within seconds. */
const retryAfterSeconds = 5;

/**
 * Nobody waits for bytes: who holds some while waiting for more would hold up everybody else who does. Clients send
 * again what was refused with 503.
 */
export function createByteBudget({ maxBytes }: { readonly maxBytes: number }): ByteBudget {
  let takenBytes = 0;
  return {
    get takenBytes() {
      return takenBytes;
    },
    open() {
      let ownBytes = 0;
      const giveBack = (bytes: number): void => {
        ownBytes -= bytes;
        takenBytes -= bytes;
      };
      return {
        take(bytes) {
          if (takenBytes + bytes > maxBytes)
            throw new AssayError("NOT_READY", {
              reason: "too much is being published at once; send it again",
              retryAfterSeconds,
            });
          ownBytes += bytes;
          takenBytes += bytes;
        },
        giveBack,
        [Symbol.dispose]: () => giveBack(ownBytes),
      };
    },
  };
}
