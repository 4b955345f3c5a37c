import { moved } from "./moved.ts";

/** Tasks for workers.test.ts only. */
export function double(input: number): number {
  return input * 2;
}

export function refuse(input: string): never {
  throw new TypeError(`refused ${input}`);
}

export function reverse(bytes: Uint8Array): Uint8Array {
  return moved(new Uint8Array(bytes.toReversed()));
}

export function hoard(): number {
  const hoarded: string[][] = [];
  for (;;) hoarded.push(new Array<string>(100_000).fill(String(hoarded.length)));
}
