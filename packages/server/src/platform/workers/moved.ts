import { Tinypool } from "tinypool";

/**
 * Marks the buffer that a task returns as moved instead of copied: `return moved(bytes)`. For use inside worker
 * files; the caller of `Workers.run` receives the plain Uint8Array. Only for a buffer that is whole (its view
 * covers it) and that the task does not touch again.
 */
export function moved(bytes: Uint8Array): Uint8Array {
  return Tinypool.move(bytes) as Uint8Array;
}
