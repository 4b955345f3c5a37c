import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { encodeUtf8, parsePackageName, parseVersion, tilePath, tilesAt } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { boundLog } from "../../test/checking.ts";
import { follow, followWorld } from "../../test/follow-world.ts";
import { anyCheckpoint, copyLog, evidenceIn, parseTrustFile, trustFileName, type LogCopyStore } from "../index.ts";
import { createLogFolder, mirrorLog, type LogFolder, type MirroredShard, type MirrorLogDeps } from "./index.ts";

const at = join("-", "log", "npm-2026a");

function deps(): MirrorLogDeps {
  let count = 0;
  return { fetch, sleep: async () => {}, nowSeconds: () => 1_795_255_200, uniqueName: () => `u${(count += 1)}` };
}

async function mirror(log: TinyLog, url: string, folder: string): Promise<readonly MirroredShard[]> {
  const signal = new AbortController().signal;
  return await mirrorLog(deps(), {
    url,
    vkey: log.vkey,
    policy: anyCheckpoint,
    folder,
    signal,
    onProgress: () => {},
  });
}

/** Every tile and bundle of the log is there, byte for byte, and the checkpoint is the newest. */
async function assertComplete(folder: string, log: TinyLog): Promise<void> {
  for (const kind of ["hash", "entries"] as const)
    for (const tile of tilesAt(log.size(), kind)) {
      const path = tilePath(tile);
      assert.deepEqual(
        new Uint8Array(await readFile(join(folder, at, path))),
        new Uint8Array(log.tile(path) ?? []),
        path,
      );
    }
  assert.equal(await readFile(join(folder, at, "checkpoint"), "utf8"), await log.checkpoint());
}

function grow(log: TinyLog, count: number): void {
  for (let i = 0; i < count; i += 1) log.bind(`more${log.size()}`, "1.0.0", integrityOf(String(log.size())));
}

test("copies every tile, bundle and the checkpoint, grows with the log, and drops what became full", async (context) => {
  const log = await boundLog(600);
  await using server = await startTinyLogServer(log);
  const folder = tempFolder(context);
  const [first] = await mirror(log, server.url, folder);
  assert.deepEqual(first, { vkey: log.vkey, origin: log.origin, path: at, size: 607, added: 607 });
  await assertComplete(folder, log);
  grow(log, 700);
  server.requests.length = 0;
  const [second] = await mirror(log, server.url, folder);
  assert.equal(second?.size, 1_307);
  await assertComplete(folder, log);
  assert.ok(!server.requests.some((path) => /tile\/entries\/00[01]$/.test(path)), "what is there is not fetched again");
  const files = await readdir(join(folder, at, "tile", "0"));
  assert.deepEqual(files.sort(), ["000", "001", "002", "003", "004", "005.p"]);
  server.requests.length = 0;
  assert.equal((await mirror(log, server.url, folder))[0]?.added, 0);
  assert.equal(
    (await mirror(log, `${server.url}/-/log/npm-2026a`, folder))[0]?.size,
    1_307,
    "by the log's own URL too",
  );
  const { logs } = parseTrustFile(await readFile(join(folder, trustFileName)));
  assert.deepEqual(
    logs.map(({ vkey }) => vkey),
    [log.vkey],
  );
});

test("a web server over the folder is the log for whoever follows or copies it", async (context) => {
  const log = await boundLog(1_000);
  await using server = await startTinyLogServer(log);
  const folder = tempFolder(context);
  await mirror(log, server.url, folder);
  const files = createServer((request, response) => {
    const file = createReadStream(join(folder, decodeURIComponent(request.url ?? "")));
    file.once("error", () => response.writeHead(404).end());
    file.once("open", () => file.pipe(response));
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  context.after(() => files.close());
  const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  const again = tempFolder(context);
  assert.equal((await mirror(log, url, again))[0]?.size, 1_007);
  await assertComplete(again, log);
});

/** A store over a folder that dies after so many writes, half of the next one done. */
function dying(store: LogCopyStore, writes: number): LogCopyStore {
  let left = writes;
  return {
    ...store,
    async write(path, bytes) {
      if (left-- <= 0) throw new Error("killed");
      await store.write(path, bytes);
    },
    async publish(note) {
      if (left-- <= 0) throw new Error("killed");
      await store.publish(note);
    },
  };
}

test("cut off at any write it goes on from there; what it shows meanwhile is complete", async (context) => {
  const world = followWorld(await boundLog(1_500));
  const folder = tempFolder(context);
  let count = 0;
  const storeIn = (path: string): LogFolder =>
    createLogFolder({ folder: join(path, at), uniqueName: () => `u${(count += 1)}` });
  const copy = async (store: LogCopyStore): Promise<void> => {
    const tree = await follow(world).update();
    await copyLog({ tree, store }, { signal: new AbortController().signal, onProgress: () => {} });
  };
  await copy(storeIn(folder));
  const shown = await world.log.checkpoint();
  grow(world.log, 900);
  for (let writes = 0; ; writes += 1) {
    const own = tempFolder(context);
    await cp(folder, own, { recursive: true });
    const store = storeIn(own);
    const end = await copy(dying(store, writes)).then(() => "done", String);
    if (end === "done") {
      assert.equal(writes, 12, "a death at every write was tried");
      break;
    }
    assert.equal(end, "Error: killed");
    assert.equal(await store.readNote(), shown);
    for (const tile of [...tilesAt(1_507), ...tilesAt(1_507, "entries")]) {
      const there = await Promise.all([tile.width, 256].map((width) => store.has(tilePath({ ...tile, width }))));
      assert.ok(there.includes(true), tilePath(tile));
    }
    await copy(store);
    await assertComplete(own, world.log);
  }
});

test("a lying log writes nothing wrong into the copy: a wrong bundle, a fork, a rollback", async (context) => {
  const log = await boundLog(600);
  await using server = await startTinyLogServer(log);
  const folder = tempFolder(context);
  await mirror(log, server.url, folder);
  const before = tempFolder(context);
  await cp(folder, before, { recursive: true });
  const fork = log.fork(500);
  while (fork.size() < 900) fork.bind(`fork${fork.size()}`, "1.0.0", integrityOf("fork"));
  server.log = fork;
  await assert.rejects(mirror(log, server.url, folder), (error) => evidenceIn(error)?.["kind"] === "fork");
  server.log = log.fork(500);
  await assert.rejects(mirror(log, server.url, folder), (error) => evidenceIn(error)?.["kind"] === "rolled-back");
  await assertComplete(folder, log);
  grow(log, 300);
  server.log = { ...log, tile: (path) => (path === "tile/entries/002" ? encodeUtf8("\0\x01x") : log.tile(path)) };
  await assert.rejects(mirror(log, server.url, folder), (error) => evidenceIn(error)?.["kind"] === "wrong-tile");
  assert.equal(
    await readFile(join(folder, at, "checkpoint"), "utf8"),
    await readFile(join(before, at, "checkpoint"), "utf8"),
  );
});

test("a damaged file of the copy is found by whoever reads it as a log", async (context) => {
  const log = await boundLog(600);
  await using server = await startTinyLogServer(log);
  const folder = tempFolder(context);
  await mirror(log, server.url, folder);
  const store = createLogFolder({ folder: join(folder, at), uniqueName: () => "u" });
  const world = followWorld(log);
  Object.assign(world.effects, store.effects);
  await writeFile(join(folder, at, "tile/entries/001"), encodeUtf8("\0\x01x"));
  const tree = await follow(world).update();
  await assert.rejects(tree.readRecord(300), (error) => evidenceIn(error)?.["kind"] === "wrong-tile");
  assert.equal((await tree.readRecord(10)).text, log.text(10));
  assert.deepEqual(await follow(world).lookup(parsePackageName("p0"), parseVersion("1.0.0")), {
    status: 404,
    reason: "a copy answers no lookups",
  });
  await rm(join(folder, at, "checkpoint"));
  await assert.rejects(follow(world).update(), /no finished copy/);
});
