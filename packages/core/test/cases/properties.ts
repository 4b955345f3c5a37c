import {
  appendLeaves,
  bundleDocument,
  canonicalJson,
  compareBytes,
  concatBytes,
  decodeEdge,
  decodeEntries,
  decodeUtf8,
  emptyEdge,
  encodeEdge,
  encodeEntries,
  encodeUtf8,
  equalBytes,
  formatCheckpoint,
  formatNote,
  formatRecord,
  formatTlogProof,
  formatVkey,
  fromBase64,
  fromHex,
  integrityBytes,
  integrityFromSha512,
  integrityHex,
  isAssayError,
  isKeyName,
  logIndex,
  parseBundle,
  parseCheckpoint,
  parseIntegrity,
  parseJson,
  parseNote,
  parsePackageName,
  parseRecord,
  parseTilePath,
  parseTlogProof,
  parseVersion,
  parseVkey,
  sha512Of,
  signatureLine,
  tilePath,
  toBase64,
  toHex,
  type Edge,
  type KnownRecord,
  type RecordKind,
  type RecordOf,
} from "@assay/core";
import fc from "fast-check";
import type { Case } from "../context.ts";
import { equal, ok } from "../expect.ts";

const runs = { numRuns: 200, seed: 20_261 };
const bytes = fc.uint8Array({ maxLength: 200 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const safeInteger = fc.oneof(fc.nat(), fc.maxSafeNat());
const keyName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((name) => isKeyName(name));

/** One of these ASCII characters. */
function anyOf(characters: string): fc.Arbitrary<string> {
  return fc.constantFrom(...characters.split(""));
}

const nameCharacters = "abcXYZ019-_.~!*'()";
const namePart = fc
  .string({ unit: anyOf(nameCharacters), minLength: 1, maxLength: 30 })
  .filter((part) => !part.startsWith(".") && !part.includes("..") && part !== "-");
const packageName = fc
  .oneof(
    namePart.filter((name) => !name.startsWith("_")),
    fc.tuple(namePart, namePart).map(([scope, name]) => `@${scope}/${name}`),
  )
  .map(parsePackageName);
const version = fc
  .string({ unit: anyOf("0123456789.-+abcXYZ_~!"), minLength: 1, maxLength: 40 })
  .filter((text) => text !== "." && text !== "..")
  .map(parseVersion);

const digest = (prefix: string) => hash.map((value) => prefix + toBase64(value));
const orNone = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant("-" as const), arbitrary);
const integrity = fc.uint8Array({ minLength: 64, maxLength: 64 }).map(integrityFromSha512);
const subject = {
  ns: fc.constantFrom("npm", "org:acme", `org:a_b${"c".repeat(61)}`, "jsr"),
  name: packageName,
  version,
};
const place = {
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  prev: orNone(safeInteger.map(logIndex)),
  time: fc.integer({ min: 0, max: 9_007_199_254_740 }),
  nonce: orNone(fc.uint8Array({ minLength: 16, maxLength: 16 }).map(toBase64)),
};
const source = fc.constantFrom("hosted", "upstream-1", "a");
const content = {
  integrity,
  tree: digest("t1-"),
  manifest: digest("sha256-"),
  size: safeInteger,
  source,
  signer: orNone(fc.constantFrom("SHA256:abc+/=", "key:1")),
};
const log = { ns: subject.ns, ...place };

/** Records of each kind; the compiler asks for a new kind here. */
const recordsOf: { readonly [Kind in RecordKind]: fc.Arbitrary<RecordOf<Kind>> } = {
  bind: fc.record({ kind: fc.constant("bind"), ...subject, ...content, ...place }),
  supersede: fc.record({
    kind: fc.constant("supersede"),
    ...subject,
    ...content,
    supersedes: safeInteger.map(logIndex),
    approval: digest("sha256-"),
    ...place,
  }),
  seen: fc.record({
    kind: fc.constant("seen"),
    ...subject,
    integrity: orNone(integrity),
    manifest: digest("sha256-"),
    source,
    ...place,
  }),
  confirm: fc.record({ kind: fc.constant("confirm"), ...subject, integrity, source, ...place }),
  conflict: fc.record({
    kind: fc.constant("conflict"),
    ...subject,
    integrity: orNone(integrity),
    tree: orNone(digest("t1-")),
    manifest: orNone(digest("sha256-")),
    source,
    evidence: orNone(digest("sha256-")),
    ...place,
  }),
  gone: fc.record({ kind: fc.constant("gone"), ...subject, source, ...place }),
  back: fc.record({ kind: fc.constant("back"), ...subject, source, ...place }),
  tag: fc.record({
    kind: fc.constant("tag"),
    ns: subject.ns,
    name: packageName,
    tag: version,
    from: orNone(version),
    to: orNone(version),
    source,
    ...place,
  }),
  deprecate: fc.record({
    kind: fc.constant("deprecate"),
    ...subject,
    message: orNone(digest("sha256-")),
    source,
    ...place,
  }),
  head: fc.record({
    kind: fc.constant("head"),
    ns: subject.ns,
    name: packageName,
    packument: digest("sha256-"),
    ...place,
  }),
  delegate: fc.record({
    kind: fc.constant("delegate"),
    ns: subject.ns,
    name: packageName,
    from: source,
    to: source,
    statement: digest("sha256-"),
    ...place,
  }),
  shard: fc.record({
    kind: fc.constant("shard"),
    side: fc.constantFrom("predecessor", "successor"),
    origin: keyName,
    size: safeInteger,
    root: hash.map(toBase64),
    ...log,
  }),
  key: fc.record({
    kind: fc.constant("key"),
    action: fc.constantFrom("add", "retire"),
    use: fc.constantFrom("registry-signature", "checkpoint"),
    owner: source,
    keyid: fc.constantFrom("SHA256:abc+/=", "caaf430b"),
    key: digest("sha256-"),
    ...log,
  }),
  policy: fc.record({
    kind: fc.constant("policy"),
    policies: digest("sha256-"),
    actor: orNone(digest("sha256-")),
    ...log,
  }),
  audit: fc.record({
    kind: fc.constant("audit"),
    acts: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    chain: digest("sha256-"),
    ...log,
  }),
};
const anyRecord: fc.Arbitrary<KnownRecord> = fc.oneof(...Object.values(recordsOf));

const checkpointNote = fc
  .tuple(hash, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
  .map(([root, size]) =>
    formatNote(formatCheckpoint({ origin: "log.example/npm", size, root }), [
      signatureLine("log.example/npm", new Uint8Array(4), new Uint8Array(64)),
    ]),
  );

function holds<T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      predicate(value);
    }),
    runs,
  );
}

/** A parser may refuse with an AssayError; whatever it accepts must be spelled in the one way it writes. */
function canonicalOrRefused(text: string, again: (text: string) => string | undefined): void {
  let written: string | undefined;
  try {
    written = again(text);
  } catch (error) {
    ok(isAssayError(error), `refused with ${String(error)}`);
    return;
  }
  if (written !== undefined) equal(written, text, "the accepted text written again");
}

/** Round trips of every formatter and parser. */
export const propertyCases: readonly Case[] = [
  {
    name: "bytes: hex, base64, UTF-8 and order round-trip",
    run: () => {
      holds(bytes, (value) => {
        equal(fromHex(toHex(value)), value);
        equal(fromBase64(toBase64(value)), value);
      });
      holds(fc.string({ unit: "binary" }), (text) => equal(decodeUtf8(encodeUtf8(text)), text));
      holds(fc.tuple(bytes, bytes), ([a, b]) => {
        equal(concatBytes(a, b), Uint8Array.from([...a, ...b]));
        equal(equalBytes(a, b), toHex(a) === toHex(b));
        equal(Math.sign(compareBytes(a, b)), toHex(a) < toHex(b) ? -1 : toHex(a) > toHex(b) ? 1 : 0);
      });
      holds(fc.string({ unit: anyOf("AQg/+=\n ") }), (text) =>
        canonicalOrRefused(text, (value) => toBase64(fromBase64(value))),
      );
    },
  },
  {
    name: "integrities round-trip and are found among others",
    run: () => {
      holds(integrity, (value) => {
        equal(parseIntegrity(value), value);
        equal(integrityFromSha512(integrityBytes(value)), value);
        equal(integrityHex(value), toHex(integrityBytes(value)));
        equal(sha512Of(`sha1-x  ${value}?opt\n${value}`), value);
      });
    },
  },
  {
    name: "vkeys, notes and checkpoints round-trip",
    run: () => {
      holds(fc.tuple(keyName, fc.constantFrom(1 as const, 4 as const), hash), ([name, type, key]) => {
        const read = parseVkey(formatVkey(name, type, key));
        equal([read.name, read.type, read.publicKey], [name, type, key]);
      });
      const line = fc.tuple(
        keyName,
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
      );
      const text = fc
        .array(fc.stringMatching(/^[ -~]{0,20}$/), { minLength: 1, maxLength: 5 })
        .map((lines) => `${lines.join("\n")}\n`);
      const lines = fc.array(line, { minLength: 1, maxLength: 5 });
      holds(fc.tuple(text, lines), ([body, signatures]) => {
        const note = formatNote(
          body,
          signatures.map(([name, keyId, signature]) => signatureLine(name, keyId, signature)),
        );
        const read = parseNote(encodeUtf8(note));
        equal(read.text, body);
        equal(
          read.signatures.map((one) => [one.name, one.keyIdHex, one.signature]),
          signatures.map(([name, keyId, signature]) => [name, toHex(keyId), signature]),
        );
      });
      const origin = fc.stringMatching(/^[!-~]{1,60}$/);
      const size = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
      holds(fc.record({ origin, size, root: hash }), (value) => {
        equal(parseCheckpoint(formatCheckpoint(value)), { ...value, extensions: [] });
      });
    },
  },
  {
    name: "tile paths, entry bundles and edges round-trip",
    run: ({ sha256 }) => {
      const shape = { index: safeInteger, width: fc.integer({ min: 1, max: 256 }) };
      const hashTile = fc.record({
        kind: fc.constant("hash" as const),
        level: fc.integer({ min: 0, max: 63 }),
        ...shape,
      });
      const kind = fc.constant("entries" as const);
      const entryTile = fc.record({ kind, level: fc.constant(0), ...shape });
      holds(fc.oneof(hashTile, entryTile), (tile) => equal(parseTilePath(tilePath(tile)), tile));
      holds(fc.string({ unit: anyOf("tile/0123x.p") }), (text) =>
        canonicalOrRefused(`tile/${text}`, (path) => {
          const tile = parseTilePath(path);
          return tile === undefined ? undefined : tilePath(tile);
        }),
      );
      holds(fc.array(bytes, { minLength: 1, maxLength: 256 }), (entries) => {
        equal(decodeEntries(encodeEntries(entries)), entries);
      });
      holds(fc.array(fc.array(hash, { maxLength: 300 }), { maxLength: 3 }), (batches) => {
        let edge: Edge = emptyEdge();
        for (const batch of batches) edge = appendLeaves(sha256, edge, batch).edge;
        equal(appendLeaves(sha256, emptyEdge(), batches.flat()).edge, edge, "batches do not matter");
        equal(decodeEdge(encodeEdge(edge)), edge);
      });
    },
  },
  {
    name: "records round-trip",
    run: () => {
      holds(anyRecord, (record) => {
        equal(canonicalJson(parseRecord(formatRecord(record))), canonicalJson(record));
      });
    },
  },
  {
    name: "tlog-proofs and bundles round-trip",
    run: () => {
      const proof = fc.record(
        {
          extra: bytes,
          index: safeInteger.map(logIndex),
          proof: fc.array(hash, { maxLength: 63 }),
          checkpoint: checkpointNote,
        },
        { requiredKeys: ["index", "proof", "checkpoint"] },
      );
      holds(proof, (value) => {
        const read = parseTlogProof(formatTlogProof(value));
        equal(
          [read.extra, read.index, read.proof, read.checkpoint],
          [value.extra, value.index, value.proof, value.checkpoint],
        );
      });
      const log = fc.record({
        origin: fc.stringMatching(/^[!-~]{1,60}$/),
        checkpoint: checkpointNote,
        records: fc
          .uniqueArray(safeInteger, { minLength: 1, maxLength: 5 })
          .map((indexes) =>
            indexes
              .toSorted((a, b) => a - b)
              .map((index) => ({ index: logIndex(index), text: `assay/v1 later\nat ${index}\n` })),
          ),
        hashes: fc.array(hash, { maxLength: 20 }),
      });
      const bundle = fc.record({
        bundles: fc.uniqueArray(log, { maxLength: 3, selector: ({ origin }) => origin }),
        missing: fc.array(fc.record({ name: packageName, version }), { maxLength: 3 }),
      });
      holds(bundle, (value) => {
        const json = JSON.stringify(bundleDocument(value));
        equal(parseBundle(parseJson(json).value), value);
      });
    },
  },
  {
    name: "JSON: values equal JSON.parse, canonical text is stable, duplicates are found",
    run: () => {
      holds(fc.json(), (text) => {
        const { value, duplicateKeys } = parseJson(text);
        equal(value, JSON.parse(text));
        equal(duplicateKeys, []);
      });
      holds(fc.jsonValue({ noUnicodeString: false }), (value) => {
        let text: string;
        try {
          text = canonicalJson(value);
        } catch (error) {
          ok(isAssayError(error, "BAD_FORMAT"), `refused with ${String(error)}`);
          return;
        }
        equal(canonicalJson(JSON.parse(text)), text);
        ok(JSON.stringify(JSON.parse(text)).length === text.length, "white space was written");
      });
      holds(fc.string(), (text) =>
        canonicalOrRefused(text, (json) => {
          parseJson(json);
          return undefined;
        }),
      );
      const plainKey = fc.stringMatching(/^[a-z]{1,5}$/);
      holds(fc.tuple(plainKey, fc.jsonValue(), fc.jsonValue()), ([key, first, second]) => {
        const member = (value: unknown): string => `"${key}":${JSON.stringify(value)}`;
        const object = `{"p":[0,{${member(first)},"zz9":1,${member(second)}}]}`;
        const { value, duplicateKeys } = parseJson(object);
        equal(value, JSON.parse(object));
        equal(duplicateKeys, [`/p/1/${key}`]);
      });
    },
  },
];
