import { AssayError } from "@assay/core";
import type { EpochMs } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import { standingClaim } from "./claim-bind.ts";
import type { AuditFacts, DeprecateFacts, HeadFacts, PolicyFacts } from "./claim-facts.ts";
import { auditKey, deprecatePrefix, headPrefix, policyPrefix, timeText } from "./claim-keys.ts";
import { claimOnce, untilNext } from "./claim-once.ts";
import { fieldOfClaim } from "./claim-text.ts";
import { anyClaimBetween, newestClaim } from "./store-claims.ts";
import type { KeyRange, StoredClaim } from "./store-claims.ts";

/** Claims of what is done here: to hosted packages, and to the registry itself. */

/** `Claims.claimDeprecate` in one log. */
export async function claimDeprecateIn(
  transaction: Transaction,
  log: string,
  { name, version, message, source, atMs }: DeprecateFacts,
): Promise<boolean> {
  if ((await standingClaim(transaction, log, name, version)) === undefined) return false;
  const prefix = deprecatePrefix(name, version, source);
  const newest = await newestClaim(transaction, log, [startingWith(prefix)]);
  if ((newest === undefined ? "-" : fieldOfClaim(newest.facts, "message")) === message) return false;
  const key = `${laterKey(prefix, atMs, newest)} ${message}`;
  const record = { kind: "deprecate", ns: log, name, version, message, source } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: atMs });
}

/** `Claims.claimHead` in one log. */
export async function claimHeadIn(
  transaction: Transaction,
  log: string,
  { name, packument, atMs }: HeadFacts,
): Promise<boolean> {
  if (!(await anyClaimBetween(transaction, log, [`bind ${name}@`, `bind ${name}A`]))) return false;
  const prefix = headPrefix(name);
  const newest = await newestClaim(transaction, log, [startingWith(prefix)]);
  if (newest !== undefined && fieldOfClaim(newest.facts, "packument") === packument) return false;
  const key = `${laterKey(prefix, atMs, newest)} ${packument}`;
  const record = { kind: "head", ns: log, name, packument } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: atMs });
}

/** `Claims.claimPolicy` in one log. */
export async function claimPolicyIn(
  transaction: Transaction,
  log: string,
  { policies, actor, atMs }: PolicyFacts,
): Promise<boolean> {
  const newest = await newestClaim(transaction, log, [startingWith(policyPrefix)]);
  if (newest !== undefined && fieldOfClaim(newest.facts, "policies") === policies) return false;
  const key = `${laterKey(policyPrefix, atMs, newest)} ${policies}`;
  const record = { kind: "policy", ns: log, policies, actor } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: atMs });
}

/** `Claims.claimAudit` in one log. */
export async function claimAuditIn(
  transaction: Transaction,
  log: string,
  { acts, chain }: AuditFacts,
  now: EpochMs,
): Promise<boolean> {
  const key = auditKey({ acts });
  const newest = await newestClaim(transaction, log, [startingWith("audit")]);
  if (newest !== undefined && newest.key >= key) {
    const same = newest.key === key ? newest : await newestClaim(transaction, log, [[key, `${key} `]]);
    if (same !== undefined && fieldOfClaim(same.facts, "chain") !== chain)
      throw new AssayError("DATABASE", {
        reason: `the audit trail of ${log} is not the one whose first ${acts} acts were recorded`,
      });
    return false;
  }
  const record = { kind: "audit", ns: log, acts, chain } as const;
  return await claimOnce(transaction, { log, key, record, claimedAtMs: now });
}

/**
 * `<prefix> <time>` behind the newest key of this prefix, also within one millisecond and when the clock of this
 * process is behind that of another: what was claimed last must be found as the newest.
 */
function laterKey(prefix: string, atMs: number, newest: StoredClaim | undefined): string {
  const before = newest === undefined ? 0 : Number(newest.key.slice(prefix.length + 1).split(" ", 1)[0]);
  return `${prefix} ${timeText(Math.max(atMs, before + 1))}`;
}

function startingWith(prefix: string): KeyRange {
  return [`${prefix} `, untilNext(`${prefix} `)];
}
