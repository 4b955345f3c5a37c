import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { integrityHex, parseIntegrity, type Integrity } from "@assay/core";
import { packageTgz } from "@assay/testkit/tarball";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createFileBlobStore } from "../../platform/blobs/files.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { Spool } from "../../platform/blobs/spool.ts";
import { createSystemRandom } from "../../platform/system-random.ts";
import type { Workers } from "../../platform/workers/workers.ts";
import { createArchiveLists } from "./archive-lists.ts";

/** Nothing here outgrows memory, or needs a thread. */
const unneeded = { spool: {} as Spool, workers: {} as Workers };

test("an archive is read once, however many look at it, and again only when others have taken its place", async (t) => {
  const blobs = await createFileBlobStore({ random: createSystemRandom() }, { folder: join(tempFolder(t), "blobs") });
  let opened = 0;
  const counting: typeof blobs = { ...blobs, open: (...asked) => ((opened += 1), blobs.open(...asked)) };
  const store = async (count: number, tag: string): Promise<Integrity> => {
    const files = Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}.js`, tag]));
    const bytes = packageTgz({ name: "x", version: "1.0.0" }, files);
    const sha512 = createHash("sha512").update(bytes);
    const integrity = parseIntegrity(`sha512-${sha512.digest("base64")}`);
    await blobs.put(blobKey("tarball", "sha512", integrityHex(integrity)), bytes, { sizeBytes: bytes.byteLength });
    return integrity;
  };
  const lists = createArchiveLists({ ...unneeded, blobs: counting }, { unpackedBytes: 1e8, entries: 1000 }, 500);

  const small = await store(2, "small");
  const seen = await Promise.all([1, 2, 3].map(() => lists.of(small)));
  assert.deepEqual(seen[0]?.map(({ path }) => path).toSorted(), ["f0.js", "f1.js", "package.json"]);
  await lists.of(small);
  assert.equal(opened, 1);

  const [first, second] = [await store(300, "a"), await store(439, "b")];
  await lists.of(first);
  await lists.of(small);
  await lists.of(second);
  assert.equal(opened, 3);
  await lists.of(small);
  assert.equal(opened, 3, "it was asked for lately");
  await lists.of(first);
  assert.equal(opened, 4, "it was not");
});

test("an archive that is not stored is asked for again", async (t) => {
  const blobs = await createFileBlobStore({ random: createSystemRandom() }, { folder: join(tempFolder(t), "blobs") });
  const lists = createArchiveLists({ ...unneeded, blobs }, { unpackedBytes: 1e6, entries: 100 });
  const bytes = packageTgz({ name: "x", version: "1.0.0" });
  const integrity = parseIntegrity(`sha512-${createHash("sha512").update(bytes).digest("base64")}`);
  await assert.rejects(lists.of(integrity), { code: "BLOB_CORRUPT" });
  await blobs.put(blobKey("tarball", "sha512", integrityHex(integrity)), bytes, { sizeBytes: bytes.byteLength });
  assert.equal((await lists.of(integrity)).length, 1);
});
