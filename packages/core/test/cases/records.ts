import {
  canonicalJson,
  encodeUtf8,
  errorKinds,
  formatRecord,
  fromHex,
  leafHash,
  manifestDigest,
  manifestFragment,
  manifestFragmentText,
  parseJson,
  parseRecord,
  sha256Portable,
  toBase64,
  treeDigest,
  AssayError,
  type ErrorCode,
  type TreeFile,
} from "@assay/core";
import type { Case, TreeFileVector } from "../context.ts";
import { equal, fail, ok, refuses } from "../expect.ts";

function treeFiles(files: readonly TreeFileVector[]): TreeFile[] {
  return files.map(({ pathHex, executable, sha256Hex }) => ({
    path: fromHex(pathHex),
    executable,
    sha256Hex,
  }));
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorKinds, code);
}

/** What a caller does with a version object out of a packument. */
function fragmentOf(json: string): string {
  const { value, duplicateKeys } = parseJson(json);
  if (duplicateKeys.length > 0) {
    const reason = `${duplicateKeys[0] ?? ""} occurs twice`;
    throw new AssayError("BAD_FORMAT", { what: "A manifest", reason });
  }
  if (typeof value !== "object" || value === null) fail("the vector is not an object");
  equal(canonicalJson(manifestFragment(value)), manifestFragmentText(value));
  return manifestFragmentText(value);
}

/** Cases about records and the digests in them. */
export const recordCases: readonly Case[] = [
  {
    name: "good records are read, written and hashed as the vectors say",
    run: ({ sha256, vectors }) => {
      for (const { name, text, record, leafHash: hash } of vectors.records.good) {
        const read = parseRecord(text);
        equal(read, record, name);
        if (read.kind === "unknown") fail(`${name}: is not known`);
        equal(formatRecord(read), text, name);
        equal(toBase64(leafHash(sha256, encodeUtf8(text))), hash, name);
      }
    },
  },
  {
    name: "bad records are refused with the code that the vectors say",
    run: ({ vectors }) => {
      for (const { name, text, code } of vectors.records.bad) {
        refuses(name, () => parseRecord(text), isCode(code) ? code : fail(`${code}: no such code`));
      }
    },
  },
  {
    name: "a good record with any line removed, doubled or swapped is refused",
    run: ({ vectors }) => {
      for (const { name, text } of vectors.records.good) {
        const lines = text.slice(0, -1).split("\n");
        for (const [i, line] of lines.entries()) {
          const without = lines.toSpliced(i, 1).join("\n");
          const doubled = lines.toSpliced(i, 0, line).join("\n");
          const swapped = lines.with(i, lines[i + 1] ?? "").with(i + 1 - lines.length, line);
          refuses(`${name} without line ${i}`, () => parseRecord(`${without}\n`));
          refuses(`${name} with line ${i} twice`, () => parseRecord(`${doubled}\n`));
          if (i + 1 < lines.length) {
            refuses(`${name} with line ${i} moved`, () => parseRecord(`${swapped.join("\n")}\n`));
          }
        }
      }
    },
  },
  {
    name: "a record of an unknown kind is skipped, not refused",
    run: () => {
      const text = "assay/v1 later\nns npm\nreason überholt, siehe 12\n";
      equal(parseRecord(text), { kind: "unknown", unknownKind: "later" });
    },
  },
  {
    name: "a record that could not be read is not written",
    run: ({ vectors }) => {
      const good = parseRecord(vectors.records.good[0]?.text ?? "");
      if (good.kind !== "bind") fail("the first vector is not a bind");
      const changes = [{ signer: "a\nseq 1" }, { signer: "" }, { time: 1.5 }, { seq: 0 }];
      for (const change of [...changes, { nonce: "x" }, { size: -1 }, { source: "a b" }]) {
        refuses(JSON.stringify(change), () => formatRecord({ ...good, ...change }));
      }
    },
  },
  {
    name: "manifest fragments and digests are as the vectors say",
    run: ({ sha256, vectors }) => {
      for (const { name, json, canonical, digest } of vectors.manifests.good) {
        const text = fragmentOf(json);
        equal(text, canonical, name);
        equal(manifestDigest(sha256, text), digest, name);
        const again = fragmentOf(text);
        equal(again, canonical, `${name}: the fragment of a fragment`);
      }
      for (const { name, json } of vectors.manifests.bad) refuses(name, () => fragmentOf(json));
    },
  },
  {
    name: "tree digests are as the vectors say, in whatever order files come",
    run: ({ sha256, vectors }) => {
      for (const { name, files, digest } of vectors.trees.good) {
        equal(treeDigest(sha256, treeFiles(files)), digest, name);
        equal(treeDigest(sha256, treeFiles(files).toReversed()), digest, name);
      }
      for (const { name, files } of vectors.trees.bad) {
        refuses(name, () => treeDigest(sha256, treeFiles(files)));
      }
    },
  },
  {
    name: "a tree digest takes more files than a call takes arguments",
    run: ({ sha256 }) => {
      const files = Array.from({ length: 150_000 }, (_, i) => ({ path: encodeUtf8(`f/${i}`), executable: false }));
      const sha256Hex = "0".repeat(64);
      ok(
        treeDigest(
          sha256,
          files.map((file) => ({ ...file, sha256Hex })),
        ).startsWith("t1-"),
        "the digest",
      );
    },
  },
  {
    name: "canonical JSON is as the vectors say",
    run: ({ vectors }) => {
      for (const { name, json, canonical } of vectors.jcs.good) {
        equal(canonicalJson(parseJson(json, { maxDepth: 2000 }).value), canonical, name);
      }
      for (const { name, json } of vectors.jcs.bad) {
        refuses(name, () => canonicalJson(parseJson(json, { maxDepth: 2000 }).value));
      }
      const values = [undefined, () => 1, Symbol("s"), 1n, Number.NaN, new Date(0), new Map()];
      // oxlint-disable-next-line no-sparse-arrays -- a hole is what is refused
      for (const value of [...values, [, 1], { a: undefined }, new Uint8Array(1), { toJSON() {} }]) {
        refuses(Object.prototype.toString.call(value), () => canonicalJson(value));
      }
      equal(canonicalJson(Object.create(null)), "{}");
    },
  },
  {
    name: "the portable SHA-256 equals the runtime's for every length to 300 bytes",
    run: async ({ sha256 }) => {
      for (let length = 0; length <= 300; length++) {
        const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 256);
        const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        equal(sha256Portable(bytes), expected, `length ${length}`);
        ok(sha256(bytes).length === 32, "the hash under test");
        equal(sha256(bytes), expected, `length ${length}, hash under test`);
      }
    },
  },
];
