import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatVkey, isAssayError } from "@assay/core";
import { checkDistinct, formatTrustFile, parseTrustFile, trustLog } from "./trust.ts";

const key = new Uint8Array(32).fill(7);
const vkey = formatVkey("log.example.com/-/log/npm-2026a", 1, key);
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const file = (logs: unknown): Uint8Array => encode({ format: "assay-trust/v1", logs });

test("reads what it writes", () => {
  const origin = fc.stringMatching(/^[a-z]{1,10}\.example\.com\/[a-z0-9]{1,10}$/);
  const url = fc.option(fc.constantFrom("https://a.example.com/log", "http://127.0.0.1:4873/x/y"), {
    nil: undefined,
  });
  const logs = fc.uniqueArray(fc.tuple(origin, url), { selector: ([name]) => name, minLength: 1 });
  fc.assert(
    fc.property(logs, (list) => {
      const trusted = list.map(([name, place]) => trustLog(formatVkey(name, 1, key), place));
      assert.deepEqual(parseTrustFile(new TextEncoder().encode(formatTrustFile(trusted))), trusted);
    }),
  );
});

const refused: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "another format": [encode({ format: "assay-trust/v2", logs: [{ vkey }] }), /format must be/],
  "no log": [file([]), /list of 1 to 64/],
  "no list": [file({ vkey }), /list of 1 to 64/],
  "an unknown field": [encode({ format: "assay-trust/v1", logs: [{ vkey }], extra: 1 }), /"extra"/],
  "an unknown field of a log": [file([{ vkey, key: "x" }]), /"key"/],
  "a log without vkey": [file([{ url: "https://a.example.com" }]), /logs\[0\]\.vkey/],
  "a vkey with a wrong key ID": [file([{ vkey: vkey.replace(/\+[0-9a-f]{8}\+/, "+00000000+") }]), /logs\[0\]/],
  "a cosigner's key": [file([{ vkey: formatVkey("w.example.com", 4, key) }]), /type 4/],
  "one origin twice": [file([{ vkey }, { vkey }]), /two keys for the log/],
  "a file URL": [file([{ vkey, url: "file:///etc" }]), /not an http or https URL/],
  "a URL with a password": [file([{ vkey, url: "https://a:b@log.example.com" }]), /no user/],
  "a key twice": [
    new TextEncoder().encode(`{"format":"assay-trust/v1","logs":[{"vkey":"${vkey}","vkey":"${vkey}"}]}`),
    /twice/,
  ],
  "too much": [new Uint8Array(70_000).fill(0x20), /larger than/],
  "no JSON": [new TextEncoder().encode("vkey"), /JSON/],
};

for (const [what, [bytes, reason]] of Object.entries(refused)) {
  test(`refuses a trust file with ${what}`, () => {
    assert.throws(
      () => parseTrustFile(bytes),
      (error) => isAssayError(error, "BAD_FORMAT") && reason.test(error.message),
    );
  });
}

test("a second key for one origin is refused on the command line too", () => {
  const other = formatVkey(
    "log.example.com/-/log/npm-2026a",
    1,
    key.map(() => 8),
  );
  assert.throws(() => checkDistinct([trustLog(vkey), trustLog(other)]), /two keys/);
});
