import { parseRegistryPublicKey, registryKeyId, toBase64, type RegistryKey } from "@assay/core";
import type { KeyRow } from "./store.ts";

/** What a registry's present list of keys changes. */
export interface KeyChanges {
  readonly added: readonly RegistryKey[];
  /** Of these the keyid stands for another key. */
  readonly refused: readonly RegistryKey[];
  /** Rows whose keyid turned out to be the fingerprint of another key. */
  readonly displaced: readonly KeyRow[];
  readonly gone: readonly KeyRow[];
  readonly back: readonly KeyRow[];
  readonly expiries: readonly { readonly row: KeyRow; readonly expiresMs: number | undefined }[];
}

/**
 * Compares what an owner lists now with what is known. `rows` are all rows of this owner, and of everybody else those
 * with a listed keyid. Pure.
 *
 * Clients look a key up by its keyid alone, so a keyid stands for one key, whoever publishes it: the first that was
 * seen, unless the keyid is the fingerprint of the key itself. Then nobody else's claim to it counts.
 */
export function compareKeys(owner: string, listed: readonly RegistryKey[], rows: readonly KeyRow[]): KeyChanges {
  const added: RegistryKey[] = [];
  const refused: RegistryKey[] = [];
  const displaced: KeyRow[] = [];
  const back: KeyRow[] = [];
  const expiries: { row: KeyRow; expiresMs: number | undefined }[] = [];
  const seen = new Set<KeyRow>();
  const byKeyid = Map.groupBy(rows, ({ keyid }) => keyid);
  for (const key of listed) {
    const spki = toBase64(key.publicKey.spki);
    const named = byKeyid.get(key.keyid) ?? [];
    const known = named.find((row) => row.owner === owner && row.spki === spki);
    if (known !== undefined) {
      seen.add(known);
      if (known.refused === 1) continue;
      if (known.gone_at_ms !== null) back.push(known);
      if ((known.expires_at_ms ?? undefined) !== key.expiresMs) expiries.push({ row: known, expiresMs: key.expiresMs });
      continue;
    }
    const rivals = named.filter((row) => row.refused === 0 && row.spki !== spki);
    if (rivals.length > 0 && !isFingerprint(key.keyid, spki)) refused.push(key);
    else {
      displaced.push(...rivals);
      added.push(key);
    }
  }
  const gone = rows.filter(
    (row) => row.owner === owner && row.refused === 0 && row.gone_at_ms === null && !seen.has(row),
  );
  return { added, refused, displaced, gone: gone.filter((row) => !displaced.includes(row)), back, expiries };
}

export function isUnchanged(changes: KeyChanges): boolean {
  return Object.values(changes).every((list: readonly unknown[]) => list.length === 0);
}

function isFingerprint(keyid: string, spki: string): boolean {
  return registryKeyId(parseRegistryPublicKey(spki)) === keyid;
}
