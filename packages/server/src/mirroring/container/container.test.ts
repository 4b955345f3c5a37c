import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import fc from "fast-check";
import { isAssayError } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createFolderMembers, createFolderWriter } from "./folder-members.ts";
import { readWhole, type Members, type MemberWriter } from "./members.ts";
import { blockBytes, readTarHeader, tarHeader } from "./tar-block.ts";
import { createTarMembers, createTarWriter } from "./tar-members.ts";

const seconds = 1_795_305_600;
const bytes = (text: string): Uint8Array => Buffer.from(text);

async function* inPieces(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.byteLength; at += size) yield whole.subarray(at, at + size);
}

const tarOf = (whole: Uint8Array, size = 700): Members => createTarMembers(inPieces(whole, size), async () => {});

async function write(writer: MemberWriter, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) await writer.write(path, content.byteLength, [content]);
  await writer.finish();
}

async function archiveOf(t: TestContext, files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const path = join(tempFolder(t), "x.assay.tar");
  await using writer = await createTarWriter(path, seconds);
  await write(writer, files);
  return readFileSync(path);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isAssayError(error, "BAD_FORMAT"), String(error));
  return error.message;
}

describe("an archive", () => {
  test("is one that tar reads, and comes back as it was written, in pieces of any size", async (t) => {
    const folder = tempFolder(t);
    const files = { "export.json": bytes("{}\n"), "000001/a.tgz": new Uint8Array(1300).fill(7), empty: bytes("") };
    const archive = await archiveOf(t, files);
    writeFileSync(join(folder, "x.tar"), archive);
    const extracted = spawnSync("tar", ["-xf", "x.tar"], { cwd: folder });
    assert.equal(extracted.status, 0, String(extracted.stderr));
    for (const [path, content] of Object.entries(files))
      assert.deepEqual(readFileSync(join(folder, path)), Buffer.from(content));
    for (const size of [1, 511, 512, 513, 100_000]) {
      const members = tarOf(archive, size);
      for (const [path, content] of Object.entries(files))
        assert.deepEqual(Buffer.from(await readWhole(await members.next(path, 2000))), Buffer.from(content));
      await members.end();
    }
  });

  test("has its name only when it is whole", async (t) => {
    const folder = tempFolder(t);
    const path = join(folder, "x.assay.tar");
    {
      await using writer = await createTarWriter(path, seconds);
      await writer.write("a", 1, [bytes("a")]);
      assert.equal(existsSync(path), false);
    }
    assert.deepEqual(readdirSync(folder), []);
    await using writer = await createTarWriter(path, seconds);
    await assert.rejects(writer.write("a", 2, [bytes("a")]), /had 1 bytes, not 2/);
  });

  test("is read past what nobody wants, and from where it can be read again", async (t) => {
    const archive = await archiveOf(t, { a: bytes("aaa"), b: bytes("bbb"), c: bytes("ccc") });
    const members = tarOf(archive);
    await members.next("a", 10);
    assert.match(await refusal(members.next("c", 10)), /b stands where c is expected/);
    assert.equal(await members.skipTo("c"), true);
    assert.equal(String(Buffer.from(await readWhole(await members.next("c", 10)))), "ccc");
    assert.equal(await members.skipTo("d"), false);
    assert.match(await refusal(members.next("d", 10)), /its end stands where d is expected/);
  });

  test("that is cut off anywhere is refused, and never loops", async (t) => {
    const archive = await archiveOf(t, { a: bytes("a".repeat(600)), b: bytes("b") });
    const read = async (whole: Uint8Array): Promise<void> => {
      const members = tarOf(whole);
      await readWhole(await members.next("a", 1000));
      await readWhole(await members.next("b", 1000));
      await members.end();
    };
    await read(archive);
    for (let length = 0; length < archive.byteLength; length += 37)
      assert.match(await refusal(read(archive.subarray(0, length))), /it is cut off|size or time/);
    assert.match(await refusal(read(Buffer.concat([archive, bytes("x")]))), /something follows its end/);
  });

  test("with anything but the one header a member may have is refused", async (t) => {
    const archive = await archiveOf(t, { a: bytes("a") });
    // Type, mode, owner, link target, prefix, device: whatever a hostile writer would use.
    const changes: readonly (readonly [number, string])[] = [
      [156, "2"],
      [156, "L"],
      [100, "0000755"],
      [108, "0001750"],
      [157, "/etc/passwd"],
      [345, "../../up"],
      [265, "root"],
      [0, "\0"],
      [124, "77777777777"],
      [148, "000000"],
    ];
    for (const [at, text] of changes) {
      const hostile = Buffer.from(archive);
      hostile.write(text, at, "latin1");
      const sum = hostile.subarray(0, 512).reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
      // The checksum is right, so that it is the field which is refused.
      if (at !== 148) hostile.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
      assert.match(await refusal(tarOf(hostile).next("a", 10)), /header|bytes|expected|path/, `${at} ${text}`);
    }
    for (const path of ["../a", "/a", "a/../../b"]) {
      const hostile = await archiveOf(t, { [path]: bytes("a") });
      assert.match(await refusal(tarOf(hostile).next("a", 10)), /stands where a is expected/);
    }
  });

  test("with a member that is larger than allowed, or padded with a message, is refused", async (t) => {
    const archive = await archiveOf(t, { a: bytes("aaaa"), b: bytes("b") });
    assert.match(await refusal(tarOf(archive).next("a", 3)), /4 bytes, at most 3/);
    const padded = Buffer.from(archive);
    padded.write("hidden", blockBytes + 100);
    const members = tarOf(padded);
    await readWhole(await members.next("a", 10));
    assert.match(await refusal(members.next("b", 10)), /padded with other bytes/);
  });

  test("a header is read back, or refused, whatever the block", () => {
    const path = fc.stringMatching(/^[\x21-\x7e]{1,100}$/);
    const sizeBytes = fc.nat({ max: 8 * 1024 ** 3 - 1 });
    fc.assert(
      fc.property(path, sizeBytes, fc.nat(), (name, size, mtime) => {
        const header = { path: name, sizeBytes: size, mtimeSeconds: mtime };
        assert.deepEqual(readTarHeader(tarHeader(header)), header);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 512, maxLength: 512 }), (block) => {
        try {
          readTarHeader(block);
        } catch (error) {
          assert.ok(isAssayError(error, "BAD_FORMAT"));
        }
      }),
    );
  });
});

describe("a folder", () => {
  test("comes back as it was written, and is no export until it is whole", async (t) => {
    const folder = join(tempFolder(t), "out");
    const files = { "export.json": bytes("{}\n"), "000001/a.tgz": new Uint8Array(600_000).fill(7) };
    {
      await using writer = await createFolderWriter(folder);
      await writer.write("export.json", 3, [files["export.json"]]);
      await writer.write("000001/a.tgz", 600_000, [files["000001/a.tgz"]]);
    }
    assert.deepEqual(readdirSync(folder), []);
    await write(await createFolderWriter(folder), files);
    const members = createFolderMembers(folder);
    for (const [path, content] of Object.entries(files))
      assert.deepEqual(Buffer.from(await readWhole(await members.next(path, 600_000))), Buffer.from(content));
    await members.end();
    assert.equal(await members.skipTo("000001/a.tgz"), true);
    assert.equal(await members.skipTo("000002/a.tgz"), false);
    await assert.rejects(createFolderWriter(folder), (error) => isAssayError(error, "USAGE"));
  });

  test("with links, folders for files, missing or too large files is refused", async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "large"), "12345");
    symlinkSync("large", join(folder, "link"));
    mkdirSync(join(folder, "folder"));
    const members = createFolderMembers(folder);
    assert.match(await refusal(members.next("link", 10)), /link is a link/);
    assert.match(await refusal(members.next("folder", 10)), /folder is no file/);
    assert.match(await refusal(members.next("absent", 10)), /it has no absent/);
    assert.match(await refusal(members.next("large", 4)), /5 bytes, at most 4/);
    await members[Symbol.asyncDispose]();
  });
});
