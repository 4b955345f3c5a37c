import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type ArchiveReport, readArchive } from "./archive.ts";
import { endBlocks, manifestEntry, paxHeader, paxRecord, tarEntry, tarFile, tarHeader, tgz } from "./crafted-tar.ts";

const limits = { unpackedBytes: 8 * 1024 * 1024, entries: 1000 };
const m = manifestEntry();

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function read(archive: Uint8Array, chunk = 65536): Promise<ArchiveReport> {
  return readArchive(inChunks(archive, chunk), archive.length, limits);
}

const long = "d".repeat(60);

/** A file as npm packs it whose path is too long for a header: the whole in pax, the beginning in prefix and name. */
function longPath(prefix: string, rest: string, content = ""): readonly Buffer[] {
  return [paxHeader([["path", `${prefix}/${rest}`]]), tarFile(rest.slice(0, 99), content, { prefix })];
}

const refused: readonly (readonly [what: string, rule: string, archive: Uint8Array])[] = [
  [
    "a file twice with other bytes",
    "archive/duplicate-file",
    tgz(m, tarFile("package/a", "1"), tarFile("package/a", "2")),
  ],
  ["package.json twice with other bytes", "archive/duplicate-file", tgz(m, manifestEntry({ name: "b" }))],
  [
    "a file twice, once executable",
    "archive/duplicate-file",
    tgz(m, tarFile("package/a", "1"), tarFile("package/a", "1", { mode: "000755 \0" })),
  ],
  ["two root folders", "archive/two-roots", tgz(m, tarFile("other/package.json", "{}"))],
  ["a folder in a second root", "archive/two-roots", tgz(m, tarEntry({ name: "other/x/", type: "5" }))],
  ["a file in no folder", "archive/outside-root", tgz(m, tarFile("evil.js"))],
  ["a climbing path", "archive/climbing-path", tgz(m, tarFile("package/../../x"))],
  ["a climbing folder", "archive/climbing-path", tgz(m, tarEntry({ name: "package/../", type: "5" }))],
  ["a climbing root", "archive/climbing-path", tgz(m, tarFile("../x"))],
  ["an absolute path", "archive/absolute-path", tgz(m, tarFile("/etc/passwd"))],
  ["a dot segment", "archive/dot-segment", tgz(m, tarFile("package/./x"))],
  ["an empty segment", "archive/dot-segment", tgz(m, tarFile("package//x"))],
  ["a leading dot segment", "archive/dot-segment", tgz(m, tarFile("./package/x"))],
  ["a backslash", "archive/backslash", tgz(m, tarFile("package/a\\..\\b"))],
  ["a drive letter behind the root", "archive/drive-letter", tgz(m, tarFile("package/C:/x"))],
  ["a line break in a path", "archive/control-character", tgz(m, tarFile("package/a\nb"))],
  ["a delete character in a path", "archive/control-character", tgz(m, tarFile("package/a\x7f"))],
  ["a name that goes on behind NUL", "archive/bad-header", tgz(m, tarFile("package/a\0\nb"))],
  ["a prefix that goes on behind NUL", "archive/bad-header", tgz(m, tarFile("a", "", { prefix: "package\0\nb" }))],
  ["a NUL in a pax path", "archive/bad-pax", tgz(m, paxHeader([["path", "package/a\0b"]]), tarFile("package/c"))],
  [
    "a path that is not UTF-8",
    "archive/path-not-utf8",
    tgz(m, tarEntry({ name: Buffer.from("package/\xff", "latin1") })),
  ],
  [
    "a path over 1,024 bytes",
    "archive/path-too-long",
    tgz(m, paxHeader([["path", `package/${"x".repeat(1020)}`]]), tarFile("package/c")),
  ],
  ["a symbolic link", "archive/link", tgz(m, tarEntry({ name: "package/l", type: "2", link: "/etc" }))],
  ["a hard link", "archive/link", tgz(m, tarEntry({ name: "package/l", type: "1", link: "package/package.json" }))],
  ["a GNU long link", "archive/link", tgz(m, tarEntry({ name: "@", type: "K" }, "x\0"), tarFile("package/a"))],
  ["a link target on a file", "archive/link", tgz(m, tarFile("package/a", "", { link: "x" }))],
  ["a line break in an empty link target", "archive/link", tgz(m, tarFile("package/a", "", { link: "\0\n" }))],
  ["a character device", "archive/device", tgz(m, tarEntry({ name: "package/d", type: "3" }))],
  ["a pipe", "archive/device", tgz(m, tarEntry({ name: "package/d", type: "6" }))],
  ["a sparse file", "archive/unknown-type", tgz(m, tarEntry({ name: "package/d", type: "S" }))],
  ["a contiguous file", "archive/unknown-type", tgz(m, tarEntry({ name: "package/d", type: "7" }))],
  ["an unknown type", "archive/unknown-type", tgz(m, tarEntry({ name: "package/d", type: "Z" }))],
  ["a set-user bit", "archive/special-mode", tgz(m, tarFile("package/a", "", { mode: "004755 \0" }))],
  ["a set-group bit", "archive/special-mode", tgz(m, tarFile("package/a", "", { mode: "002755 \0" }))],
  ["a wrong checksum", "archive/bad-checksum", tgz(m, tarFile("package/a", "", { checksum: "000000\0 " }))],
  ["a checksum that is no number", "archive/bad-header", tgz(m, tarFile("package/a", "", { checksum: "abcdef\0 " }))],
  ["a size that is no octal number", "archive/bad-header", tgz(m, tarFile("package/a", "", { size: "00000000009 " }))],
  ["a size with trailing letters", "archive/bad-header", tgz(m, tarFile("package/a", "", { size: "0000000000 x" }))],
  [
    "a size in base 256",
    "archive/bad-header",
    tgz(m, tarEntry({ name: "package/a", size: "\x80\0\0\0\0\0\0\0\0\0\0\0" })),
  ],
  [
    "an owner in base 256 that is too large",
    "archive/bad-header",
    tgz(m, tarFile("package/a", "", { uid: Buffer.from([0x80, 1, 0, 0, 0, 0, 0, 0]) })),
  ],
  [
    "an owner in a base that is none",
    "archive/bad-header",
    tgz(m, tarFile("package/a", "", { uid: Buffer.from([0x90, 0, 0, 0, 0, 0, 0, 1]) })),
  ],
  ["a file without a size", "archive/bad-header", tgz(m, tarFile("package/a", "", { size: "            " }))],
  ["a header without a name", "archive/bad-header", tgz(m, tarFile("", "abc"))],
  ["a file whose name ends in a slash", "archive/bad-header", tgz(m, tarFile("package/a/"))],
  [
    "a file whose pax path ends in a slash",
    "archive/bad-header",
    tgz(m, paxHeader([["path", "package/a/"]]), tarFile("package/a")),
  ],
  [
    "a folder with contents",
    "archive/bad-header",
    tgz(m, tarEntry({ name: "package/d/", type: "5" }, "x".repeat(512))),
  ],
  [
    "a prefix in a GNU header",
    "archive/bad-header",
    tgz(m, tarFile("package/a", "", { magic: "ustar  \0", prefix: "x" })),
  ],
  ["a prefix in an old header", "archive/bad-header", tgz(m, tarFile("package/a", "", { magic: "", prefix: "x" }))],
  [
    "a prefix and a half-right magic",
    "archive/bad-header",
    tgz(m, tarFile("package/a", "", { magic: "ustar\x0001", prefix: "x" })),
  ],
  [
    "a pax path and another prefix",
    "archive/path-twice",
    tgz(m, paxHeader([["path", "package/b"]]), tarFile("a", "", { prefix: "lib" })),
  ],
  [
    "a pax path and a prefix that ends within a folder of it",
    "archive/path-twice",
    tgz(m, paxHeader([["path", `package/${long}/b`]]), tarFile("b", "", { prefix: "package/d" })),
  ],
  [
    "a long path that a client reads as another file's, before it",
    "archive/path-twice",
    tgz(m, tarFile("package/lib/package/lib/b", "1"), ...longPath("package/lib", "b", "2")),
  ],
  [
    "a long path that a client reads as another file's, behind it",
    "archive/path-twice",
    tgz(m, ...longPath("package/lib", "b", "2"), tarFile("package/lib/package/lib/b", "1")),
  ],
  [
    "two long paths that a client reads as one",
    "archive/path-twice",
    tgz(m, ...longPath("package", "package/package/b"), ...longPath("package/package", "b")),
  ],
  ["a long path twice", "archive/path-twice", tgz(m, ...longPath("package", "b"), ...longPath("package", "b"))],
  [
    "a GNU long name and another prefix",
    "archive/path-twice",
    tgz(m, tarEntry({ name: "@", type: "L" }, "package/b\0"), tarFile("a", "", { prefix: "lib" })),
  ],
  [
    "a pax size other than the header's",
    "archive/size-twice",
    tgz(m, paxHeader([["size", "600"]]), tarFile("package/a", "x".repeat(100))),
  ],
  ["a pax size that is no number", "archive/bad-pax", tgz(m, paxHeader([["size", "0x10"]]), tarFile("package/a"))],
  [
    "a pax path twice",
    "archive/bad-pax",
    tgz(
      m,
      paxHeader([
        ["path", "package/a"],
        ["path", "package/b"],
      ]),
      tarFile("package/c"),
    ),
  ],
  ["an empty pax path", "archive/bad-pax", tgz(m, paxHeader([["path", ""]]), tarFile("package/c"))],
  [
    "a pax path hidden behind a line break",
    "archive/bad-pax",
    tgz(m, paxHeader([["comment", "x\n18 path=package/z"]]), tarFile("package/c")),
  ],
  [
    "a pax path hidden in an extended attribute",
    "archive/bad-pax",
    tgz(m, paxHeader([["SCHILY.xattr.a", "x\n18 path=package/z"]]), tarFile("package/c")),
  ],
  [
    "a line break in another vendor's pax key",
    "archive/bad-pax",
    tgz(m, paxHeader([["NODETAR.x", "x\ny"]]), tarFile("package/c")),
  ],
  [
    "a pax record with a wrong length",
    "archive/bad-pax",
    tgz(m, tarEntry({ name: "x", type: "x" }, "99 path=package/a\n"), tarFile("package/c")),
  ],
  [
    "a pax record with spaces before its length",
    "archive/bad-pax",
    tgz(m, tarEntry({ name: "x", type: "x" }, " 18 path=package/a\n"), tarFile("package/c")),
  ],
  [
    "a pax record without a key",
    "archive/bad-pax",
    tgz(m, tarEntry({ name: "x", type: "x" }, "6 =ab\n"), tarFile("package/c")),
  ],
  ["a pax mode", "archive/pax-key", tgz(m, paxHeader([["mode", "0755"]]), tarFile("package/c"))],
  ["a pax link path", "archive/pax-key", tgz(m, paxHeader([["linkpath", "/etc"]]), tarFile("package/c"))],
  ["a pax sparse name", "archive/pax-key", tgz(m, paxHeader([["GNU.sparse.name", "package/z"]]), tarFile("package/c"))],
  ["a pax real size", "archive/pax-key", tgz(m, paxHeader([["SCHILY.realsize", "5"]]), tarFile("package/c"))],
  ["a global path", "archive/global-header", tgz(paxHeader([["path", "package/z"]], "g"), m)],
  ["a global size", "archive/global-header", tgz(paxHeader([["size", "0"]], "g"), m)],
  [
    "two pax headers before one file",
    "archive/bad-header",
    tgz(m, paxHeader([["path", "package/a"]]), paxHeader([["path", "package/b"]]), tarFile("package/c")),
  ],
  [
    "a GNU long name and a pax header",
    "archive/bad-header",
    tgz(m, tarEntry({ name: "@", type: "L" }, "package/b\0"), paxHeader([["path", "package/a"]]), tarFile("package/c")),
  ],
  [
    "a global header between a pax header and its file",
    "archive/bad-header",
    tgz(m, paxHeader([["path", "package/a"]]), paxHeader([["comment", "x"]], "g"), tarFile("package/c")),
  ],
  [
    "a GNU long name that goes on behind NUL",
    "archive/bad-header",
    tgz(m, tarEntry({ name: "@", type: "L" }, "package/b\0c"), tarFile("package/c")),
  ],
  ["an empty extended header", "archive/bad-header", tgz(m, tarEntry({ name: "x", type: "x" }), tarFile("package/c"))],
  [
    "an extended header over 1 MiB",
    "archive/bad-header",
    tgz(m, paxHeader([["comment", "x".repeat(1024 * 1024)]]), tarFile("package/c")),
  ],
  ["an extended header with no entry", "archive/truncated", tgz(m, paxHeader([["path", "package/a"]]))],
  ["an entry behind one zero block", "archive/after-end", tgz(m, Buffer.alloc(512), tarFile("package/a"))],
  ["an entry behind the end", "archive/after-end", tgz(m, endBlocks, tarFile("package/a"))],
  [
    "a tar cut inside a file",
    "archive/truncated",
    gzipSync(Buffer.concat([m, tarHeader({ name: "package/a" }, 1000), Buffer.alloc(600, 1)])),
  ],
  [
    "a tar cut inside a header",
    "archive/truncated",
    gzipSync(Buffer.concat([m, tarHeader({ name: "package/a" }, 0).subarray(0, 300)])),
  ],
  ["a tar cut inside padding", "archive/truncated", gzipSync(m.subarray(0, 600))],
  ["a file and a folder of one name", "archive/file-and-folder", tgz(m, tarFile("package/a"), tarFile("package/a/b"))],
  [
    "a folder and a file of one name",
    "archive/file-and-folder",
    tgz(m, tarFile("package/a/b/c"), tarFile("package/a")),
  ],
  [
    "a file and a folder of one name, with names between them that sort below a slash",
    "archive/file-and-folder",
    tgz(m, tarFile("package/a"), tarFile("package/a-b"), tarFile("package/a.js"), tarFile("package/a/b")),
  ],
  [
    "a folder entry and a file of one name",
    "archive/file-and-folder",
    tgz(m, tarEntry({ name: "package/a/", type: "5" }), tarFile("package/a")),
  ],
  ["no package.json", "archive/no-package-json", tgz(tarFile("package/index.js"))],
  ["package.json in a deeper folder only", "archive/no-package-json", tgz(tarFile("package/lib/package.json", "{}"))],
  ["nothing", "archive/no-package-json", tgz()],
  [
    "a package.json over 1 MiB",
    "archive/package-json-too-large",
    tgz(tarFile("package/package.json", "x".repeat(1024 * 1024 + 1))),
  ],
  [
    "too many entries",
    "archive/too-many-entries",
    tgz(m, ...Array.from({ length: 1000 }, (_, i) => tarFile(`package/${i}`))),
  ],
  ["more bytes than allowed", "archive/too-large", tgz(m, tarFile("package/a", randomBytes(8 * 1024 * 1024)))],
  ["a second gzip member", "archive/trailing-bytes", Buffer.concat([gzipSync(m), tgz(tarFile("package/a"))])],
  ["an empty second gzip member", "archive/trailing-bytes", Buffer.concat([tgz(m), gzipSync("")])],
  [
    "a second gzip member behind zeros",
    "archive/trailing-bytes",
    Buffer.concat([tgz(m), Buffer.alloc(512), tgz(tarFile("package/a"))]),
  ],
  ["junk behind the gzip member", "archive/trailing-bytes", Buffer.concat([tgz(m), Buffer.from("junk")])],
  ["a cut gzip stream", "archive/truncated", tgz(m, tarFile("package/a", randomBytes(5000))).subarray(0, 3000)],
  ["a gzip stream cut in its trailer", "archive/truncated", tgz(m).subarray(0, -3)],
  ["a gzip header alone", "archive/truncated", tgz(m).subarray(0, 10)],
  ["an empty file", "archive/truncated", Buffer.alloc(0)],
  ["a plain tar", "archive/not-gzip", Buffer.concat([m, endBlocks])],
  ["other bytes", "archive/not-gzip", Buffer.from("<html>not found</html>")],
  [
    "a gzip header that never ends",
    "archive/bad-gzip",
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(70_000, 1)]),
  ],
  ["unknown gzip flags", "archive/bad-gzip", withByte(tgz(m), 3, 0x20)],
  ["a wrong gzip checksum", "archive/bad-gzip", withByte(tgz(m), -8, undefined)],
  ["a wrong gzip length", "archive/bad-gzip", withByte(tgz(m), -4, undefined)],
  ["damaged deflate data", "archive/bad-gzip", withByte(tgz(m), 10, 0x07)],
];

function withByte(bytes: Buffer, at: number, value: number | undefined): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = value ?? (copy[index] ?? 0) ^ 0x55;
  return copy;
}

describe("readArchive refuses", () => {
  for (const [what, rule, archive] of refused) {
    test(what, async () => {
      for (const chunk of [65536, 7]) {
        if (chunk === 7 && archive.length > 100_000) continue;
        const report = await read(archive, chunk);
        assert.equal(report.verdict, "refused", `accepted with ${JSON.stringify(report.findings)}`);
        assert.ok(report.verdict === "refused");
        assert.equal(report.rule, rule);
        assert.match(report.reason, /^[\x20-\x7e]{1,400}$/);
      }
    });
  }

  test("a bomb by its ratio, long before it is unpacked", async () => {
    const bomb = gzipSync(Buffer.concat([m, tarHeader({ name: "package/z" }, 60_000_000), Buffer.alloc(60_000_256)]));
    const report = await readArchive(inChunks(bomb, 65536), bomb.length, { unpackedBytes: 2 ** 31, entries: 10 });
    assert.ok(report.verdict === "refused");
    assert.equal(report.rule, "archive/too-large");
  });
});

const found: readonly (readonly [
  what: string,
  rules: readonly string[],
  archive: Uint8Array,
  paths?: readonly string[],
])[] = [
  ["a plain archive", [], tgz(m)],
  [
    "folder entries",
    [],
    tgz(tarEntry({ name: "package/", type: "5" }), m, tarEntry({ name: "package/lib", type: "5" })),
  ],
  ["folders with special modes", [], tgz(m, tarEntry({ name: "package/lib/", type: "5", mode: "002755 \0" }))],
  ["an old header", [], tgz(m, tarFile("package/a", "x", { magic: "", type: "\0" })), ["package.json", "a"]],
  ["a GNU header", [], tgz(m, tarFile("package/a", "x", { magic: "ustar  \0" })), ["package.json", "a"]],
  ["a ustar prefix", [], tgz(m, tarFile("a", "x", { prefix: `package/${long}` })), ["package.json", `${long}/a`]],
  [
    "owners in base 256",
    [],
    tgz(
      m,
      ...[
        [0x80, 0, 0, 0, 0, 0x20, 0, 1],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
      ].map((uid, i) => tarFile(`package/${i}`, "", { uid: Buffer.from(uid) })),
    ),
    ["package.json", "0", "1"],
  ],
  ["file type bits in the mode", [], tgz(m, tarFile("package/a", "x", { mode: "100644\0 " })), ["package.json", "a"]],
  [
    "a pax path",
    [],
    tgz(
      m,
      paxHeader([
        ["mtime", "1.5"],
        ["path", `package/${long}/${long}/é`],
      ]),
      tarFile("package/x"),
    ),
    ["package.json", `${long}/${long}/é`],
  ],
  [
    "a pax size that equals the header's",
    [],
    tgz(m, paxHeader([["size", "3"]]), tarFile("package/x", "abc")),
    ["package.json", "x"],
  ],
  [
    "vendor pax keys",
    [],
    tgz(
      m,
      paxHeader([
        ["SCHILY.dev", "5"],
        ["LIBARCHIVE.xattr.com.apple.x", "AA"],
        ["NODETAR.depth", "1"],
      ]),
      tarFile("package/x"),
    ),
    ["package.json", "x"],
  ],
  [
    "binary extended attributes",
    [],
    tgz(
      m,
      paxHeader([
        ["SCHILY.xattr.com.apple.x", "\0\n\0z"],
        ["path", "package/y"],
      ]),
      tarFile("package/x"),
    ),
    ["package.json", "y"],
  ],
  ["another root name", [], tgz(tarFile("a-1.0.0/package.json", "{}"))],
  ["a comment for all", ["archive/global-comment"], tgz(paxHeader([["comment", "0123abcd"]], "g"), m)],
  [
    "a GNU long name",
    ["archive/gnu-long-name"],
    tgz(m, tarEntry({ name: "././@LongLink", type: "L" }, `package/${long}/${long}\0`), tarFile(`package/${long}`)),
    ["package.json", `${long}/${long}`],
  ],
  [
    "long names, as npm packs them",
    ["archive/long-path"],
    tgz(m, ...longPath("package", `${"f".repeat(120)}.js`), ...longPath(`package/${long}/${long}`, "e".repeat(300))),
    ["package.json", `${"f".repeat(120)}.js`, `${long}/${long}/${"e".repeat(300)}`],
  ],
  [
    "a name in another script, which npm packs as an extended path too",
    ["archive/long-path"],
    tgz(m, ...longPath(`package/${"\u00e9".repeat(60)}`, "x.js")),
    ["package.json", `${"\u00e9".repeat(60)}/x.js`],
  ],
  [
    "a long name as pnpm 12 packs it: GNU, with a rest in the header that means nothing",
    ["archive/gnu-long-name", "archive/long-path"],
    tgz(
      m,
      tarEntry({ name: "././@LongLink", type: "L", magic: "ustar  \0" }, `package/${long}/${long}\0`),
      tarFile(`package/${long}`, "", { prefix: `package/${long}` }),
    ),
    ["package.json", `${long}/${long}`],
  ],
  [
    "a long name as Bun packs it: cut within a character",
    ["archive/long-path"],
    tgz(
      m,
      tarEntry({ name: Buffer.from("PaxHeader/\xf0", "latin1"), type: "x" }, paxRecord("path", "package/\u{1f600}.js")),
      tarEntry({ name: Buffer.from("\xf0\x9f", "latin1"), prefix: "package" }),
    ),
    ["package.json", "\u{1f600}.js"],
  ],
  ["the same file twice", ["archive/repeated-file"], tgz(m, m)],
  [
    "twins by case",
    ["archive/twin-names"],
    tgz(m, tarFile("package/README.md", "1"), tarFile("package/readme.md", "2")),
    ["package.json", "README.md", "readme.md"],
  ],
  [
    "twins by normal form",
    ["archive/twin-names"],
    tgz(m, tarFile("package/\u00e9", "1"), tarFile("package/e\u0301", "2")),
    ["package.json", "\u00e9", "e\u0301"],
  ],
  ["zeros behind the gzip member", ["archive/zero-padding"], Buffer.concat([tgz(m), Buffer.alloc(700)])],
  ["missing end blocks", ["archive/no-end-blocks"], gzipSync(m)],
  ["one end block", ["archive/no-end-blocks"], gzipSync(Buffer.concat([m, Buffer.alloc(512)]))],
  ["a git folder", ["archive/git-folder"], tgz(m, tarFile("package/.git/hooks/x")), ["package.json", ".git/hooks/x"]],
  ["a root .npmrc", ["archive/npmrc"], tgz(m, tarFile("package/.npmrc")), ["package.json", ".npmrc"]],
];

describe("readArchive accepts and names", () => {
  for (const [what, rules, archive, paths = ["package.json"]] of found) {
    test(what, async () => {
      for (const chunk of [65536, 3]) {
        const report = await read(archive, chunk);
        assert.ok(report.verdict === "accepted", JSON.stringify(report));
        assert.deepEqual(
          report.findings.map((finding) => finding.rule),
          rules,
        );
        assert.deepEqual(
          report.files.map((file) => Buffer.from(file.path).toString()),
          paths,
        );
      }
    });
  }
});

describe("readArchive reports", () => {
  test("the digest, size and executable bit of each file, and package.json", async () => {
    const manifest = JSON.stringify({ name: "x" });
    const body = randomBytes(200_000);
    const archive = tgz(
      tarFile("x/package.json", manifest),
      tarFile("x/run", body, { mode: "000755 \0" }),
      tarFile("x/binding.gyp", "{}"),
    );
    const report = await read(archive);
    assert.ok(report.verdict === "accepted");
    assert.equal(report.root, "x");
    assert.equal(Buffer.from(report.packageJson).toString(), manifest);
    assert.equal(report.hasGypFile, true);
    const [, run] = report.files;
    assert.deepEqual(
      { ...run, path: Buffer.from(run?.path ?? []).toString() },
      {
        path: "run",
        sizeBytes: 200_000,
        sha256Hex: createHash("sha256").update(body).digest("hex"),
        executable: true,
      },
    );
    assert.equal(report.unpackedBytes % 512, 0);
  });

  test("a gyp file below the root as none", async () => {
    const report = await read(tgz(m, tarFile("package/deps/binding.gyp")));
    assert.ok(report.verdict === "accepted");
    assert.equal(report.hasGypFile, false);
  });

  test("a gzip header with every optional field", async () => {
    const plain = tgz(m);
    const header = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 0x1d, 0, 0, 0, 0, 0, 3]),
      Buffer.from([3, 0, 1, 2, 3]),
      Buffer.from("name.tar\0"),
      Buffer.from("comment\0"),
    ]);
    const archive = Buffer.concat([header.fill(0x1c, 3, 4), plain.subarray(10)]);
    for (const chunk of [1, 65536]) {
      const report = await read(archive, chunk);
      assert.equal(report.verdict, "accepted");
    }
  });

  test("an error of the source by throwing it", async () => {
    const broken = (async function* () {
      yield tgz(m).subarray(0, 50);
      throw new Error("socket closed");
    })();
    await assert.rejects(readArchive(broken, 1000, limits), /socket closed/);
  });

  test("pax records whose length counts its own digits", () => {
    assert.equal(paxRecord("path", "x".repeat(91)).toString().split(" ")[0], "101");
  });
});
