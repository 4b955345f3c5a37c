import type { PackageName, Version } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database, Reader, Transaction } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import { bindsIn, boundAfterIn, boundNameAfterIn, claimBindIn, claimSupersedeIn } from "./claim-bind.ts";
import {
  claimConfirmIn,
  claimConflictIn,
  claimDelegateIn,
  claimKeyIn,
  claimSeenIn,
  claimSightingIn,
  claimTagIn,
} from "./claim-events.ts";
import { claimAuditIn, claimDeprecateIn, claimHeadIn, claimPolicyIn } from "./claim-hosted.ts";
import { countBound } from "./store-bound.ts";
import type {
  AuditFacts,
  Bind,
  BindFacts,
  ConfirmFacts,
  ConflictFacts,
  DelegateFacts,
  DeprecateFacts,
  HeadFacts,
  KeyFacts,
  PolicyFacts,
  SeenFacts,
  SightingFacts,
  SupersedeFacts,
  TagFacts,
} from "./claim-facts.ts";
import type { Severity } from "./judge.ts";

/**
 * A claim is a durable, unique row (log, key) that becomes a record. `claim…` functions run in the caller's
 * transaction and wake the sequencer after its commit; the same call again claims nothing. Where they answer a
 * boolean it says whether there is a new record. All throw BAD_FORMAT, BAD_NAME or BAD_VERSION on facts that no
 * record can hold.
 */
export interface Claims {
  /**
   * Claims what name@version is, once for ever. "bound": this call fixed it. "same": already fixed to these bytes.
   * "differs": already fixed to other bytes or another manifest; `bind` is what stands.
   */
  claimBind(
    transaction: Transaction,
    facts: BindFacts,
  ): Promise<{ readonly outcome: "bound" | "same" | "differs"; readonly bind: Bind }>;

  /**
   * Claims that people replaced what name@version is. Unique by the record that it replaces, which must be the one
   * that stands and be sequenced. "superseded": this call replaced it. "same": this approval has replaced it already.
   * "stale": another record stands, or it has no place yet; `bind` is what stands. Who approved is not checked here.
   * Throws NOT_FOUND when nothing is bound.
   */
  claimSupersede(
    transaction: Transaction,
    facts: SupersedeFacts,
  ): Promise<{ readonly outcome: "superseded" | "same" | "stale"; readonly bind: Bind }>;

  /**
   * Claims that a source listed or served something else for a bound or contested key, and tells of it by an event
   * `upstream.conflict`. Once per (name, version, source). What stands stays (`judge.ts`).
   */
  claimConflict(transaction: Transaction, facts: ConflictFacts): Promise<boolean>;

  /**
   * Claims that a source stopped (`gone`) or again started (`back`) listing a bound version at this time. They
   * alternate for each (name, version, source), four times a UTC day at most. `gone` of the source `hosted` is an
   * unpublish, and is always recorded.
   */
  claimSighting(transaction: Transaction, kind: "gone" | "back", facts: SightingFacts): Promise<boolean>;

  /** Claims that a source lists a version like this. Once per (name, version, source, integrity, manifest). */
  claimSeen(transaction: Transaction, facts: SeenFacts): Promise<boolean>;

  /**
   * Claims that another source served the bytes that stand. Once per (name, version, source, integrity); nothing when
   * these bytes do not stand, or the source is the one that they came from.
   */
  claimConfirm(transaction: Transaction, facts: ConfirmFacts): Promise<boolean>;

  /**
   * Claims that a dist-tag moved at this time. Unique by (name, tag, source, time); nothing for packages without a
   * bind, for a tag that did not move, and beyond 50 a UTC day for each (name, source) but `hosted`.
   */
  claimTag(transaction: Transaction, facts: TagFacts): Promise<boolean>;

  /**
   * Claims that a bound version was deprecated at this time, with another message, or is not any more. Nothing when
   * that is what the last one said.
   */
  claimDeprecate(transaction: Transaction, facts: DeprecateFacts): Promise<boolean>;

  /**
   * Claims what a hosted package with a bind is as a whole after a change at this time (`packumentDigest` of core).
   * Nothing when the last one says the same.
   */
  claimHead(transaction: Transaction, facts: HeadFacts): Promise<boolean>;

  /**
   * Claims that other policies came into force at this time. Nothing when the last one says the same.
   */
  claimPolicy(transaction: Transaction, facts: PolicyFacts): Promise<boolean>;

  /**
   * Claims how far the audit trail has come. Nothing when it was recorded as far before. Throws DATABASE when as many
   * acts were recorded with another end: the trail was changed.
   */
  claimAudit(transaction: Transaction, facts: AuditFacts): Promise<boolean>;

  /** Claims that a name was handed to another registry. Once per (name, statement). */
  claimDelegate(transaction: Transaction, facts: DelegateFacts): Promise<boolean>;

  /** Claims that a key was added or retired. Once per (action, use, owner, keyid, key). */
  claimKey(transaction: Transaction, facts: KeyFacts): Promise<boolean>;

  /**
   * What every bound version of a package is, sequenced or not: its bind, or the newest record that superseded it.
   * Inside `Database.write` the transaction must be given as `reader`.
   */
  bindsOf(name: PackageName, reader?: Reader): Promise<ReadonlyMap<Version, Bind>>;

  /**
   * Every bound version in the order in which they were bound: a page of at most `limit` whose position is above
   * `position`, from 0. For scans over everything.
   */
  boundAfter(position: number, limit: number): Promise<readonly BoundPlace[]>;

  /** The next name with a bind after this one, in an order that never changes; undefined: the first. Undefined at the end. */
  boundNameAfter(name: PackageName | undefined): Promise<PackageName | undefined>;

  /** How much is bound. Reads everything: not for every request. */
  countBound(): Promise<{ readonly versions: number; readonly names: number }>;
}

/** A bound version in the order of binding; `position` is above 0 and rises. */
export interface BoundPlace {
  readonly position: number;
  readonly name: PackageName;
  readonly version: Version;
}

export interface ClaimsDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly events: Events;
  /** Tells the sequencer that claims wait in a log. */
  readonly wake: (log: string) => void;
  /** Called after the commit of a conflict. */
  readonly onConflict: (facts: ConflictFacts, severity: Severity) => void;
}

/** The claims of one log. */
export function createClaims(deps: ClaimsDependencies, log: string): Claims {
  const { database, clock, events, wake, onConflict } = deps;

  async function claimConflict(transaction: Transaction, facts: ConflictFacts): Promise<boolean> {
    const judgement = await claimConflictIn(transaction, log, facts, clock.now());
    if (judgement === undefined) return false;
    const { name, version, source, from } = facts;
    // Where nothing stands the sources contradict each other: nobody knows whose bytes are right.
    const { severity, difference } =
      judgement.follows === "conflict" ? judgement : ({ severity: "high", difference: "unbound" } as const);
    await events.record(transaction, {
      kind: "upstream.conflict",
      subject: `npm ${name}@${version}`,
      data: { source, from, difference, severity },
    });
    transaction.afterCommit(() => onConflict(facts, severity));
    return true;
  }

  const waking = (transaction: Transaction): Transaction => {
    transaction.afterCommit(() => wake(log));
    return transaction;
  };
  return {
    claimBind: (transaction, facts) => claimBindIn(waking(transaction), log, facts, clock.now()),
    claimSupersede: (transaction, facts) => claimSupersedeIn(waking(transaction), log, facts, clock.now()),
    claimConflict: (transaction, facts) => claimConflict(waking(transaction), facts),
    claimSighting: (transaction, kind, facts) => claimSightingIn(waking(transaction), log, kind, facts),
    claimSeen: (transaction, facts) => claimSeenIn(waking(transaction), log, facts, clock.now()),
    claimConfirm: (transaction, facts) => claimConfirmIn(waking(transaction), log, facts, clock.now()),
    claimTag: (transaction, facts) => claimTagIn(waking(transaction), log, facts),
    claimDeprecate: (transaction, facts) => claimDeprecateIn(waking(transaction), log, facts),
    claimHead: (transaction, facts) => claimHeadIn(waking(transaction), log, facts),
    claimPolicy: (transaction, facts) => claimPolicyIn(waking(transaction), log, facts),
    claimAudit: (transaction, facts) => claimAuditIn(waking(transaction), log, facts, clock.now()),
    claimDelegate: (transaction, facts) => claimDelegateIn(waking(transaction), log, facts, clock.now()),
    claimKey: (transaction, facts) => claimKeyIn(waking(transaction), log, facts, clock.now()),
    bindsOf: (name, reader = database.read) => bindsIn(reader, log, name),
    boundAfter: (position, limit) => boundAfterIn(database.read, log, position, limit),
    boundNameAfter: (name) => boundNameAfterIn(database.read, log, name),
    countBound: () => countBound(database.read, log),
  };
}
