import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import fc from "fast-check";
import { formOf, parseForm } from "./form.ts";
import { isFromOwnPage } from "./own-page.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const isRefused = (error: unknown): boolean => isAssayError(error, "BAD_REQUEST");

test("a form is what URLSearchParams wrote", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.stringMatching(/^[a-z][A-Za-z0-9-]{0,39}$/),
        fc.string({ unit: "grapheme" }).filter((text) => !/\p{Cc}/u.test(text)),
      ),
      (fields) => {
        const form = parseForm(bytes(new URLSearchParams(fields).toString()));
        for (const [name, value] of Object.entries(fields)) assert.equal(form.text(name), value);
      },
    ),
  );
  assert.equal(parseForm(bytes("note=a%0D%0Ab")).text("note"), "a\nb");
  assert.equal(parseForm(bytes("")).text("user"), "");
  assert.equal(parseForm(bytes("box=on")).has("box"), true);
});

test("what could be read in two ways is refused", () => {
  for (const text of [
    "a",
    "a=1&a=2",
    "A=1",
    "__proto__=1",
    "a=%",
    "a=%zz",
    "a=%ff",
    "a=%00",
    "a%61=1",
    "=1",
    "&",
    "a=1&",
  ])
    assert.throws(() => parseForm(bytes(text)), isRefused, text);
  assert.throws(() => parseForm(Buffer.from([0x61, 0x3d, 0xff])), isRefused);
  const many = Array.from({ length: 65 }, (_, index) => `a${index}=1`).join("&");
  assert.throws(() => parseForm(bytes(many)), isRefused);
});

test("a body that no form parser made is no form", () => {
  for (const body of [undefined, null, {}, { text: () => "x", has: () => true }, new Map()])
    assert.throws(() => formOf({ body }), isRefused);
});

test("only a page of the very origin counts as our own", () => {
  const base = "https://registry.example.com/npm";
  const origin = "https://registry.example.com";
  assert.equal(isFromOwnPage({ origin, "sec-fetch-site": "same-origin" }, base), true);
  assert.equal(isFromOwnPage({ origin }, base), true);
  assert.equal(isFromOwnPage({ "sec-fetch-site": "same-origin" }, base), true);
  for (const headers of [
    {},
    { origin: "null" },
    { origin: "null", "sec-fetch-site": "same-origin" },
    { origin: "https://evil.example" },
    { origin: `${origin}.evil.example` },
    { origin: "http://registry.example.com" },
    { origin: `${origin}:8443` },
    { origin, "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "none" },
  ])
    assert.equal(isFromOwnPage(headers, base), false, JSON.stringify(headers));
});
