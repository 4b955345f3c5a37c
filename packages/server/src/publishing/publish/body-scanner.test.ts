import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAssayError } from "@assay/core";
import { createBase64Decoder } from "./base64.ts";
import { createBodyScanner } from "./body-scanner.ts";

interface Scanned {
  readonly rest: string;
  readonly cut: readonly { readonly key: string; readonly text: string }[];
}

async function scan(body: Uint8Array, pieceBytes: number, restBytes = 1_000_000): Promise<Scanned> {
  const cut: { key: string; text: string }[] = [];
  const scanner = createBodyScanner({ restBytes }, (key) => key.endsWith(".tgz"), {
    begin: (key) => void cut.push({ key, text: "" }),
    data: async (text) => {
      const last = cut.at(-1);
      if (last !== undefined) last.text += text;
    },
    end: async () => undefined,
  });
  for (let at = 0; at < body.length; at += pieceBytes) await scanner.push(body.subarray(at, at + pieceBytes));
  return { rest: scanner.rest(), cut };
}

test("cuts the data of tarballs out, wherever it stands and however it arrives", async () => {
  const body = {
    _attachments: {
      "x-1.0.0.tgz": { length: 3, data: "AAAA/+8=", content_type: "application/octet-stream" },
      "x-1.0.0.sigstore": { data: '{"a":"\\"data\\""}' },
    },
    name: 'x "_attachments" \\',
    data: "kept",
    versions: { "1.0.0": { _attachments: { "y.tgz": { data: "kept too" } } } },
  };
  const bytes = Buffer.from(JSON.stringify(body));
  for (const pieceBytes of [1, 2, 3, 7, 1000]) {
    const { rest, cut } = await scan(bytes, pieceBytes);
    assert.deepEqual(cut, [{ key: "x-1.0.0.tgz", text: "AAAA/+8=" }]);
    const left = structuredClone(body);
    left._attachments["x-1.0.0.tgz"].data = "";
    assert.deepEqual(JSON.parse(rest), left);
  }
});

test("keys written with escapes are the keys that they mean, and an escaped slash is a slash", async () => {
  const text = '{"\\u005fattachments" : { "x\\u002etgz": {"d\\u0061ta" : "AB\\/\\/"} } }';
  for (const pieceBytes of [1, 2, 5, 100]) {
    const { rest, cut } = await scan(Buffer.from(text), pieceBytes);
    assert.deepEqual(cut, [{ key: "x.tgz", text: "AB//" }]);
    assert.deepEqual(JSON.parse(rest), { _attachments: { "x.tgz": { data: "" } } });
  }
});

test("refuses escapes in base64, names without end, nesting without end, and more than may be kept", async () => {
  const attachment = (data: string): string => `{"_attachments":{"x.tgz":{"data":"${data}"}}}`;
  const bodies = [
    attachment('AA\\u0041A"'),
    attachment('AAAA\\"'),
    `{"${"k".repeat(3000)}":1}`,
    "[".repeat(300),
    `{"a":"${"a".repeat(2000)}"}`,
  ];
  for (const body of bodies)
    for (const pieceBytes of [1, 3, 10_000])
      await assert.rejects(scan(Buffer.from(body), pieceBytes, 1500), isAssayError);
});

test("what is left is the body, for any JSON and any pieces", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.base64String(), fc.integer({ min: 1, max: 40 }), async (json, data, pieceBytes) => {
      const body = `{"before":${json},"_attachments":{"a.tgz":{"data":${JSON.stringify(data)}}},"after":${json}}`;
      const { rest, cut } = await scan(Buffer.from(body), pieceBytes);
      assert.deepEqual(cut, [{ key: "a.tgz", text: data }]);
      const value = JSON.parse(body) as { _attachments: { "a.tgz": { data: string } } };
      value._attachments["a.tgz"].data = "";
      assert.deepEqual(JSON.parse(rest), value);
    }),
  );
});

test("base64 that arrives in pieces is what it is whole", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 30 }), (bytes, pieceCharacters) => {
      const text = Buffer.from(bytes).toString("base64");
      const decoder = createBase64Decoder("x.tgz");
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < text.length; at += pieceCharacters)
        pieces.push(decoder.push(text.slice(at, at + pieceCharacters)));
      pieces.push(decoder.finish());
      assert.deepEqual(new Uint8Array(Buffer.concat(pieces)), bytes);
    }),
  );
});

test("base64 that is cut short, padded inside, spelled otherwise or not base64 is refused", () => {
  for (const text of ["A", "AAA", "AA=", "AAAA=", "AA==AAAA", "AB==", "AA-_", "AA A", "AAAAé", "====", "AAAAA==="]) {
    const decode = (): void => {
      const decoder = createBase64Decoder("x.tgz");
      decoder.push(text);
      decoder.finish();
    };
    assert.throws(decode, (error) => isAssayError(error, "BAD_REQUEST"), text);
  }
});
