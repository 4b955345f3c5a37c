import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { blobKey } from "../platform/blobs/key.ts";
import { admissionMigrations } from "./migrations.ts";
import {
  addEvidence,
  anyDoomed,
  clearDoomed,
  doomedBefore,
  doomOrphans,
  holdBlob,
  letGo,
  evidenceBytes,
  evidenceKeyOf,
  keepBlobs,
} from "./store.ts";

const key = (byte: string) => blobKey("tarball", "sha256", byte.repeat(32));
const name = parsePackageName("left");
const version = parseVersion("1.0.0");

onEveryDatabase("the tables of admission", (databases) => {
  test("doom what nothing refers to, once, until it is cleared", async () => {
    const database = await databases.fresh(admissionMigrations);
    const [kept, cited, orphan] = [key("aa"), key("bb"), key("cc")];
    await database.write((transaction) => keepBlobs(transaction, [kept], 1));
    await database.write((transaction) => keepBlobs(transaction, [kept, kept], 2));
    await database.write((transaction) =>
      addEvidence(transaction, {
        name,
        version,
        source: "npm",
        key: cited,
        size_bytes: 5,
        stored_at_ms: 1,
        statement: null,
      }),
    );
    const all = [kept, cited, orphan];
    assert.deepEqual(await database.write((transaction) => doomOrphans(transaction, all, 10)), [orphan]);
    assert.deepEqual(await database.write((transaction) => doomOrphans(transaction, all, 20)), [orphan]);
    assert.equal(await database.write((transaction) => anyDoomed(transaction, [kept, cited])), false);
    assert.equal(await database.write((transaction) => anyDoomed(transaction, [kept, orphan])), true);
    assert.deepEqual(await doomedBefore(database.read, 9), []);
    assert.deepEqual(await doomedBefore(database.read, 10), [orphan]);
    await database.write((transaction) => clearDoomed(transaction, [orphan]));
    assert.equal(await database.write((transaction) => anyDoomed(transaction, all)), false);
  });

  test("doom nothing that is held, by however many, until the last lets go", async () => {
    const database = await databases.fresh(admissionMigrations);
    const held = key("aa");
    for (const holder of ["stage:1", "stage:2"])
      await database.write((transaction) => holdBlob(transaction, held, holder));
    const doom = () => database.write((transaction) => doomOrphans(transaction, [held], 10));
    assert.deepEqual(await doom(), []);
    await database.write((transaction) => letGo(transaction, "stage:1"));
    assert.deepEqual(await doom(), []);
    await database.write((transaction) => letGo(transaction, "stage:2"));
    assert.deepEqual(await doom(), [held]);
  });

  test("keep one evidence for a version and source, and know its bytes", async () => {
    const database = await databases.fresh(admissionMigrations);
    const row = { name, version, source: "npm", key: key("aa"), size_bytes: 5, stored_at_ms: 1, statement: null };
    assert.equal(await evidenceBytes(database.read), 0);
    await database.write((transaction) => addEvidence(transaction, row));
    await database.write((transaction) => addEvidence(transaction, { ...row, size_bytes: 50 }));
    await database.write((transaction) => addEvidence(transaction, { ...row, source: "mirror", size_bytes: 7 }));
    assert.equal(await evidenceBytes(database.read), 12);
    assert.equal(await evidenceKeyOf(database.read, name, version, "npm"), key("aa"));
    assert.equal(await evidenceKeyOf(database.read, name, version, "else"), undefined);
  });
});
