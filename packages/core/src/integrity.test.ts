import { equal, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  decodeUtf8,
  encodeUtf8,
  fromHex,
  integrityFromSha512,
  integrityHex,
  isAssayError,
  parseIntegrity,
  sha512Of,
} from "@assay/core";

const digest = createHash("sha512").update("bytes").digest();
const good = `sha512-${digest.toString("base64")}`;

test("one sha512 is an integrity, and gives its digest back", () => {
  equal(integrityFromSha512(digest), good);
  equal(integrityHex(parseIntegrity(good)), digest.toString("hex"));
});

test("anything but exactly one canonical sha512 is refused", () => {
  const strayBits = good.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`);
  const bad = ["", "sha512-", good.slice(0, -2), ` ${good}`, `${good} `, `${good}?x`, `${good} ${good}`];
  for (const text of [...bad, good.toUpperCase(), good.replace("512", "256"), strayBits]) {
    throws(
      () => parseIntegrity(text),
      (error) => isAssayError(error, "BAD_FORMAT"),
      text,
    );
  }
  throws(
    () => integrityFromSha512(digest.subarray(1)),
    (error) => isAssayError(error, "BAD_FORMAT"),
  );
});

test("the sha512 is found in any SRI string, and nothing else is taken for one", () => {
  equal(sha512Of(`sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${good}`), good);
  equal(sha512Of(`\t${good}?type=tgz\n`), good);
  equal(sha512Of(`sha512-AAAA ${good}`), good);
  for (const text of ["", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha512-AAAA", "x".repeat(10_000)]) {
    equal(sha512Of(text), undefined);
  }
});

test("hex is lower-case and even", () => {
  for (const text of ["a", "AB", "zz", "0x00", " 00"]) {
    throws(
      () => fromHex(text),
      (error) => isAssayError(error, "BAD_FORMAT"),
      text,
    );
  }
});

test("text that UTF-8 cannot hold and bytes that are not UTF-8 are refused, a byte order mark is kept", () => {
  const refused = (error: unknown): boolean => isAssayError(error, "BAD_FORMAT");
  throws(() => encodeUtf8("\ud800"), refused);
  throws(() => decodeUtf8(Uint8Array.of(0xc0, 0x80)), refused);
  equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
});
