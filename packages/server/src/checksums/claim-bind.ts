import { AssayError, logIndex } from "@assay/core";
import type { EpochMs, PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Bind, BindFacts, SupersedeFacts } from "./claim-facts.ts";
import { bindKey, supersedeKey } from "./claim-keys.ts";
import { claimOnce, untilNext } from "./claim-once.ts";
import { bindOfClaim, fieldOfClaim } from "./claim-text.ts";
import type { BoundPlace } from "./claims.ts";
import { boundPage, firstBoundName } from "./store-bound.ts";
import { judge } from "./judge.ts";
import { claimsBetween, newestClaim } from "./store-claims.ts";
import type { StoredClaim } from "./store-claims.ts";

/** `Claims.claimBind` in one log. One statement when nothing stands yet: the unique key decides. */
export async function claimBindIn(
  transaction: Transaction,
  log: string,
  facts: BindFacts,
  now: EpochMs,
): Promise<{ readonly outcome: "bound" | "same" | "differs"; readonly bind: Bind }> {
  const { name, version } = facts;
  const record = { kind: "bind", ns: log, name, version, ...contentOf(facts) } as const;
  const key = bindKey(name, version);
  if (await claimOnce(transaction, { log, key, record, claimedAtMs: now }))
    return { outcome: "bound", bind: { ...facts, claimedAtMs: now } };
  const standing = await standingClaim(transaction, log, name, version);
  if (standing === undefined) throw new Error(`the claim ${key} stands and cannot be read`);
  const bind = bindOfClaim(standing.facts, standing.claimedAtMs);
  return { outcome: isSameContent(bind, facts) ? "same" : "differs", bind };
}

/** `Claims.claimSupersede` in one log. */
export async function claimSupersedeIn(
  transaction: Transaction,
  log: string,
  facts: SupersedeFacts,
  now: EpochMs,
): Promise<{ readonly outcome: "superseded" | "same" | "stale"; readonly bind: Bind }> {
  const { name, version, replaces, approval, ...content } = facts;
  const standing = await standingClaim(transaction, log, name, version);
  if (standing === undefined) throw new AssayError("NOT_FOUND", { what: `A bind of ${name}@${version}` });
  const bind = bindOfClaim(standing.facts, standing.claimedAtMs);
  const isSuperseded = standing.kind === "supersede";
  if (isSuperseded && fieldOfClaim(standing.facts, "approval") === approval && isSameContent(bind, facts))
    return { outcome: "same", bind };
  if (standing.shard !== replaces.shard || standing.idx !== replaces.index) return { outcome: "stale", bind };
  const number = isSuperseded ? Number(standing.key.slice(standing.key.lastIndexOf(" ") + 1)) + 1 : 1;
  const record = {
    kind: "supersede",
    ns: log,
    name,
    version,
    ...contentOf(facts),
    supersedes: logIndex(replaces.index),
    approval,
  } as const;
  const key = supersedeKey(name, version, number);
  if (!(await claimOnce(transaction, { log, key, record, claimedAtMs: now })))
    throw new Error(`the claim ${key} stands and is not the newest`);
  return { outcome: "superseded", bind: { name, version, ...content, claimedAtMs: now } };
}

/** `Claims.bindsOf` in one log: two range scans over the unique key. */
export async function bindsIn(reader: Reader, log: string, name: PackageName): Promise<ReadonlyMap<Version, Bind>> {
  // "A" follows "@" in ASCII, and keys compare by bytes: the range is every key that starts with `bind <name>@`.
  const binds = await claimsBetween(reader, log, [`bind ${name}@`, `bind ${name}A`]);
  const supersedes = await claimsBetween(reader, log, [`supersede ${name}@`, `supersede ${name}A`]);
  const inOrder = [...binds, ...supersedes].toSorted((one, other) => one.id - other.id);
  return new Map(
    inOrder.map((claim) => {
      const bind = bindOfClaim(claim.facts, claim.claimedAtMs);
      return [bind.version, bind];
    }),
  );
}

/** `Claims.boundAfter` in one log. */
export async function boundAfterIn(
  reader: Reader,
  log: string,
  position: number,
  limit: number,
): Promise<readonly BoundPlace[]> {
  const rows = await boundPage(reader, log, position, limit);
  return rows.map(({ id, name, version }) => ({
    position: id,
    name: name as PackageName,
    version: version as Version,
  }));
}

/** `Claims.boundNameAfter` in one log: "A" follows "@" in ASCII, so it stands behind every key of the name. */
export async function boundNameAfterIn(
  reader: Reader,
  log: string,
  name: PackageName | undefined,
): Promise<PackageName | undefined> {
  const found = await firstBoundName(reader, log, name === undefined ? "bind " : `bind ${name}A`);
  return found as PackageName | undefined;
}

/** What stands for a version: a supersede is only claimed once what it replaces has its place, so the newest counts. */
export async function standingClaim(
  reader: Reader,
  log: string,
  name: PackageName,
  version: Version,
): Promise<StoredClaim | undefined> {
  const key = bindKey(name, version);
  const supersedes = `supersede ${name}@${version} `;
  return await newestClaim(reader, log, [
    [key, `${key} `],
    [supersedes, untilNext(supersedes)],
  ]);
}

function contentOf({ integrity, tree, manifest, sizeBytes, source, signer }: BindFacts) {
  return { integrity, tree, manifest, size: sizeBytes, source, signer };
}

/** Who was asked, and who vouched, is no part of what a version is. */
export function isSameContent(standing: BindFacts, served: BindFacts): boolean {
  return judge(standing, { ...served, from: "bytes" }).follows !== "conflict";
}
