import type { Random } from "@assay/server/platform/random";

/** The same sequence for the same seed (a 32-bit number), every run. For tests only: it can be guessed. */
export function createSeededRandom(seed = 1): Random {
  let state = seed >>> 0;
  // splitmix32: every seed, 0 included, gives a full-period sequence.
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
    fraction: () => next() / 2 ** 32,
  };
}
