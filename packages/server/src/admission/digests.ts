import { createHash, hash } from "node:crypto";
import type { Sha256 } from "@assay/core";
import type { Download } from "./download.ts";

/** SHA-256 as `@assay/core` takes it. */
export const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

/** SHA-256 of a download, lower-case hex. */
export async function sha256Of(download: Download): Promise<string> {
  const running = createHash("sha256");
  for await (const chunk of download.chunks()) running.update(chunk);
  return running.digest("hex");
}
