import { AssayError, parseRecord } from "@assay/core";
import type { EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import { isSameContent, standingClaim } from "../claim-bind.ts";
import { bindKey, supersedeKey } from "../claim-keys.ts";
import type { Bind, BindFacts, LoggedRecords } from "../claim-facts.ts";
import { bindOfClaim, claimText } from "../claim-text.ts";
import { createClaims, type Claims } from "../claims.ts";
import { insertPlacedClaim, keepEntry } from "../store-remotes.ts";
import { recordHash } from "../tile-rows.ts";

/**
 * The claims of a followed log. A bind is claimed with its proven record, at its place there; it is kept here as
 * known from that log. What sources do with bound versions (conflict, gone, back) is remembered and never becomes
 * a record: the log is somebody else's. So nothing else is claimed.
 */
export function createRemoteClaims(
  deps: { readonly database: Database; readonly clock: Clock; readonly events: Events },
  log: { readonly id: string; readonly url: string },
): Claims {
  const own = createClaims({ ...deps, wake: () => {}, onConflict: () => {} }, log.id);
  const nothing = async (): Promise<boolean> => false;
  return {
    bindsOf: own.bindsOf,
    boundAfter: own.boundAfter,
    boundNameAfter: own.boundNameAfter,
    countBound: own.countBound,
    claimConflict: own.claimConflict,
    claimSighting: own.claimSighting,
    claimBind: (transaction, facts) => claimLogged(transaction, log.id, facts, deps.clock.now()),
    claimSupersede: async () => {
      throw new AssayError("FORBIDDEN", {
        reason: `what the followed log at ${log.url} binds is superseded there, by its own people`,
      });
    },
    claimSeen: nothing,
    claimConfirm: nothing,
    claimTag: nothing,
    claimDeprecate: nothing,
    claimHead: nothing,
    claimPolicy: nothing,
    claimAudit: nothing,
    claimDelegate: nothing,
    claimKey: nothing,
  };
}

async function claimLogged(
  transaction: Transaction,
  log: string,
  facts: BindFacts,
  now: EpochMs,
): Promise<{ readonly outcome: "bound" | "same" | "differs"; readonly bind: Bind }> {
  const { name, version, logged } = facts;
  if (logged === undefined) throw new Error(`${name}@${version} is claimed without its record in the followed log`);
  const isNew = await keepRecords(transaction, log, logged, now);
  const standing = await standingClaim(transaction, log, name, version);
  if (standing === undefined) throw new Error(`the claim of ${name}@${version} stands and cannot be read`);
  const bind = bindOfClaim(standing.facts, standing.claimedAtMs);
  if (isNew) return { outcome: "bound", bind };
  return { outcome: isSameContent(bind, facts) ? "same" : "differs", bind };
}

/** True when the version was not known before. */
async function keepRecords(
  transaction: Transaction,
  log: string,
  { origin, records }: LoggedRecords,
  now: EpochMs,
): Promise<boolean> {
  let isNew = false;
  for (const [number, { index, text }] of records.entries()) {
    const record = parseRecord(text);
    if (record.kind !== "bind" && record.kind !== "supersede") throw new Error(`entry ${index} binds nothing`);
    const { seq: _seq, prev: _prev, time: _time, nonce: _nonce, ...rest } = record;
    const { kind, name, version } = record;
    const key = number === 0 ? bindKey(name, version) : supersedeKey(name, version, number);
    const claim = { log, key, kind, name, version, facts: claimText(rest), claimedAtMs: now };
    const inserted = await insertPlacedClaim(transaction, claim, { shard: origin, idx: index });
    if (number === 0) isNew = inserted;
    await keepEntry(transaction, origin, { idx: index, record: text, leafHash: recordHash(text) });
  }
  return isNew;
}
