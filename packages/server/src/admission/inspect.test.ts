import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { manyEntriesArchive } from "@assay/testkit/hostile-archives";
import { packageTgz } from "@assay/testkit/tarball";
import { createWorkers, type Workers } from "../platform/workers/workers.ts";
import { inspect } from "./inspect.ts";
import type { InspectInput } from "./inspect-archive.ts";

const manifest = { name: "left", version: "1.0.0" };
const limits = { unpackedBytes: 1024 ** 3, entries: 10_000 };

function input(source: Uint8Array): InspectInput {
  const subject = { name: parsePackageName("left"), version: parseVersion("1.0.0"), manifest };
  return { ...subject, source, sizeBytes: source.byteLength, limits };
}

describe("inspection", () => {
  const workers = createWorkers({ maxThreads: 1, idleMs: 1000, maxHeapMiB: 256 });
  after(() => workers[Symbol.asyncDispose]());
  let threads = 0;
  const counted: Workers = {
    run: (task, given, transfer) => {
      threads += 1;
      return workers.run(task, given, transfer);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const small = packageTgz(manifest, { "index.js": "1" });
  const large = packageTgz(manifest, { "index.js": Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))) });

  test("reads what is large in a thread, and what is small at once, with the same outcome", async () => {
    const here = await inspect({ workers: counted }, input(small), 100);
    assert.equal(threads, 0);
    assert.deepEqual(await inspect({ workers: counted }, input(small), 100_000), here);
    assert.equal(threads, 1, "a long manifest takes time to compare");
    await inspect({ workers: counted }, input(large), 100);
    assert.equal(threads, 2);
  });

  test("refuses from a thread as it refuses at once", async () => {
    const hostile = input(manyEntriesArchive(manifest, 10_001));
    for (const length of [0, 100_000]) {
      await assert.rejects(inspect({ workers }, hostile, length), (error) => {
        assert.ok(isAssayError(error, "BLOCKED"));
        return error.details.rule === "archive/too-many-entries";
      });
    }
  });
});
