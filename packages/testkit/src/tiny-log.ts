import { hash } from "node:crypto";
import {
  bundleDocument,
  concatBytes,
  emptyRoot,
  encodeEntries,
  encodeUtf8,
  formatCheckpoint,
  formatNote,
  formatRecord,
  formatVkey,
  integrityFromSha512,
  leafHash,
  levelSize,
  logIndex,
  parsePackageName,
  parseTilePath,
  parseVersion,
  parseVkey,
  proveConsistency,
  proveMany,
  signatureLine,
  toBase64,
  toHex,
  tileHashReader,
  treeRoot,
  type BundleDocument,
  type HashReader,
  type Integrity,
} from "@assay/core";
import { signingKey } from "./signing-key.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");

/** A whole log in memory, signed with a key from a seed: for tests of what consumes a log. */
export interface TinyLog {
  readonly origin: string;
  readonly vkey: string;
  size(): number;
  /** Appends a bind in the namespace `npm`; answers its index. */
  bind(name: string, version: string, integrity: Integrity): number;
  /** Appends a supersede of the record at an index; answers its own. */
  supersede(name: string, version: string, integrity: Integrity, supersedes: number): number;
  /** Appends what ends a shard: the key of the next one, and the next one. */
  end(successor: Pick<TinyLog, "origin" | "vkey">): void;
  /** Appends any text as an entry; answers its index. */
  append(text: string): number;
  /** The text of an entry. */
  text(index: number): string;
  /** Signed checkpoint of the first `size` entries; default all. */
  checkpoint(size?: number): Promise<string>;
  /** Any text as a note signed with the log's key. */
  sign(text: string): Promise<string>;
  /** Consistency proof from the first `oldSize` entries to the first `newSize`. */
  consistency(oldSize: number, newSize: number): Promise<readonly Uint8Array[]>;
  /** A tile or entry bundle of the newest tree, by its path; undefined when there is none. */
  tile(path: string): Uint8Array | undefined;
  /** A lookup's answer for what is bound, over the newest tree; undefined when it is not. */
  lookup(name: string, version: string): Promise<string | undefined>;
  /** An `assay-bundle/v1` over the newest tree. */
  bundle(entries: readonly { readonly name: string; readonly version: string }[]): Promise<BundleDocument>;
  /** Another log with the same key and the first `size` entries: the start of a fork. */
  fork(size: number): TinyLog;
}

/** A digest that stands for some tarball: the sha512 of the text. */
export function integrityOf(text: string): Integrity {
  return integrityFromSha512(hash("sha512", encodeUtf8(text), "buffer"));
}

/** Makes an empty log. `seed`: 32 bytes in hex; equal seeds are equal keys. */
export async function createTinyLog(options: { readonly origin?: string; readonly seed?: string }): Promise<TinyLog> {
  const origin = options.origin ?? "log.example.com/-/log/npm-2026a";
  const key = await signingKey(options.seed ?? "01".repeat(32));
  const vkey = formatVkey(origin, 1, key.publicKey);
  return build(origin, vkey, key.sign, []);
}

type Sign = (text: Uint8Array) => Promise<Uint8Array>;

function build(origin: string, vkey: string, sign: Sign, texts: string[]): TinyLog {
  const leaves = texts.map(leafOf);
  // Hash of the full subtree of 256^level leaves: never changes once it is there.
  const full = new Map<string, Uint8Array>();

  function subtree(level: number, index: number): Uint8Array {
    if (level === 0) return leaves[index] ?? new Uint8Array(0);
    const name = `${level}/${index}`;
    let row = full.get(name);
    if (row !== undefined) return row;
    let nodes = Array.from({ length: 256 }, (_, i) => subtree(level - 1, index * 256 + i));
    while (nodes.length > 1) {
      nodes = Array.from({ length: nodes.length / 2 }, (_, i) =>
        sha256(concatBytes(Uint8Array.of(1), nodes[2 * i] ?? row0, nodes[2 * i + 1] ?? row0)),
      );
    }
    row = nodes[0] ?? row0;
    full.set(name, row);
    return row;
  }

  function tile(path: string): Uint8Array | undefined {
    const place = parseTilePath(path);
    if (place === undefined) return undefined;
    const { level, index, width } = place;
    if (index * 256 + width > levelSize(leaves.length, level)) return undefined;
    if (place.kind === "entries") return encodeEntries(texts.slice(index * 256, index * 256 + width).map(encodeUtf8));
    return concatBytes(...Array.from({ length: width }, (_, i) => subtree(level, index * 256 + i)));
  }

  // Tiles of the newest tree hold those of every smaller one: a partial tile is a prefix of the fuller one.
  const readerAt = (size: number): HashReader =>
    tileHashReader(sha256, size, async ({ level, index, width }) =>
      concatBytes(...Array.from({ length: width }, (_, i) => subtree(level, index * 256 + i))),
    );

  async function checkpoint(size: number = leaves.length): Promise<string> {
    const root = await treeRoot(sha256, size, readerAt(size));
    return await signedNote(formatCheckpoint({ origin, size, root }));
  }

  async function signedNote(text: string): Promise<string> {
    const signature = await sign(encodeUtf8(text));
    return formatNote(text, [signatureLine(origin, parseVkey(vkey).keyId, signature)]);
  }

  /** Binds and supersedes of each version, in order. */
  const byKey = new Map<string, number[]>();
  for (const [index, text] of texts.entries()) remember(text, index);

  function remember(text: string, index: number): void {
    const name = /^name (.+)$/m.exec(text)?.[1];
    const version = /^version (.+)$/m.exec(text)?.[1];
    if (!/^assay\/v1 (?:bind|supersede)\n/.test(text)) return;
    const key = `${name}@${version}`;
    byKey.set(key, [...(byKey.get(key) ?? []), index]);
  }

  function append(text: string): number {
    const index = texts.push(text) - 1;
    leaves.push(leafOf(text));
    remember(text, index);
    return index;
  }

  return {
    origin,
    vkey,
    size: () => texts.length,
    append,
    text: (index) => texts[index] ?? "",
    checkpoint,
    sign: signedNote,
    consistency: (oldSize, newSize) => proveConsistency(sha256, oldSize, newSize, readerAt(newSize)),
    tile,

    bind: (name, version, integrity) =>
      append(formatRecord({ kind: "bind", ...contentOf(name, version, integrity), ...placeNowhere })),

    supersede: (name, version, integrity, supersedes) =>
      append(
        formatRecord({
          kind: "supersede",
          ...contentOf(name, version, integrity),
          supersedes: logIndex(supersedes),
          approval: `sha256-${"A".repeat(43)}=`,
          ...placeNowhere,
        }),
      ),

    end(successor) {
      const { keyId } = parseVkey(successor.vkey);
      const key = `sha256-${toBase64(sha256(encodeUtf8(successor.vkey)))}`;
      const [ns, owner] = ["npm", "hosted"];
      append(
        formatRecord({
          kind: "key",
          ns,
          action: "add",
          use: "checkpoint",
          owner,
          keyid: toHex(keyId),
          key,
          ...placeNowhere,
        }),
      );
      const root = toBase64(emptyRoot(sha256));
      append(
        formatRecord({
          kind: "shard",
          ns,
          side: "successor",
          origin: successor.origin,
          size: 0,
          root,
          ...placeNowhere,
        }),
      );
    },

    async lookup(name, version) {
      const [index] = byKey.get(`${name}@${version}`) ?? [];
      return index === undefined ? undefined : `${index}\n${texts[index] ?? ""}\n${await checkpoint()}`;
    },

    async bundle(entries) {
      const missing = entries.filter(({ name, version }) => !byKey.has(`${name}@${version}`));
      const size = texts.length;
      const found = entries.flatMap(({ name, version }) => byKey.get(`${name}@${version}`) ?? []);
      const end = found.length > 0 && texts.at(-1)?.startsWith("assay/v1 shard\n") === true ? [size - 1] : [];
      const indexes = [...new Set([...found, ...end])].sort((a, b) => a - b);
      const part = {
        origin,
        checkpoint: await checkpoint(),
        records: indexes.map((index) => ({ index: logIndex(index), text: texts[index] ?? "" })),
        hashes: await proveMany(sha256, size, indexes, readerAt(size)),
      };
      return bundleDocument({
        bundles: indexes.length === 0 ? [] : [part],
        missing: missing.map(({ name, version }) => ({
          name: parsePackageName(name),
          version: parseVersion(version),
        })),
      });
    },

    fork: (size) => build(origin, vkey, sign, texts.slice(0, size)),
  };
}

const row0 = new Uint8Array(32);

/** What a record says of a release: made up, but for the digest. */
function contentOf(name: string, version: string, integrity: Integrity) {
  return {
    ns: "npm",
    name: parsePackageName(name),
    version: parseVersion(version),
    integrity,
    tree: `t1-${"A".repeat(43)}=`,
    manifest: `sha256-${"A".repeat(43)}=`,
    size: 1234,
    source: "npm",
    signer: "-",
  };
}

/** Which place in the chain of its package a record claims is nothing that a tiny log keeps. */
const placeNowhere = { seq: 1, prev: "-", time: 1_795_255_200, nonce: "-" } as const;

function leafOf(text: string): Uint8Array {
  return leafHash(sha256, encodeUtf8(text));
}
