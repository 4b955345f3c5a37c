import { createHash, sign, type KeyObject } from "node:crypto";
import {
  AssayError,
  dsseEnvelope,
  dssePreAuthentication,
  isAssayError,
  registryKeyId,
  registrySignatureMessage,
  toBase64,
  type DsseEnvelope,
  type PackageName,
  type RegistryKey,
  type RegistryPublicKey,
  type RegistrySignature,
  type SignedRelease,
  type Version,
} from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { compareKeys, isUnchanged, type KeyChanges } from "./compare-keys.ts";
import { createKeyRing, type KeyRing, type KnownKey } from "./key-ring.ts";
import { createRegistryKey, readRegistryKey, registryKeyPath } from "./registry-key-file.ts";
import {
  addKey,
  addSignatures,
  changeKey,
  keysNamed,
  keysOfOwner,
  keysSince,
  ownOwner,
  signaturesOf,
  type KeyRow,
  type NewKeyRow,
  type StoredSignature,
} from "./store.ts";

/** npm's registry signatures: every registry's keys, and our signature of every bound release. */
export interface RegistrySigning {
  readonly ring: KeyRing;

  /** Throws CONFIG when the key that signs now cannot be used here; asked once at start. */
  ready(): void;

  /**
   * Signs releases that are bound in the caller's transaction; one that is signed stays as it is. Throws CONFIG when
   * our key is missing here, NOT_READY when it was retired a moment ago: the next try has the new one.
   */
  sign(transaction: Transaction, releases: readonly SignedRelease[]): Promise<void>;

  /** Signs a statement of ours with the key that signs releases now (ECDSA P-256, SHA-256). Throws CONFIG when it is missing here. */
  seal(payloadType: string, payload: Uint8Array): DsseEnvelope;

  /**
   * Our signatures of these releases of a package. Those that have none (bound by an older version of Assay) are
   * signed first; when that fails it is logged, and they are left out.
   */
  signaturesFor(
    name: PackageName,
    releases: readonly SignedRelease[],
  ): Promise<ReadonlyMap<Version, RegistrySignature>>;

  /**
   * Takes note of keys that an upstream publishes now. Nothing is forgotten: a key that a whole list has no more
   * stays, with the time. What changed is announced.
   */
  learn(owner: string, keys: readonly RegistryKey[], options: { readonly isWhole: boolean }): Promise<void>;

  /** Makes a new key of ours; the one before it retires a minute later, so that every process changes over in time. */
  rotate(): Promise<{ readonly added: string; readonly retired: readonly string[] }>;

  /** A person ends an upstream's key from this time on, for good. False when there is none such. */
  retire(owner: string, keyid: string, atMs: number): Promise<boolean>;

  /** Looks for changes by other processes until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export type KeyAnnouncement = "added" | "gone" | "back" | "refused" | "retired";

export interface RegistrySigningDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Pick<Telemetry, "log">;
  /** Tells of a change in its own transaction. `key` is `sha256-<base64>` of its SubjectPublicKeyInfo. */
  readonly announce: (
    transaction: Transaction,
    change: KeyAnnouncement,
    key: { readonly owner: string; readonly keyid: string; readonly key: string },
  ) => Promise<void>;
}

/** How often other processes' changes are looked for. */
const pollMs = 1000;
/** From a rotation to the end of the key before: every process has the new one long before. */
const overlapMs = 60_000;
/** Signatures made in one go, when releases that were bound before there were any are signed: 15 ms. */
const signBatch = 500;

/** Opens the keys, and makes our first one when there is none. `keyFolder` is `<data>/keys`. */
export async function createRegistrySigning(
  deps: RegistrySigningDeps,
  { keyFolder }: { readonly keyFolder: string },
): Promise<RegistrySigning> {
  const { database, clock, telemetry } = deps;
  const ring = createKeyRing();
  let signer: { readonly key: KnownKey; readonly privateKey: KeyObject } | undefined;
  let problem = new AssayError("CONFIG", { reason: "There is no registry signing key." });

  /** Brings memory up to date with the table, and the signer with the newest of our keys. */
  async function refresh(): Promise<void> {
    ring.take(await keysSince(database.read, ring.revision));
    const current = currentKey(ring);
    if (current === undefined || current.keyid === signer?.key.keyid) return;
    try {
      const privateKey = await readRegistryKey(keyFolder, current.publicKey);
      if (privateKey === undefined)
        throw new AssayError("CONFIG", {
          reason: `The registry signing key ${registryKeyPath(keyFolder, current.publicKey)} is missing; put the file back from a backup, or make a new key with assay keys rotate.`,
        });
      signer = { key: current, privateKey };
    } catch (error) {
      if (!isAssayError(error, "CONFIG")) throw error;
      signer = undefined;
      problem = error;
    }
  }

  function requireSigner(): NonNullable<typeof signer> {
    if (signer === undefined) throw problem;
    return signer;
  }

  async function announce(transaction: Transaction, change: KeyAnnouncement, row: NewKeyRow | KeyRow): Promise<void> {
    const digest = createHash("sha256").update(Buffer.from(row.spki, "base64")).digest("base64");
    await deps.announce(transaction, change, { owner: row.owner, keyid: row.keyid, key: `sha256-${digest}` });
  }

  async function add(transaction: Transaction, owner: string, key: RegistryKey, refused: 0 | 1): Promise<void> {
    const row = newRow(owner, key, clock.now(), refused);
    await addKey(transaction, row);
    await announce(transaction, refused === 1 ? "refused" : "added", row);
  }

  /** Of several processes that start at once, the first to commit makes the key; what the others drew is a file that no row names. */
  async function makeFirstKey(): Promise<void> {
    const publicKey = await createRegistryKey(deps, keyFolder);
    await database.write(async (transaction) => {
      const standing = await keysOfOwner(transaction, ownOwner);
      if (!standing.some((row) => row.retired_at_ms === null)) await add(transaction, ownOwner, ownKey(publicKey), 0);
    });
  }

  async function sign(transaction: Transaction, releases: readonly SignedRelease[]): Promise<void> {
    if (releases.length === 0) return;
    const { key, privateKey } = requireSigner();
    const nowMs = clock.now();
    const row = (await keysNamed(transaction, [key.keyid])).find(({ owner }) => owner === ownOwner);
    if (row === undefined || (row.retired_at_ms !== null && row.retired_at_ms <= nowMs))
      throw new AssayError("NOT_READY", { reason: "the registry signing key was rotated", retryAfterSeconds: 2 });
    await addSignatures(
      transaction,
      releases.map(({ name, version, integrity }) => {
        const message = registrySignatureMessage({ name, version, integrity });
        const sig = createSignature(message, privateKey);
        return { name, version, integrity, keyid: key.keyid, sig, signedAtMs: nowMs };
      }),
    );
  }

  async function signMissing(name: PackageName, releases: readonly SignedRelease[]): Promise<void> {
    for (let start = 0; start < releases.length; start += signBatch) {
      const batch = releases.slice(start, start + signBatch);
      await database.write((transaction) => sign(transaction, batch));
    }
    telemetry.log.info(`signed ${releases.length} releases of ${name} that were bound before`, {
      "package.name": name,
    });
  }

  async function apply(transaction: Transaction, owner: string, changes: KeyChanges): Promise<void> {
    const nowMs = clock.now();
    for (const row of changes.displaced) {
      await changeKey(transaction, row, { refused: 1 });
      await announce(transaction, "refused", row);
    }
    for (const key of changes.added) await add(transaction, owner, key, 0);
    for (const key of changes.refused) await add(transaction, owner, key, 1);
    for (const row of changes.gone) {
      await changeKey(transaction, row, { gone_at_ms: nowMs });
      await announce(transaction, "gone", row);
    }
    for (const row of changes.back) {
      await changeKey(transaction, row, { gone_at_ms: null });
      await announce(transaction, "back", row);
    }
    for (const { row, expiresMs } of changes.expiries)
      await changeKey(transaction, row, { expires_at_ms: expiresMs ?? null });
  }

  await refresh();
  if (currentKey(ring) === undefined) {
    await makeFirstKey();
    await refresh();
  }

  return {
    ring,
    ready: () => void requireSigner(),
    sign,
    seal(payloadType, payload) {
      const { key, privateKey } = requireSigner();
      const sig = createSignature(dssePreAuthentication(payloadType, payload), privateKey);
      return dsseEnvelope(payloadType, payload, { keyid: key.keyid, sig });
    },
    async signaturesFor(name, releases) {
      if (releases.length === 0) return new Map();
      let found = match(releases, await signaturesOf(database.read, name));
      const missing = releases.filter(({ version }) => !found.has(version));
      if (missing.length === 0) return found;
      try {
        await signMissing(name, missing);
        found = match(releases, await signaturesOf(database.read, name));
      } catch (error) {
        telemetry.log.error(`releases of ${name} cannot be signed`, { "package.name": name, error });
      }
      return found;
    },
    async learn(owner, keys, { isWhole }) {
      if (owner === ownOwner) throw new Error(`${ownOwner} is no upstream`);
      await database.write(async (transaction) => {
        const rows = await keysOfOwner(transaction, owner);
        const others = await keysNamed(
          transaction,
          keys.map(({ keyid }) => keyid),
        );
        const found = compareKeys(owner, keys, [...rows, ...others.filter((row) => row.owner !== owner)]);
        const changes = isWhole ? found : { ...found, gone: [] };
        if (!isUnchanged(changes)) await apply(transaction, owner, changes);
      });
      await refresh();
    },
    async rotate() {
      const publicKey = await createRegistryKey(deps, keyFolder);
      const key = ownKey(publicKey);
      const retired = await database.write(async (transaction) => {
        const standing = (await keysOfOwner(transaction, ownOwner)).filter((row) => row.retired_at_ms === null);
        await add(transaction, ownOwner, key, 0);
        for (const row of standing) {
          await changeKey(transaction, row, { retired_at_ms: clock.now() + overlapMs });
          await announce(transaction, "retired", row);
        }
        return standing.map(({ keyid }) => keyid);
      });
      await refresh();
      return { added: key.keyid, retired };
    },
    async retire(owner, keyid, atMs) {
      if (owner === ownOwner)
        throw new AssayError("USAGE", { reason: "A key of our own retires by assay keys rotate." });
      const found = await database.write(async (transaction) => {
        const rows = (await keysNamed(transaction, [keyid])).filter((row) => row.owner === owner && row.refused === 0);
        for (const row of rows) {
          await changeKey(transaction, row, { retired_at_ms: atMs });
          await announce(transaction, "retired", row);
        }
        return rows.length > 0;
      });
      await refresh();
      return found;
    },
    async run(signal) {
      while (!signal.aborted) {
        try {
          await clock.sleep(pollMs, signal);
          await refresh();
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("cannot look for changed registry keys", { "error.message": String(error) });
        }
      }
    },
  };
}

/** The one of our keys that does not retire: what signs now. */
function currentKey(ring: KeyRing): KnownKey | undefined {
  return ring.list([ownOwner]).findLast(({ end }) => end === undefined);
}

function ownKey(publicKey: RegistryPublicKey): RegistryKey {
  return { keyid: registryKeyId(publicKey), publicKey, expiresMs: undefined };
}

function newRow(owner: string, key: RegistryKey, nowMs: number, refused: 0 | 1): NewKeyRow {
  return {
    owner,
    keyid: key.keyid,
    spki: toBase64(key.publicKey.spki),
    first_seen_ms: nowMs,
    expires_at_ms: key.expiresMs ?? null,
    gone_at_ms: null,
    retired_at_ms: null,
    refused,
  };
}

function createSignature(message: string | Uint8Array, privateKey: KeyObject): string {
  const bytes = typeof message === "string" ? Buffer.from(message) : message;
  return sign("sha256", bytes, { key: privateKey, dsaEncoding: "der" }).toString("base64");
}

/** By version, those that are about the same integrity. */
function match(
  releases: readonly SignedRelease[],
  signatures: readonly StoredSignature[],
): Map<Version, RegistrySignature> {
  const integrities = new Map(releases.map(({ version, integrity }) => [version, integrity]));
  return new Map(
    signatures
      .filter(({ version, integrity }) => integrities.get(version) === integrity)
      .map(({ version, keyid, sig }) => [version, { keyid, sig }]),
  );
}
