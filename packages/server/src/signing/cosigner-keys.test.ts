import assert from "node:assert/strict";
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cosign, formatNote, hasMldsa, openNote, parseVkey, verifier } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSystemRandom } from "../platform/system-random.ts";
import { cosignerKey, cosignerName, type CosignerKind } from "./signing.ts";

const deps = { random: createSystemRandom() };
const name = "witness.example.com/w1";
const checkpoint = "log.example.com/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

async function kindsHere(): Promise<readonly CosignerKind[]> {
  return (await hasMldsa()) ? ["ed25519", "ml-dsa-44"] : ["ed25519"];
}

test("makes a witness key of each kind once, for its owner's eyes only, that cosigns", async (t) => {
  const keyFolder = join(tempFolder(t), "keys");
  assert.equal(await cosignerName(keyFolder), undefined);
  for (const kind of await kindsHere()) {
    const key = await cosignerKey(deps, { keyFolder, name, kind });
    assert.equal(parseVkey(key.vkey).name, name);
    assert.equal(parseVkey(key.vkey).type, kind === "ed25519" ? 4 : 6);
    const note = formatNote(checkpoint, [await cosign(key, 1_795_305_600, checkpoint)]);
    assert.equal((await openNote(note, [await verifier(key.vkey)])).verified.length, 1);
    assert.equal((await cosignerKey(deps, { keyFolder, name, kind })).vkey, key.vkey);
    assert.equal(statSync(join(keyFolder, `cosigner-${kind}.key`)).mode & 0o777, 0o600);
  }
  assert.equal(readdirSync(keyFolder).length, (await kindsHere()).length);
  assert.equal(await cosignerName(keyFolder), name);
});

test("gives one key to twenty who ask for a new one at once", async (t) => {
  const keyFolder = tempFolder(t);
  const keys = await Promise.all(
    Array.from({ length: 20 }, () => cosignerKey(deps, { keyFolder, name, kind: "ed25519" })),
  );
  assert.equal(new Set(keys.map(({ vkey }) => vkey)).size, 1);
});

test("a witness keeps its name, and has one that a signature line can hold", async (t) => {
  const keyFolder = tempFolder(t);
  await cosignerKey(deps, { keyFolder, name, kind: "ed25519" });
  const other = cosignerKey(deps, { keyFolder, name: "witness.example.com/w2", kind: "ed25519" });
  await assert.rejects(other, { code: "CONFIG", message: /made as witness\.example\.com\/w1/ });
  for (const bad of ["", "a b", "a+b", "a\nb"])
    await assert.rejects(cosignerKey(deps, { keyFolder: tempFolder(t), name: bad, kind: "ed25519" }), {
      code: "CONFIG",
    });
});

test("refuses a key that others can read, that was changed, or that is of another kind, without showing it", async (t) => {
  const keyFolder = tempFolder(t);
  const options = { keyFolder, name, kind: "ed25519" } as const;
  await cosignerKey(deps, options);
  const path = join(keyFolder, "cosigner-ed25519.key");
  const good = readFileSync(path, "utf8");
  const secret = /\+[0-9a-f]{8}\+(.{44})\n$/.exec(good)?.[1] ?? "";
  chmodSync(path, 0o640);
  await assert.rejects(cosignerKey(deps, options), /open to group or others/);
  chmodSync(path, 0o600);
  for (const bad of [
    "",
    good.slice(0, -1),
    good.replace(secret, secret.replace(/^B/, "A")),
    good.replace(/\+[0-9a-f]{8}\+/, "+00000000+"),
  ]) {
    writeFileSync(path, bad);
    await assert.rejects(cosignerKey(deps, options), (error: Error) => {
      assert.match(error.message, /is refused/);
      assert.ok(!error.message.includes(secret));
      return true;
    });
  }
});
