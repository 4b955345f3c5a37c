import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maxTargetBytes, readPath } from "./path.ts";

function accepted(target: string): string {
  const result = readPath(target);
  assert.ok(result.ok, `${target}: ${result.ok ? "" : result.reason}`);
  return result.url;
}

function refused(target: string): string {
  const result = readPath(target);
  assert.ok(!result.ok, `${target} was accepted as ${result.ok ? result.url : ""}`);
  return result.reason;
}

test("reads plain paths as they stand", () => {
  for (const path of [
    "/",
    "/vite",
    "/vite/-/vite-8.0.1.tgz",
    "/vite/8.0.1",
    "/-/v1/search",
    "/-/log/",
    "/-/log/checkpoint",
    "/-/user/org.couchdb.user:ann",
    "/.well-known/thing",
    "/...",
    "/pkg/-/pkg-1.0.0+build.5.tgz",
    "/npm-1.2.3_x~y!z*('a')",
    "/JSONStream",
    "/-/npm/v1/attestations/vite@8.0.1",
    "/@s",
    "/@s/-/x",
    "/@",
  ]) {
    assert.equal(accepted(path), path);
  }
});

test("the three spellings of a scoped name are one, wherever they stand", () => {
  for (const [before, after] of [
    ["", ""],
    ["", "/-/n-1.0.0.tgz"],
    ["", "/1.0.0"],
    ["/-/package", "/dist-tags/latest"],
    ["/-/channel/canary", ""],
    ["/-/log/lookup", ""],
    ["/-/npm/v1/oidc/token/exchange/package", ""],
  ]) {
    for (const spelling of ["@s/n", "@s%2fn", "@s%2Fn", "%40s%2fn", "%40s/n"]) {
      assert.equal(accepted(`${before}/${spelling}${after}`), `${before}/@s%2Fn${after}`);
    }
  }
  assert.equal(accepted("/-/log/lookup/@s/n@1.0.0"), "/-/log/lookup/@s%2Fn@1.0.0");
  assert.equal(accepted("/@s%2fn/-/@s/n-1.0.0.tgz"), "/@s%2Fn/-/@s%2Fn-1.0.0.tgz");
});

test("refuses what frameworks read in different ways", () => {
  assert.match(refused("/-%2fping"), /between a scope and a name/);
  assert.match(refused("/%2e%2e%2fetc"), /%2e needs no encoding/);
  assert.match(refused("/../-/ping"), /dot segment/);
  assert.match(refused("//-/ping"), /empty segment/);
  assert.match(refused("/foo%ZZ"), /broken percent escape/);
  assert.match(refused("/foo%00bar"), /control character/);
  assert.match(refused("/foo\\bar"), /backslash/);
  assert.match(refused("/foo/"), /ends in a slash/);
});

test("refuses every other second spelling", () => {
  for (const [target, reason] of [
    ["", /start with a slash/],
    ["*", /start with a slash/],
    ["vite", /start with a slash/],
    ["http://registry.example.com/vite", /start with a slash/],
    ["registry.example.com:443", /start with a slash/],
    ["//registry.example.com/vite", /empty segment/],
    ["///", /empty segment/],
    ["/a//b", /empty segment/],
    ["/./a", /dot segment/],
    ["/a/..", /dot segment/],
    ["/a/.", /dot segment/],
    ["/%2E", /needs no encoding/],
    ["/a%2e", /needs no encoding/],
    ["/.%2e/a", /needs no encoding/],
    ["/%61", /needs no encoding/],
    ["/%7E", /needs no encoding/],
    ["/a%27", /needs no encoding/],
    ["/%2D/ping", /needs no encoding/],
    ["/%252e", /encoded twice/],
    ["/%25", /encoded twice/],
    ["/@s%252fn", /encoded twice/],
    ["/a%5cb", /backslash/],
    ["/a%5Cb", /backslash/],
    ["/a%0ab", /control character/],
    ["/a%7F", /control character/],
    ["/a%C2%80", /control character/],
    ["/a%c0%af", /not valid UTF-8/],
    ["/a%ED%A0%80", /not valid UTF-8/],
    ["/a%ff", /not valid UTF-8/],
    ["/a%C3", /not valid UTF-8/],
    ["/a%", /broken percent escape/],
    ["/a%4", /broken percent escape/],
    ["/a%u0041", /broken percent escape/],
    ["/a;b", /semicolon/],
    ["/a%3bb", /semicolon/],
    ["/a#b", /fragment/],
    ["/a?b#c", /fragment/],
    ["/a b", /space or control/],
    ["/a\tb", /space or control/],
    ["/é", /outside ASCII/],
    ["/Ã©", /outside ASCII/],
    ["/a|b", /character \|/],
    ["/a%2fb", /between a scope and a name/],
    ["/@%2fn", /between a scope and a name/],
    ["/@s%2f", /between a scope and a name/],
    ["/@s%2fn%2fx", /between a scope and a name/],
    ["/@s%2f..", /between a scope and a name/],
    ["/@s%2f.", /between a scope and a name/],
    ["/@s%2f-", /between a scope and a name/],
    ["/x@s%2fn", /between a scope and a name/],
    ["/@s/@t%2fn", /another scoped name/],
    ["/@s/..", /dot segment/],
    ["/@s//n", /empty segment/],
    ["/@s/", /ends in a slash/],
    ["/-/ping/", /ends in a slash/],
    ["/-/log//", /empty segment/],
    ["/a?b%00", /control character/],
    ["/a?b%0A", /control character/],
    ["/a?b%ZZ", /broken percent escape/],
    ["/a?b%ff", /not valid UTF-8/],
    ["/a?b\\c", /backslash/],
    ["/a?b c", /space or control/],
  ] as const) {
    assert.match(refused(target), reason, target);
  }
});

test("accepts what encodeURIComponent produces and makes it canonical", () => {
  assert.equal(accepted("/a%20b"), "/a%20b");
  assert.equal(accepted("/a%7bb"), "/a%7Bb");
  assert.equal(accepted("/a%c3%a9"), "/a%C3%A9");
  assert.equal(accepted("/a%3A%2b%2C%3D%24%26"), "/a:+,=$&");
  assert.equal(accepted("/pkg/%5E1.0.0"), "/pkg/%5E1.0.0");
});

test("keeps a query as it was sent and drops an empty one", () => {
  assert.equal(accepted("/a?write=true"), "/a?write=true");
  assert.equal(
    accepted("/-/v1/search?text=100%25%20caf%C3%A9&size=20"),
    "/-/v1/search?text=100%25%20caf%C3%A9&size=20",
  );
  assert.equal(accepted("/a?"), "/a");
  assert.equal(accepted("/a?b=/../c?d"), "/a?b=/../c?d");
});

test("refuses a target above the limit and accepts one at it", () => {
  const longest = `/${"a".repeat(maxTargetBytes - 1)}`;
  assert.equal(accepted(longest), longest);
  assert.match(refused(`${longest}a`), /longer than 2048 bytes/);
});

const nasty = fc.string({
  unit: fc.constantFrom(
    "/",
    "@",
    "-",
    ".",
    "%2f",
    "%2F",
    "%40",
    "%2e",
    "%25",
    "%5c",
    "%00",
    "%C3%A9",
    "%c3",
    "a",
    "N",
    "~",
    "!",
    ";",
    "\\",
    "?",
    "#",
    " ",
    "é",
    ":",
    "+",
  ),
  maxLength: 12,
});

test("the canonical form of a canonical form is itself", () => {
  fc.assert(
    fc.property(fc.oneof(nasty, fc.webPath()), (text) => {
      const first = readPath(`/${text}`);
      if (!first.ok) return;
      assert.deepEqual(readPath(first.url), first);
    }),
    { numRuns: 3000 },
  );
});

test("no accepted path holds a dot, empty or ambiguous segment, and it decodes once to what every spelling means", () => {
  fc.assert(
    fc.property(fc.oneof(nasty, fc.webPath()), (text) => {
      const result = readPath(`/${text}`);
      if (!result.ok || result.path === "/") return;
      const segments = result.path.replace(/\/$/, "").slice(1).split("/");
      for (const segment of segments) {
        const decoded = decodeURIComponent(segment);
        assert.ok(decoded !== "" && decoded !== "." && decoded !== "..");
        assert.doesNotMatch(decoded, /[\u0000-\u001f\u007f-\u009f\\%;]/);
        if (decoded.includes("/")) assert.match(decoded, /^@[^/]+\/[^/]+$/);
      }
      const sent = `/${text}`.split("?", 1)[0] ?? "";
      assert.equal(decodeURIComponent(result.path), decodeURIComponent(sent));
    }),
    { numRuns: 3000 },
  );
});

test("a name survives every spelling a client may use", () => {
  const word = fc
    .string({ unit: fc.constantFrom(...Array.from("aZ09-_.!~*'()")), minLength: 1, maxLength: 8 })
    .filter((w) => w !== "-" && !/^\.{1,2}$/.test(w));
  fc.assert(
    fc.property(word, word, (scope, name) => {
      const spellings = [
        `/@${scope}/${name}`,
        `/@${scope}%2f${name}`,
        `/@${scope}%2F${name}`,
        `/${encodeURIComponent(`@${scope}/${name}`)}`,
      ];
      for (const spelling of spellings) {
        const result = readPath(spelling);
        assert.ok(result.ok, spelling);
        assert.equal(decodeURIComponent(result.path.slice(1)), `@${scope}/${name}`);
        assert.equal(result.path, `/@${scope}%2F${name}`);
      }
    }),
  );
});

test("never throws, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      readPath(text);
      readPath(`/${text}`);
    }),
    { numRuns: 2000 },
  );
});
