import assert from "node:assert/strict";
import { link, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createFileCheckpointStore } from "./checkpoint-store.ts";

const vkey = "log.example.com/x+00000000+AAAA";

async function newStore(context: TestContext): Promise<{
  readonly folder: string;
  readonly open: () => ReturnType<typeof createFileCheckpointStore>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "assay-state-"));
  context.after(() => rm(folder, { recursive: true }));
  let count = 0;
  return {
    folder,
    open: () => createFileCheckpointStore({ folder, uniqueName: () => String((count += 1)) }),
  };
}

test("keeps one checkpoint a key, over processes", async (context) => {
  const { open } = await newStore(context);
  assert.equal(await open().readCheckpoint(vkey), undefined);
  assert.equal(await open().swapCheckpoint(vkey, undefined, "one\n"), true);
  assert.equal(await open().swapCheckpoint(vkey, "one\n", "two\n"), true);
  assert.equal(await open().readCheckpoint(vkey), "two\n");
  assert.equal(await open().readCheckpoint(`${vkey}x`), undefined);
});

test("refuses a swap from another value than the stored one", async (context) => {
  const { open } = await newStore(context);
  const store = open();
  await store.swapCheckpoint(vkey, undefined, "one\n");
  assert.equal(await store.swapCheckpoint(vkey, undefined, "other\n"), false);
  assert.equal(await store.swapCheckpoint(vkey, "zero\n", "other\n"), false);
  assert.equal(await store.readCheckpoint(vkey), "one\n");
});

test("of many swaps from one value exactly one wins, and no file is left over", async (context) => {
  const { folder, open } = await newStore(context);
  for (let round = 0; round < 5; round += 1) {
    const previous = await open().readCheckpoint(vkey);
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) => open().swapCheckpoint(vkey, previous, `${round}-${i}\n`)),
    );
    const winners = results.flatMap((won, i) => (won ? [`${round}-${i}\n`] : []));
    assert.deepEqual(winners, [await open().readCheckpoint(vkey)]);
  }
  const [inner = ""] = await readdir(folder);
  assert.equal((await readdir(join(folder, inner))).length, 1);
});

test("what a crash leaves behind changes nothing: an unfinished file, an older generation", async (context) => {
  const { folder, open } = await newStore(context);
  const store = open();
  await store.swapCheckpoint(vkey, undefined, "one\n");
  await store.swapCheckpoint(vkey, "one\n", "two\n");
  const inner = join(folder, (await readdir(folder))[0] ?? "");
  await writeFile(join(inner, ".new-crashed"), "tw");
  await link(join(inner, ".new-crashed"), join(inner, "1"));
  assert.equal(await store.readCheckpoint(vkey), "two\n");
  assert.equal(await store.swapCheckpoint(vkey, "two\n", "three\n"), true);
  assert.equal(await store.readCheckpoint(vkey), "three\n");
});
