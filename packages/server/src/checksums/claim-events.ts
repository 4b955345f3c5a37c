import { AssayError } from "@assay/core";
import type { EpochMs } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import { standingClaim } from "./claim-bind.ts";
import type {
  ConfirmFacts,
  ConflictFacts,
  DelegateFacts,
  KeyFacts,
  SeenFacts,
  SightingFacts,
  TagFacts,
} from "./claim-facts.ts";
import {
  confirmKey,
  conflictKey,
  delegateKey,
  keyKey,
  seenKey,
  sightingPrefix,
  tagPrefix,
  timeText,
} from "./claim-keys.ts";
import { claimOnce, dayOf, untilNext } from "./claim-once.ts";
import { bindOfClaim } from "./claim-text.ts";
import { judge } from "./judge.ts";
import type { Judgement } from "./judge.ts";
import { anyClaimBetween, countClaims, newestClaim } from "./store-claims.ts";

/** What is done here is recorded each time; limits are for what others do. */
const hostedSource = "hosted";

/** Most times a day that one version is recorded as gone at one source; each with its `back`. */
const mostGoneADay = 4;
/** Most tag records of one package and source a day. */
const mostTagsADay = 50;

/** `Claims.claimConflict` in one log: what follows from it, or undefined when it was recorded before. */
export async function claimConflictIn(
  transaction: Transaction,
  log: string,
  { name, version, source, integrity, tree, manifest, evidence, from }: ConflictFacts,
  now: EpochMs,
): Promise<Judgement | undefined> {
  const key = conflictKey({ name, version, source });
  const record = { kind: "conflict", ns: log, name, version, integrity, tree, manifest, source, evidence } as const;
  if (!(await claimOnce(transaction, { log, key, record, claimedAtMs: now }))) return undefined;
  const standing = await standingClaim(transaction, log, name, version);
  const seen = (value: string): string | undefined => (value === "-" ? undefined : value);
  return judge(standing && bindOfClaim(standing.facts, standing.claimedAtMs), {
    source,
    integrity: seen(integrity),
    tree: seen(tree),
    manifest: seen(manifest),
    from,
  });
}

/** `Claims.claimSighting` in one log. */
export async function claimSightingIn(
  transaction: Transaction,
  log: string,
  kind: "gone" | "back",
  { name, version, source, atMs }: SightingFacts,
): Promise<boolean> {
  const prefix = (of: "gone" | "back") => sightingPrefix(of, name, version, source);
  const newest = await newestClaim(transaction, log, [
    [`${prefix("gone")} `, untilNext(`${prefix("gone")} `)],
    [`${prefix("back")} `, untilNext(`${prefix("back")} `)],
  ]);
  // They alternate: what was not recorded as gone, because of the limit, does not come back either.
  if (kind === "gone" ? newest?.kind === "gone" : newest?.kind !== "gone") return false;
  const isLimited = kind === "gone" && source !== hostedSource;
  if (isLimited && (await countClaims(transaction, log, dayOf(prefix("gone"), atMs))) >= mostGoneADay) return false;
  const key = `${prefix(kind)} ${timeText(atMs)}`;
  const record = { kind, ns: log, name, version, source } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: atMs });
}

/** `Claims.claimSeen` in one log. */
export async function claimSeenIn(
  transaction: Transaction,
  log: string,
  { name, version, integrity, manifest, source }: SeenFacts,
  now: EpochMs,
): Promise<boolean> {
  const key = seenKey({ name, version, source, integrity, manifest });
  const record = { kind: "seen", ns: log, name, version, integrity, manifest, source } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: now });
}

/** `Claims.claimConfirm` in one log. */
export async function claimConfirmIn(
  transaction: Transaction,
  log: string,
  { name, version, integrity, source }: ConfirmFacts,
  now: EpochMs,
): Promise<boolean> {
  const standing = await standingClaim(transaction, log, name, version);
  if (standing === undefined) return false;
  const bind = bindOfClaim(standing.facts, standing.claimedAtMs);
  const observed = { source, integrity, tree: undefined, manifest: undefined, from: "bytes" } as const;
  if (judge(bind, observed).follows !== "confirm") return false;
  const key = confirmKey({ name, version, source, integrity });
  const record = { kind: "confirm", ns: log, name, version, integrity, source } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: now });
}

/** `Claims.claimTag` in one log. */
export async function claimTagIn(
  transaction: Transaction,
  log: string,
  { name, tag, from, to, source, atMs }: TagFacts,
): Promise<boolean> {
  if (from === to) return false;
  if (!(await anyClaimBetween(transaction, log, [`bind ${name}@`, `bind ${name}A`]))) return false;
  const prefix = tagPrefix(name, source);
  const isLimited = source !== hostedSource;
  if (isLimited && (await countClaims(transaction, log, dayOf(prefix, atMs))) >= mostTagsADay) return false;
  const key = `${prefix} ${timeText(atMs)} ${tag}`;
  const record = { kind: "tag", ns: log, name, tag, from, to, source } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: atMs });
}

/** `Claims.claimDelegate` in one log. */
export async function claimDelegateIn(
  transaction: Transaction,
  log: string,
  { name, from, to, statement }: DelegateFacts,
  now: EpochMs,
): Promise<boolean> {
  if (from === to)
    throw new AssayError("BAD_FORMAT", { what: "A record", reason: `it delegates ${name} from ${from} to itself` });
  const key = delegateKey({ name, statement });
  const record = { kind: "delegate", ns: log, name, from, to, statement } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: now });
}

/** `Claims.claimKey` in one log. */
export async function claimKeyIn(
  transaction: Transaction,
  log: string,
  { action, use, owner, keyid, key: digest }: KeyFacts,
  now: EpochMs,
): Promise<boolean> {
  const key = keyKey({ action, use, owner, keyid, key: digest });
  const record = { kind: "key", ns: log, action, use, owner, keyid, key: digest } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: now });
}
