import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Parser } from "tar";
import { readArchive } from "./archive.ts";
import { endBlocks, manifestEntry, paxHeader, tarEntry, tarFile, tarHeader } from "./crafted-tar.ts";

/** What npm would extract: path after the first segment, the last one wins. Undefined when its reader complains. */
async function listedByNpm(archive: Uint8Array): Promise<Map<string, string> | undefined> {
  const files = new Map<string, string>();
  let complaint: string | undefined;
  await new Promise<void>((resolve) => {
    const parser = new Parser({
      maxDecompressionRatio: Infinity,
      onwarn: (code, message) => {
        complaint ??= `${code} ${message}`;
      },
      onReadEntry: (entry) => {
        const hash = createHash("sha256");
        entry.on("data", (bytes) => hash.update(bytes));
        entry.on("end", () => {
          if (entry.type === "Directory") return;
          assert.ok(["File", "OldFile"].includes(entry.type), entry.type);
          const executable = ((entry.mode ?? 0) & 0o100) !== 0 ? "x" : "f";
          files.set(entry.path.split("/").slice(1).join("/"), `${executable} ${hash.digest("hex")}`);
        });
        entry.resume();
      },
      ondone: resolve,
    });
    parser.on("abort", () => resolve());
    parser.end(Buffer.from(archive));
  });
  return complaint === undefined ? files : undefined;
}

async function listedHere(archive: Uint8Array): Promise<Map<string, string> | undefined> {
  const source = (async function* () {
    yield archive;
  })();
  const report = await readArchive(source, archive.length, { unpackedBytes: 2 ** 24, entries: 1000 });
  if (report.verdict === "refused") return undefined;
  return new Map(
    report.files.map((file) => [Buffer.from(file.path).toString(), `${file.executable ? "x" : "f"} ${file.sha256Hex}`]),
  );
}

const names = fc.oneof(
  fc.constantFrom(
    "package/a",
    "package/a/b",
    "package/B",
    "package/b",
    "package/lib/x.js",
    "package/",
    "other/x",
    "a",
    "package/p.gyp",
  ),
  fc.constantFrom(
    "package/package.json",
    "./package/y",
    "package//z",
    "package/../w",
    "/x",
    "package/a\0b",
    "package/é",
    "package/C:x",
  ),
);
const digits = fc.constantFrom(
  undefined,
  undefined,
  undefined,
  "00000000001 ",
  "00000001000\0",
  "   100 \0",
  "0000000008 ",
  "\x80",
  "",
);
const fields = fc.record({
  name: names,
  type: fc.constantFrom("0", "0", "0", "0", "\0", "5", "1", "2", "7", "L", "K", "x", "g", "Z"),
  size: digits,
  mode: fc.constantFrom("000644 \0", "000755 \0", "100755\0 ", "004755\0 ", "644", ""),
  magic: fc.constantFrom("ustar\x0000", "ustar\x0000", "ustar  \0", "", "ustar\x0001"),
  prefix: fc.constantFrom("", "", "", "package", "pre/fix", "p\0\nq"),
  link: fc.constantFrom("", "", "", "", "package/a"),
});
const entry = fc
  .tuple(fields, fc.uint8Array({ maxLength: 600 }))
  .map(([header, content]) =>
    tarEntry(Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined)), content),
  );
const pax = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "path",
        "path",
        "size",
        "mtime",
        "comment",
        "linkpath",
        "mode",
        "SCHILY.dev",
        "SCHILY.xattr.a",
        "GNU.sparse.name",
      ),
      fc.oneof(names, fc.constantFrom("12", "0", "", "x\n18 path=package/z", "0755")),
    ),
    { maxLength: 3 },
  )
  .map((records) => paxHeader(records));
/** A long path as npm packs it, or nearly so. */
const longPath = fc
  .tuple(names, fc.constantFrom("package", "package/lib", "pre/fix"), fc.constantFrom("package", "package/lib", "a"))
  .map(([rest, prefix, extended]) =>
    Buffer.concat([paxHeader([["path", `${extended}/${rest}`]]), tarFile(rest, "long", { prefix })]),
  );
const wellFormed = fc.tuple(names, fc.string()).map(([name, content]) => tarFile(name, content));
const part = fc.oneof(
  { weight: 4, arbitrary: wellFormed },
  { weight: 3, arbitrary: entry },
  { weight: 2, arbitrary: pax },
  { weight: 2, arbitrary: longPath },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Buffer.alloc(512), endBlocks, tarHeader({ name: "package/c" }, 3), Buffer.alloc(100)),
  },
  { weight: 1, arbitrary: names.map((name) => tarEntry({ name: "././@LongLink", type: "L" }, `${name}\0`)) },
);

describe("whatever is accepted, npm's own reader extracts alike", () => {
  test("for random archives", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), fc.boolean(), async (parts, ended) => {
        const archive = gzipSync(Buffer.concat([manifestEntry(), ...parts, ...(ended ? [endBlocks] : [])]), {
          level: 1,
        });
        const here = await listedHere(archive);
        if (here === undefined) return;
        accepted++;
        assert.deepEqual(here, await listedByNpm(archive));
      }),
      { numRuns: 1500 },
    );
    assert.ok(accepted > 50, `only ${accepted} archives were accepted: the test shows nothing`);
  });

  test("for a valid archive with one byte changed", async () => {
    const valid = Buffer.concat([
      manifestEntry(),
      paxHeader([["path", "package/lib/long"]]),
      tarFile("package/short", "abc", { mode: "000755 \0" }),
      tarFile("y", "def", { prefix: "package/x" }),
      paxHeader([["path", "package/x/longer"]]),
      tarFile("long", "ghi", { prefix: "package/x" }),
      endBlocks,
    ]);
    await fc.assert(
      fc.asyncProperty(fc.nat(valid.length - 1), fc.nat(255), fc.boolean(), async (at, byte, fix) => {
        const changed = Buffer.from(valid);
        changed[at] = byte;
        if (fix) fixChecksums(changed);
        const archive = gzipSync(changed, { level: 1 });
        const here = await listedHere(archive);
        if (here !== undefined) assert.deepEqual(here, await listedByNpm(archive));
      }),
      { numRuns: 1500 },
    );
  });
});

/** Makes the checksum right again of every block that says it is ustar. */
function fixChecksums(tar: Buffer): void {
  for (let start = 0; start + 512 <= tar.length; start += 512) {
    const block = tar.subarray(start, start + 512);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    block.write("        ", 148);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  }
}
