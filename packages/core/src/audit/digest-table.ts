/** What is kept for a digest: two whole numbers below 2^53. */
export interface DigestRow {
  readonly first: number;
  readonly second: number;
}

/**
 * A map from digests to two numbers, in typed arrays: 32 bytes a row at most half full, however many million there
 * are. Of a digest the first 16 bytes count; SHA-256 has no two inputs that anybody can find with those equal.
 */
export interface DigestTable {
  readonly size: number;
  get(digest: Uint8Array): DigestRow | undefined;
  set(digest: Uint8Array, first: number, second: number): void;
  clear(): void;
}

const wordsPerKey = 4;
const smallestCapacity = 1024;

export function createDigestTable(): DigestTable {
  let capacity = smallestCapacity;
  let { keys, values, used } = emptySlots(capacity);
  let size = 0;

  /** The slot that holds these words, or the free one where they belong. */
  function slotOf(words: Uint32Array): number {
    let slot = (words[0] ?? 0) % capacity;
    while (used[slot] === 1 && !holds(slot, words)) slot = (slot + 1) % capacity;
    return slot;
  }

  function holds(slot: number, words: Uint32Array): boolean {
    for (let i = 0; i < wordsPerKey; i++) if (keys[slot * wordsPerKey + i] !== words[i]) return false;
    return true;
  }

  function put(words: Uint32Array, first: number, second: number): void {
    const slot = slotOf(words);
    if (used[slot] === 0) {
      used[slot] = 1;
      keys.set(words, slot * wordsPerKey);
      size += 1;
    }
    values[slot * 2] = first;
    values[slot * 2 + 1] = second;
  }

  function empty(slots: number): void {
    capacity = slots;
    ({ keys, values, used } = emptySlots(slots));
    size = 0;
  }

  function resize(next: number): void {
    const [oldKeys, oldValues, oldUsed] = [keys, values, used];
    empty(next);
    for (let slot = 0; slot < oldUsed.length; slot++) {
      if (oldUsed[slot] === 0) continue;
      const words = oldKeys.subarray(slot * wordsPerKey, (slot + 1) * wordsPerKey);
      put(words, oldValues[slot * 2] ?? 0, oldValues[slot * 2 + 1] ?? 0);
    }
  }

  return {
    get size() {
      return size;
    },
    get(digest) {
      const slot = slotOf(wordsOf(digest));
      if (used[slot] === 0) return undefined;
      return { first: values[slot * 2] ?? 0, second: values[slot * 2 + 1] ?? 0 };
    },
    set(digest, first, second) {
      if (size * 2 >= capacity) resize(capacity * 2);
      put(wordsOf(digest), first, second);
    },
    clear: () => empty(smallestCapacity),
  };
}

function emptySlots(count: number): {
  readonly keys: Uint32Array;
  readonly values: Float64Array;
  readonly used: Uint8Array;
} {
  return {
    keys: new Uint32Array(count * wordsPerKey),
    values: new Float64Array(count * 2),
    used: new Uint8Array(count),
  };
}

function wordsOf(digest: Uint8Array): Uint32Array {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  return Uint32Array.from({ length: wordsPerKey }, (_, i) => view.getUint32(i * 4));
}
