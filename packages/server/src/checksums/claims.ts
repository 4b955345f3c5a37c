import type { EpochMs, PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Bind, BindFacts, ConflictFacts, SightingFacts } from "./checksums.ts";
import { bindOfClaim, claimText } from "./claim-text.ts";
import { claimByKey, claimsBetween, insertClaim } from "./store.ts";

/** The key of a bind: a version never holds `@`, so the last one ends the name. */
export function bindKey(name: PackageName, version: Version): string {
  return `bind ${name}@${version}`;
}

/** `Checksums.claimBind` in one log. One statement when nothing stands yet: the unique key decides. */
export async function claimBindIn(
  transaction: Transaction,
  log: string,
  facts: BindFacts,
  now: EpochMs,
): Promise<{ readonly outcome: "bound" | "same" | "differs"; readonly bind: Bind }> {
  const { name, version, sizeBytes, ...rest } = facts;
  const key = bindKey(name, version);
  const text = claimText({
    kind: "bind",
    ns: log,
    name,
    version,
    integrity: rest.integrity,
    tree: rest.tree,
    manifest: rest.manifest,
    size: sizeBytes,
    source: rest.source,
    signer: rest.signer,
  });
  const claim = { log, key, kind: "bind", name, version, facts: text, claimedAtMs: now } as const;
  if (await insertClaim(transaction, claim)) return { outcome: "bound", bind: { ...facts, claimedAtMs: now } };
  const standing = await claimByKey(transaction, log, key);
  if (standing === undefined) throw new Error(`the claim ${key} stands and cannot be read`);
  const bind = bindOfClaim(standing.facts, standing.claimedAtMs);
  const same =
    bind.integrity === facts.integrity &&
    bind.manifest === facts.manifest &&
    bind.tree === facts.tree &&
    bind.sizeBytes === facts.sizeBytes;
  return { outcome: same ? "same" : "differs", bind };
}

/** `Checksums.claimConflict` in one log. */
export async function claimConflictIn(
  transaction: Transaction,
  log: string,
  facts: ConflictFacts,
  now: EpochMs,
): Promise<boolean> {
  const { name, version, source } = facts;
  const text = claimText({
    kind: "conflict",
    ns: log,
    name,
    version,
    integrity: facts.integrity,
    tree: facts.tree,
    manifest: facts.manifest,
    source,
    evidence: facts.evidence,
  });
  const key = `conflict ${name}@${version} ${source}`;
  return await insertClaim(transaction, {
    log,
    key,
    kind: "conflict",
    name,
    version,
    facts: text,
    claimedAtMs: now,
  });
}

/** `Checksums.claimSighting` in one log. The same sighting twice is one claim. */
export async function claimSightingIn(
  transaction: Transaction,
  log: string,
  kind: "gone" | "back",
  facts: SightingFacts,
): Promise<void> {
  const { name, version, source, atMs } = facts;
  await insertClaim(transaction, {
    log,
    key: `${kind} ${name}@${version} ${source} ${atMs}`,
    kind,
    name,
    version,
    facts: claimText({ kind, ns: log, name, version, source }),
    claimedAtMs: atMs,
  });
}

/** `Checksums.bindsOf` in one log: a range scan over the unique key. */
export async function bindsIn(reader: Reader, log: string, name: PackageName): Promise<ReadonlyMap<Version, Bind>> {
  // "A" follows "@" in ASCII, and keys compare by bytes: the range is every key that starts with `bind <name>@`.
  const claims = await claimsBetween(reader, log, `bind ${name}@`, `bind ${name}A`);
  return new Map(
    claims.map((claim) => {
      const bind = bindOfClaim(claim.facts, claim.claimedAtMs);
      return [bind.version, bind];
    }),
  );
}
