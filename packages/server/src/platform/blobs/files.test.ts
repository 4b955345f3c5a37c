import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { isAssayError } from "@assay/core";
import { blobStoreContract, expectedOf } from "@assay/testkit/blob-store-contract";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSystemRandom } from "../system-random.ts";
import type { BlobStore } from "./blobs.ts";
import { clearTemporaryBlobs, createFileBlobStore } from "./files.ts";
import { parseBlobKey } from "./key.ts";

const random = createSystemRandom();
const temporary = "+temporary";
const child = fileURLToPath(new URL("blob-crash-child.ts", import.meta.url));

const make = (folder: string): Promise<BlobStore> => createFileBlobStore({ random }, { folder });
const emptyStore = (t: TestContext): Promise<BlobStore> => make(join(tempFolder(t), "blobs"));

/** Says why on the console, skips, and fails where every component is required. */
function skip(t: TestContext, reason: string, cause: unknown): void {
  if (process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(reason, { cause });
  console.warn(`SKIPPED: ${reason}`);
  t.skip(reason);
}

describe("a blob store of files", () => {
  blobStoreContract(emptyStore);

  test("what a crash left in the temporary folder is removed when asked to, and never listed", async (t) => {
    const folder = join(tempFolder(t), "blobs");
    await make(folder);
    writeFileSync(join(folder, temporary, "left"), "half");
    await clearTemporaryBlobs(folder, Date.now() - 3_600_000);
    assert.deepEqual(readdirSync(join(folder, temporary)), ["left"], "another process may be writing it");
    await clearTemporaryBlobs(folder);
    await clearTemporaryBlobs(join(folder, "never made"));
    const store = await make(folder);
    assert.deepEqual(readdirSync(join(folder, temporary)), []);
    writeFileSync(join(folder, temporary, "under way"), "half");
    assert.deepEqual(await Array.fromAsync(store.list("")), []);
  });

  test("nothing temporary is left by success, conflict or corruption", async (t) => {
    const folder = join(tempFolder(t), "blobs");
    const store = await make(folder);
    const [one, other] = [Buffer.from("one"), Buffer.from("other")];
    await store.put(parseBlobKey("a"), one, expectedOf(one));
    await store.put(parseBlobKey("a"), one, expectedOf(one));
    await assert.rejects(store.put(parseBlobKey("a"), other, expectedOf(other)));
    await assert.rejects(store.put(parseBlobKey("b"), one, expectedOf(other)));
    await assert.rejects(store.put(parseBlobKey("c"), { path: join(folder, "none") }, expectedOf(one)), /ENOENT/);
    assert.deepEqual(readdirSync(join(folder, temporary)), []);
    assert.deepEqual(readdirSync(folder).toSorted(), [temporary, "a"].toSorted());
  });

  test("a file on the same file system is linked, not copied, and read-only from then on", async (t) => {
    const folder = tempFolder(t);
    const store = await make(join(folder, "blobs"));
    const path = join(folder, "download");
    writeFileSync(path, "content");
    await store.put(parseBlobKey("a/b"), { path }, expectedOf(Buffer.from("content")));
    const stored = statSync(join(folder, "blobs", "a", "b"));
    assert.equal(stored.ino, statSync(path).ino);
    assert.equal(stored.mode & 0o777, 0o400);
    assert.equal(statSync(join(folder, "blobs", "a")).mode & 0o777, 0o700);
  });

  test("a file on another file system is copied", async (t) => {
    const folder = tempFolder(t);
    const elsewhere = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/assay-test-") : folder;
    t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
    if (statSync(elsewhere).dev === statSync(folder).dev) {
      t.skip("there is one file system only");
      return;
    }
    const store = await make(join(folder, "blobs"));
    const path = join(elsewhere, "download");
    const bytes = new Uint8Array(1_000_000).fill(3);
    writeFileSync(path, bytes);
    await store.put(parseBlobKey("copied"), { path }, expectedOf(bytes));
    assert.deepEqual(await store.read(parseBlobKey("copied")), bytes);
    assert.equal(existsSync(path), true);
  });

  test("a key below another blob is refused without a trace", async (t) => {
    const folder = join(tempFolder(t), "blobs");
    const store = await make(folder);
    const bytes = Buffer.from("x");
    await store.put(parseBlobKey("a"), bytes, expectedOf(bytes));
    await assert.rejects(store.put(parseBlobKey("a/b"), bytes, expectedOf(bytes)));
    await store.put(parseBlobKey("c/d"), bytes, expectedOf(bytes));
    await assert.rejects(store.put(parseBlobKey("c"), bytes, expectedOf(bytes)), (error) =>
      isAssayError(error, "BLOB_CONFLICT"),
    );
    assert.deepEqual(
      (await Array.fromAsync(store.list(""))).map((found) => found.key),
      ["a", "c/d"],
    );
  });

  test("kill -9 leaves whole blobs only, each acknowledged one among them", async (t) => {
    const folder = join(tempFolder(t), "blobs");
    const storing = spawn(process.execPath, [child, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: storing.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 60) storing.kill("SIGKILL");
    }
    const store = await make(folder);
    const found = await Array.fromAsync(store.list(""));
    for (const { key } of found) {
      const bytes = await store.read(key);
      assert.ok(bytes);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), key.split("/").at(-1));
    }
    const keys = new Set<string>(found.map((one) => one.key));
    for (const key of acknowledged) assert.ok(keys.has(key), `${key} was acknowledged`);
  });

  test("the data is synced before it gets its name, and its folder after", async (t) => {
    const folder = join(tempFolder(t), "blobs");
    const log = join(tempFolder(t), "calls");
    try {
      const watch = ["-f", "-y", "-qq", "-o", log, "-e", "trace=fsync,link,linkat,write"];
      execFileSync("strace", [...watch, process.execPath, child, folder, "1"], {
        stdio: ["ignore", "ignore", "ignore"],
      });
    } catch (error) {
      return skip(t, "the order of syncs is tested with strace, which is missing or not allowed", error);
    }
    const calls = readFileSync(log, "utf8").split("\n");
    const named = calls.findIndex((line) => /\blink(at)?\(.*\+temporary/.test(line));
    const synced = calls.findLastIndex(
      (line, index) => index < named && /fsync\(\d+<.*\/\+temporary\/[0-9a-f]{32}>/.test(line),
    );
    const folderSynced = calls.findIndex(
      (line, index) => index > named && /fsync\(\d+<.*\/blobs\/blob\/[0-9a-f]{2}>/.test(line),
    );
    const told = calls.findIndex((line) => /write\(1<.*"blob\//.test(line));
    const entries = ["blobs", "blobs/blob"].map((name) =>
      calls.findIndex((line) => line.includes("fsync(") && line.includes(`/${name}>`)),
    );
    assert.ok(0 <= synced && synced < named && named < folderSynced && folderSynced < told, calls.join("\n"));
    for (const entry of entries) assert.ok(0 <= entry && entry < named, "the entries of new folders are synced");
  });

  test("a full disk fails the put and leaves nothing", async (t) => {
    let mounted = false;
    t.after(() => mounted && execFileSync("umount", ["--lazy", folder]));
    const folder = join(tempFolder(t), "small");
    mkdirSync(folder);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", folder], { stdio: "ignore" });
    } catch (error) {
      return skip(t, "a full disk is tested as root only, with a small tmpfs", error);
    }
    mounted = true;
    const store = await make(join(folder, "blobs"));
    const large = new Uint8Array(2_000_000).fill(1);
    await assert.rejects(store.put(parseBlobKey("large"), large, expectedOf(large)), { code: "ENOSPC" });
    assert.deepEqual(readdirSync(join(folder, "blobs")), [temporary]);
    assert.deepEqual(readdirSync(join(folder, "blobs", temporary)), []);
    const small = large.subarray(0, 100_000);
    assert.equal(await store.put(parseBlobKey("small"), small, expectedOf(small)), "stored");
  });
});
