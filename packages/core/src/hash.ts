/**
 * SHA-256 of all the bytes, synchronously: 32 bytes. Tree code takes one as its first parameter
 * (`crypto.hash` on Node, `sha256Portable` in browsers), because WebCrypto is asynchronous and, on the 65 bytes of
 * a tree node, far slower.
 */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const roundConstants: Uint32Array = fractions(64, Math.cbrt);
/** The same of the square roots of the first 8 primes (FIPS 180-4 §5.3.3). */
const initialState: Uint32Array = fractions(8, Math.sqrt);

/**
 * SHA-256 (FIPS 180-4) in plain JavaScript, for runtimes without a synchronous hash of their own.
 * Inputs up to 2^53 bits. Not constant-time: for public data.
 */
export function sha256Portable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const state = Uint32Array.from(initialState);
  const schedule = new Uint32Array(64);
  const whole = bytes.length - (bytes.length % 64);
  const blocks = new DataView(bytes.buffer, bytes.byteOffset, whole);
  for (let offset = 0; offset < whole; offset += 64) compress(state, schedule, blocks, offset);

  const rest = bytes.subarray(whole);
  const tail = new Uint8Array(rest.length < 56 ? 64 : 128);
  tail.set(rest);
  tail[rest.length] = 0x80;
  const last = new DataView(tail.buffer);
  last.setUint32(tail.length - 8, Math.floor(bytes.length / 0x2000_0000));
  last.setUint32(tail.length - 4, (bytes.length * 8) % 0x1_0000_0000);
  for (let offset = 0; offset < tail.length; offset += 64) compress(state, schedule, last, offset);

  const digest = new Uint8Array(32);
  const view = new DataView(digest.buffer);
  state.forEach((word, i) => view.setUint32(4 * i, word));
  return digest;
}

/** One block (FIPS 180-4 §6.2.2). */
function compress(state: Uint32Array, schedule: Uint32Array, blocks: DataView, offset: number): void {
  for (let t = 0; t < 16; t++) schedule[t] = blocks.getUint32(offset + 4 * t);
  for (let t = 16; t < 64; t++) {
    const w15 = at(schedule, t - 15);
    const w2 = at(schedule, t - 2);
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    schedule[t] = at(schedule, t - 16) + s0 + at(schedule, t - 7) + s1;
  }

  let a = at(state, 0);
  let b = at(state, 1);
  let c = at(state, 2);
  let d = at(state, 3);
  let e = at(state, 4);
  let f = at(state, 5);
  let g = at(state, 6);
  let h = at(state, 7);
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + sum1 + choice + at(roundConstants, t) + at(schedule, t)) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + sum0 + majority) | 0;
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = at(state, i) + word;
}

/** A word of an array; every index in this file is inside it. */
function at(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const words = new Uint32Array(count);
  let found = 0;
  for (let candidate = 2; found < count; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) {
      if (candidate % divisor === 0) prime = false;
    }
    if (!prime) continue;
    const value = root(candidate);
    words[found] = Math.floor((value - Math.floor(value)) * 0x1_0000_0000);
    found += 1;
  }
  return words;
}
