import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { createRegistrySigner } from "@assay/testkit/registry-signer";
import type { KeyRing, KnownKey } from "../signing/signing.ts";
import { createKeysDocuments, listKeys } from "./keys-document.ts";

const [ours, theirs] = [createRegistrySigner(), createRegistrySigner()];
const known = (owner: string, signer = ours, expiresMs?: number): KnownKey => ({
  ...signer.key,
  owner,
  firstSeenMs: 0,
  expiresMs,
  end: undefined,
});

test("a keyid is listed once, with the first of its ends", () => {
  const keys = [known("hosted"), known("one", theirs, 9_000), known("two", theirs), known("three", theirs, 5_000)];
  assert.deepEqual(listKeys(keys), [ours.listed, { ...theirs.listed, expires: "1970-01-01T00:00:05.000Z" }]);
});

test("a document is made once until a key changes; its ETag tells encodings and owners apart", async () => {
  let generation = 1;
  let keys = [known("hosted"), known("one", theirs)];
  const ring: KeyRing = {
    get generation() {
      return generation;
    },
    find: () => undefined,
    ownersOf: () => [],
    list: (owners) => keys.filter(({ owner }) => owners?.includes(owner) ?? true),
  };
  const document = createKeysDocuments(ring);
  const all = await document(undefined, "identity");
  assert.deepEqual(JSON.parse(Buffer.from(all.bytes).toString()), { keys: [ours.listed, theirs.listed] });
  assert.equal(await document(undefined, "identity"), all);
  const two = await Promise.all([document(undefined, "gzip"), document(undefined, "gzip")]);
  assert.equal(two[0], two[1], "made once, however many ask");
  const gzipped = await document(undefined, "gzip");
  assert.deepEqual(gunzipSync(gzipped.bytes), Buffer.from(all.bytes));
  const some = await document(["hosted"], "identity");
  assert.deepEqual(JSON.parse(Buffer.from(some.bytes).toString()), { keys: [ours.listed] });
  assert.equal(new Set([all.etag, gzipped.etag, some.etag]).size, 3);
  keys = [known("hosted")];
  assert.equal(await document(undefined, "identity"), all, "nothing told of a change");
  generation = 2;
  assert.equal((await document(undefined, "identity")).etag, some.etag, "the same keys, the same tag");
});
