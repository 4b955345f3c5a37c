import { hash } from "node:crypto";

/** SHA-256 by Node's one-shot hash, the quickest one for short inputs. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
