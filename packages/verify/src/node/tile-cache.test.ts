import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { toHex } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createFileTileCache, sha256 } from "./index.ts";

const vkey = "log.example.com/a+00000000+AQ==";

function cacheIn(folder: string): ReturnType<typeof createFileTileCache> {
  let count = 0;
  return createFileTileCache({ folder, uniqueName: () => `u${(count += 1)}` });
}

test("keeps a tile under its path, of partial ones the widest, and none beside the full one", async (context) => {
  const folder = tempFolder(context);
  const cache = cacheIn(folder);
  const own = join(folder, toHex(sha256(new TextEncoder().encode(vkey))), "tile", "0", "x001");
  await cache.writeTile(vkey, "tile/0/x001/234.p/5", Uint8Array.of(5));
  await cache.writeTile(vkey, "tile/0/x001/234.p/17", Uint8Array.of(17));
  assert.deepEqual(await readdir(join(own, "234.p")), ["17"]);
  assert.equal(await cache.readTile(vkey, "tile/0/x001/234.p/5"), undefined);
  assert.deepEqual([...((await cache.readTile(vkey, "tile/0/x001/234.p/17")) ?? [])], [17]);
  await cache.writeTile(vkey, "tile/0/x001/234", Uint8Array.of(1));
  assert.deepEqual(await readdir(own), ["234"]);
  assert.equal(await cache.readTile("another", "tile/0/x001/234"), undefined);
});

test("a path that is no tile's never touches the disk", async (context) => {
  const folder = tempFolder(context);
  const cache = cacheIn(folder);
  await writeFile(join(folder, "secret"), "secret");
  await mkdir(join(folder, toHex(sha256(new TextEncoder().encode(vkey)))), { recursive: true });
  assert.equal(await cache.readTile(vkey, "../secret"), undefined);
  await cache.writeTile(vkey, "../secret", Uint8Array.of(1));
  await cache.writeTile(vkey, "tile/0/../../x", Uint8Array.of(1));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name === "x"),
    [],
  );
});

test("writers at once leave one whole tile", async (context) => {
  const folder = tempFolder(context);
  const cache = cacheIn(folder);
  const widths = Array.from({ length: 40 }, (_, i) => i + 1);
  await Promise.all(
    widths.map(async (width) => await cache.writeTile(vkey, `tile/0/000.p/${width}`, new Uint8Array(width))),
  );
  await cache.writeTile(vkey, "tile/0/000", new Uint8Array(256));
  assert.equal((await cache.readTile(vkey, "tile/0/000"))?.length, 256);
});
