import assert from "node:assert/strict";
import { chmodSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeUtf8, formatNote, openNote, parseVkey, signatureLine, verifier } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSystemRandom } from "../platform/system-random.ts";
import { createNoteKey, createSigning, openNoteKey } from "./signing.ts";

const origin = "log.example.com/-/log/npm-2026a";

function keysIn(folder: string) {
  const keyFolder = join(folder, "data", "keys");
  const signing = createSigning({ random: createSystemRandom() }, { keyFolder });
  const onlyFile = () => {
    const [name, ...others] = readdirSync(keyFolder);
    assert.ok(name);
    assert.deepEqual(others, []);
    return join(keyFolder, name);
  };
  return { keyFolder, signing, onlyFile };
}

test("makes a key on first use, for its owner's eyes only, and uses it ever after", async (t) => {
  const { keyFolder, signing, onlyFile } = keysIn(tempFolder(t));
  const { name, vkey } = await signing.checkpointSigner(origin);
  assert.equal(name, origin);
  assert.equal(statSync(onlyFile()).mode & 0o777, 0o600);
  assert.equal(statSync(keyFolder).mode & 0o777, 0o700);
  assert.equal((await signing.checkpointSigner(origin)).vkey, vkey);
  assert.equal((await signing.checkpointSigner(origin, vkey)).vkey, vkey);
});

test("makes the key of a person once, and opens it for its owner alone", async (t) => {
  const path = join(tempFolder(t), "mine");
  const random = createSystemRandom();
  await assert.rejects(openNoteKey(path), { code: "CONFIG", message: /There is no key file/ });
  const vkey = await createNoteKey({ random }, path, "approver.example");
  const signer = await openNoteKey(path);
  assert.deepEqual([signer.name, signer.vkey], ["approver.example", vkey]);
  await assert.rejects(createNoteKey({ random }, path, "approver.example"), /is there already/);
  await assert.rejects(createNoteKey({ random }, `${path}2`, "two words"), { code: "BAD_FORMAT" });
  chmodSync(path, 0o640);
  await assert.rejects(openNoteKey(path), /open to group or others/);
});

test("signs notes that the vkey verifies", async (t) => {
  const { signing } = keysIn(tempFolder(t));
  const signer = await signing.checkpointSigner(origin);
  const text = `${origin}\n0\nroot\n`;
  const signature = await signer.sign(encodeUtf8(text));
  const line = signatureLine(signer.name, parseVkey(signer.vkey).keyId, signature);
  const opened = await openNote(formatNote(text, [line]), [await verifier(signer.vkey)]);
  assert.equal(opened.verified.length, 1);
});

test("gives each origin a key of its own", async (t) => {
  const { signing, keyFolder } = keysIn(tempFolder(t));
  const one = await signing.checkpointSigner(origin);
  const other = await signing.checkpointSigner(`${origin}b`);
  assert.notDeepEqual(parseVkey(one.vkey).publicKey, parseVkey(other.vkey).publicKey);
  assert.equal(readdirSync(keyFolder).length, 2);
});

test("gives the same key to twenty who ask for a new one at once", async (t) => {
  const folder = tempFolder(t);
  const vkeys = await Promise.all(
    Array.from({ length: 20 }, async () => (await keysIn(folder).signing.checkpointSigner(origin)).vkey),
  );
  assert.equal(new Set(vkeys).size, 1);
  keysIn(folder).onlyFile();
});

test("makes no key for a log that has signed before", async (t) => {
  const { signing, onlyFile, keyFolder } = keysIn(tempFolder(t));
  const { vkey } = await signing.checkpointSigner(origin);
  rmSync(onlyFile());
  await assert.rejects(signing.checkpointSigner(origin, vkey), /is missing although the log has signed before/);
  assert.deepEqual(readdirSync(keyFolder), []);
});

test("refuses a key file that group or others may touch", async (t) => {
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    const { signing, onlyFile } = keysIn(tempFolder(t));
    await signing.checkpointSigner(origin);
    chmodSync(onlyFile(), mode);
    await assert.rejects(signing.checkpointSigner(origin), /open to group or others/);
  }
});

test("refuses a key file that is a link", async (t) => {
  const { signing, onlyFile, keyFolder } = keysIn(tempFolder(t));
  await signing.checkpointSigner(origin);
  const path = onlyFile();
  const moved = join(keyFolder, "..", "elsewhere");
  writeFileSync(moved, readFileSync(path), { mode: 0o600 });
  rmSync(path);
  symlinkSync(moved, path);
  await assert.rejects(signing.checkpointSigner(origin), /cannot be opened/);
});

test("refuses the key of another log, and a changed key, without showing it", async (t) => {
  const { signing, onlyFile } = keysIn(tempFolder(t));
  const { vkey } = await signing.checkpointSigner(origin);
  const path = onlyFile();
  const good = readFileSync(path, "utf8");
  // Base64 may hold + too: the secret is what follows the key id.
  const secret = /\+[0-9a-f]{8}\+(.{44})\n$/.exec(good)?.[1] ?? "";
  assert.equal(secret.length, 44);
  const changes: [string, RegExp][] = [
    [good.replace(origin, `${origin}x`), /belongs to another origin/],
    [good.replace(/\+[0-9a-f]{8}\+/, "+00000000+"), /the key id does not match/],
    [good.replace(secret, secret.replace(/^./, "B")), /not an Ed25519 seed/],
    [good.slice(0, -1), /not one line/],
    ["", /not one line/],
  ];
  for (const [text, reason] of changes) {
    writeFileSync(path, text);
    await assert.rejects(signing.checkpointSigner(origin), (error: Error) => {
      assert.match(error.message, reason);
      assert.ok(!`${error.message}${error.stack}`.includes(secret));
      return true;
    });
  }
  const other = createSigning({ random: createSeededRandom(2) }, { keyFolder: join(tempFolder(t), "keys") });
  const { vkey: otherVkey } = await other.checkpointSigner(origin);
  writeFileSync(path, good);
  await assert.rejects(signing.checkpointSigner(origin, otherVkey), /has signed with/);
  assert.equal((await signing.checkpointSigner(origin)).vkey, vkey);
});

test("a stored key keeps its vkey for ever", async (t) => {
  // Seed 00 01 … 1f, whose public key is 03a107bf…31b8 (RFC 8032).
  const { signing, onlyFile } = keysIn(tempFolder(t));
  await signing.checkpointSigner("example.com/log");
  writeFileSync(onlyFile(), "PRIVATE+KEY+example.com/log+d455c521+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n");
  const signer = await signing.checkpointSigner("example.com/log");
  assert.equal(signer.vkey, "example.com/log+d455c521+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
});
