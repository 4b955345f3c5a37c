import { parseRegistryPublicKey, type RegistryKey } from "@assay/core";
import { ownOwner, type KeyRow } from "./store.ts";

/** A key with what is known about it. `expiresMs` is the first of: as its owner says, no longer listed, retired by a person. */
export interface KnownKey extends RegistryKey {
  /** Alias of an upstream, or `hosted`: ours. */
  readonly owner: string;
  readonly firstSeenMs: number;
  /** What ends it, when something does. */
  readonly end: "expires" | "gone" | "retired" | undefined;
}

/** Every registry key that was ever seen, in memory. */
export interface KeyRing {
  /** Rises with every change. */
  readonly generation: number;
  /** The owner's key of this keyid, past ones too. */
  find(owner: string, keyid: string): KnownKey | undefined;
  /** Who has a key of this keyid. */
  ownersOf(keyid: string): readonly string[];
  /** The keys of these owners (default: of all), ours first, then oldest first. */
  list(owners?: readonly string[]): readonly KnownKey[];
}

/** A ring that takes rows; a row in place of the one with the same owner, keyid and key. */
export interface MutableKeyRing extends KeyRing {
  take(rows: readonly KeyRow[]): void;
  /** Highest revision of the rows taken. */
  readonly revision: number;
}

export function createKeyRing(): MutableKeyRing {
  /** By owner, keyid and key; undefined: refused. */
  const known = new Map<string, KnownKey | undefined>();
  let keys = new Map<string, Map<string, KnownKey>>();
  let owners = new Map<string, string[]>();
  let generation = 0;
  let revision = 0;

  function rebuild(): void {
    keys = new Map();
    owners = new Map();
    for (const key of known.values()) {
      if (key === undefined) continue;
      const ofOwner = keys.get(key.owner) ?? new Map<string, KnownKey>();
      keys.set(key.owner, ofOwner.set(key.keyid, key));
      owners.set(key.keyid, [...(owners.get(key.keyid) ?? []), key.owner]);
    }
  }

  return {
    get generation() {
      return generation;
    },
    get revision() {
      return revision;
    },
    find: (owner, keyid) => keys.get(owner)?.get(keyid),
    ownersOf: (keyid) => owners.get(keyid) ?? [],
    list: (wanted) =>
      [...keys]
        .filter(([owner]) => wanted?.includes(owner) ?? true)
        .flatMap(([, ofOwner]) => [...ofOwner.values()])
        .sort(inOrder),
    take(rows) {
      if (rows.length === 0) return;
      for (const row of rows) {
        known.set(`${row.owner} ${row.keyid} ${row.spki}`, row.refused === 1 ? undefined : knownKey(row));
        revision = Math.max(revision, row.revision);
      }
      rebuild();
      generation += 1;
    },
  };
}

function inOrder(a: KnownKey, b: KnownKey): number {
  const own = Number(b.owner === ownOwner) - Number(a.owner === ownOwner);
  return own !== 0 ? own : a.firstSeenMs - b.firstSeenMs || (a.keyid < b.keyid ? -1 : 1);
}

function knownKey(row: KeyRow): KnownKey {
  const ends = (["expires", "gone", "retired"] as const)
    .map((end) => ({ end, atMs: row[`${end}_at_ms`] }))
    .filter((each): each is { end: typeof each.end; atMs: number } => each.atMs !== null)
    .sort((a, b) => a.atMs - b.atMs);
  return {
    owner: row.owner,
    keyid: row.keyid,
    publicKey: parseRegistryPublicKey(row.spki),
    firstSeenMs: row.first_seen_ms,
    expiresMs: ends[0]?.atMs,
    end: ends[0]?.end,
  };
}
