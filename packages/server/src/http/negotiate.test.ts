import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentEncoding, packumentForm, wantsHtml } from "./negotiate.ts";

const abbreviated = "application/vnd.npm.install-v1+json";
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

test("answers each package manager with the form it asks for", () => {
  for (const [accept, form] of [
    [undefined, "full"],
    ["", "full"],
    ["*/*", "full"],
    ["application/json", "full"],
    ["application/json; q=1.0, */*", "full"],
    ["application/json, */*", "full"],
    [`${abbreviated}; q=1.0, application/json; q=0.8, */*`, "abbreviated"],
    [`${abbreviated}; q=1.0, application/json; q=0.8`, "abbreviated"],
    [`${abbreviated};q=1.0,application/json;q=0.9,*/*;q=0.1`, "abbreviated"],
    [abbreviated, "abbreviated"],
    [abbreviated.toUpperCase(), "abbreviated"],
    [`application/json, ${abbreviated}`, "abbreviated"],
    [`application/json, ${abbreviated};q=0.5`, "full"],
    [`${abbreviated};q=0.5, */*`, "full"],
    [`${abbreviated};q=0`, "full"],
    [`${abbreviated};q=2`, "full"],
    [`${abbreviated}-x`, "full"],
    ["image/png", "full"],
    [browser, "full"],
  ] as const) {
    assert.equal(packumentForm(accept), form, String(accept));
  }
});

test("a page is for those who name text/html before JSON", () => {
  for (const [accept, html] of [
    [undefined, false],
    ["*/*", false],
    ["text/*", false],
    ["application/json", false],
    [browser, true],
    ["text/html", true],
    ["text/html, */*", true],
    ["TEXT/HTML", true],
    ["text/html, application/json", true],
    ["application/json, text/html", false],
    ["application/json;q=0.9, text/html", true],
    ["text/html;q=0.9, application/json", false],
    ["text/html;q=0.9, */*", false],
    ["text/html;q=0", false],
    [`${abbreviated}; q=1.0, text/html`, false],
  ] as const) {
    assert.equal(wantsHtml(accept), html, String(accept));
  }
});

test("encodes only as the client allows, zstd first", () => {
  for (const [header, encoding] of [
    [undefined, "identity"],
    ["", "identity"],
    ["gzip,deflate", "gzip"],
    ["gzip, deflate", "gzip"],
    ["gzip,deflate,br", "gzip"],
    ["gzip, deflate, br", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["zstd,gzip,deflate", "zstd"],
    ["zstd, gzip", "zstd"],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["identity", "identity"],
    ["br", "identity"],
    ["deflate", "identity"],
    ["*", "gzip"],
    ["*;q=0", "identity"],
    ["gzip;q=0", "identity"],
    ["gzip;q=0, *", "identity"],
    ["zstd;q=0, gzip", "gzip"],
    ["zstd;q=0.5, gzip;q=1.0", "gzip"],
    ["zstd;q=0.5, gzip;q=0.5", "zstd"],
    ["gzip;q=0.001", "gzip"],
    ["gzip;q=0.000", "identity"],
    ["identity, gzip;q=0.5", "identity"],
    ["identity;q=0.5, gzip", "gzip"],
    ["gzip;q=nonsense", "identity"],
    ["gzipx, zstdx", "identity"],
  ] as const) {
    assert.equal(contentEncoding(header), encoding, String(header));
  }
});

test("never throws and never picks an encoding that was not offered", () => {
  const piece = fc.constantFrom("gzip", "zstd", "*", "identity", "br", ";q=0", ";q=0.5", ";", ",", " ", "q=", "=");
  fc.assert(
    fc.property(
      fc.array(piece).map((parts) => parts.join("")),
      (header) => {
        const encoding = contentEncoding(header);
        if (encoding === "zstd") assert.match(header, /zstd/);
        if (encoding === "gzip") assert.match(header, /gzip|\*/);
        packumentForm(header);
        wantsHtml(header);
      },
    ),
  );
});
