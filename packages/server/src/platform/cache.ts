import { LRUCache } from "lru-cache";

/** A cache bounded by the bytes that its values say they hold; the least recently used go first. */
export interface ByteCache<Value extends object> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  readonly sizeBytes: number;
}

/** `sizeOf` answers bytes, at least 1. A value above a quarter of `maxBytes` is not kept. */
export function createByteCache<Value extends object>(options: {
  readonly maxBytes: number;
  readonly sizeOf: (value: Value) => number;
}): ByteCache<Value> {
  const entries = new LRUCache<string, Value>({
    maxSize: options.maxBytes,
    maxEntrySize: Math.ceil(options.maxBytes / 4),
    sizeCalculation: options.sizeOf,
  });
  return {
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    get sizeBytes() {
      return entries.calculatedSize;
    },
  };
}
