import { randomFillSync } from "node:crypto";
import type { Random } from "./random.ts";

/** The operating system's cryptographic randomness. */
export function createSystemRandom(): Random {
  const bytes = (count: number): Uint8Array => randomFillSync(new Uint8Array(count));
  return {
    bytes,
    fraction: () => new DataView(bytes(4).buffer).getUint32(0) / 2 ** 32,
  };
}
