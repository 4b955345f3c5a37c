/** Run by files.test.ts and killed in the middle: stores blobs and prints the key of each when it is durable. */
import { createHash } from "node:crypto";
import { createSystemRandom } from "../system-random.ts";
import { createFileBlobStore } from "./files.ts";
import { blobKey } from "./key.ts";

const [, , folder = "", count = "1000000"] = process.argv;
const store = await createFileBlobStore({ random: createSystemRandom() }, { folder });
let next = 0;

async function caller(): Promise<void> {
  while (next < Number(count)) {
    next += 1;
    const bytes = new Uint8Array(100_000).fill(next % 256);
    new DataView(bytes.buffer).setUint32(0, next);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const key = blobKey("blob", "sha256", sha256);
    await store.put(key, bytes, { sizeBytes: bytes.byteLength, sha256 });
    process.stdout.write(`${key}\n`);
  }
}

await Promise.all([caller(), caller(), caller(), caller()]);
