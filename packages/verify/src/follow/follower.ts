import { AssayError, isAssayError, type PackageName, type Sha256, type Version } from "@assay/core";
import type { TrustedLog } from "../trust.ts";
import type { FollowEffects } from "./effects.ts";
import { refused } from "./evidence.ts";
import { seenSuccessor } from "./lineage.ts";
import { parseLookup, proveLookup, wrongAnswer, type LookedUp, type LookupBody } from "./lookup.ts";
import { mergeCheckpoint, openStored, rolledBack, type Consistency, type MergeDeps } from "./merge.ts";
import { checkFresh, checkWitnessed, isFresher, type FollowPolicy } from "./policy.ts";
import { openCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts";
import { createProvenTree, type ProvenTree } from "./tree.ts";

/**
 * Follows one log (a shard) by its pinned key: the client of Go's checksum database over C2SP tlog-tiles.
 *
 * Nothing is believed that does not lead to a checkpoint with a good signature, enough cosignatures, and one history
 * with every checkpoint that was ever believed before. All methods throw:
 * - MisbehaviourError (`fork`): the log's key signed two histories. Final; keep the evidence.
 * - LOG_REFUSED with `kind` and evidence: what was served is not what a good log serves. `kind` is
 *   `wrong-signature`, `unwitnessed`, `stalled`, `rolled-back`, `wrong-tile` or `wrong-answer`.
 * - LOG_UNAVAILABLE: it could not be reached, or does not serve what it must. Worth another try.
 * Evidence: docs/formats/evidence.md. Methods may be called at once; so may followers in several processes that
 * share one state.
 */
export interface Follower {
  readonly log: TrustedLog;

  /**
   * Fetches the newest checkpoint and proves that it is of one history with all before. Answers the newest tree.
   * A smaller tree than was seen before is asked for again for some seconds (a cache may lag), then refused.
   */
  update(): Promise<ProvenTree>;

  /** The newest proven tree, fetched anew where there is none or it is older than the policy allows. */
  fresh(): Promise<ProvenTree>;

  /** The newest tree that was proven, without asking anybody; undefined before the first `update` or `hold`. */
  newest(): Promise<ProvenTree | undefined>;

  /** Holds a checkpoint from elsewhere (a lookup, a bundle, gossip) against the newest one, and keeps the newer. */
  hold(note: string): Promise<Consistency>;

  /** Looks up one version, which makes the log bind it if it is not yet, and proves the answer. */
  lookup(name: PackageName, version: Version): Promise<LookedUp | LookupRefused>;

  /** Proves an answer to a lookup (docs/formats/lookup.md) that came from this shard, by whatever way. */
  prove(asked: LookupAsked): Promise<LookedUp>;
}

/** The log said no: it knows no such version, cannot fetch it now, or its sources disagree. */
export interface LookupRefused {
  readonly status: number;
  /** One line, from the log: untrusted, printable. */
  readonly reason: string;
}

/** A question and the body of its answer. */
export interface LookupAsked {
  readonly name: PackageName;
  readonly version: Version;
  readonly body: string;
}

/** What a follower is made of. */
export interface FollowerDeps {
  readonly sha256: Sha256;
  readonly effects: FollowEffects;
  readonly log: TrustedLog;
  readonly policy: FollowPolicy;
}

/** Caches keep a checkpoint for seconds: an old one is asked for again after these, then it is refused. */
export const rollbackPausesMs: readonly number[] = [250, 500, 1_000, 2_000, 4_000];

/** Checkpoints whose signatures are remembered as good. */
const mostOpened = 64;

/** A follower with nothing in memory yet; its past is in the state. */
export function createFollower(deps: FollowerDeps): Follower {
  const { effects, log, policy } = deps;
  const merging: MergeDeps = { sha256: deps.sha256, effects, memory: new Map() };
  const opened = new Map<string, Promise<SignedCheckpoint>>();
  let latest: ProvenTree | undefined;
  /** The note of a shard's last tree: nobody cosigns it again, so its age says nothing. */
  let ended: string | undefined;
  const waiting: Waiting[] = [];
  let draining = false;

  /** Many lookups bring the same checkpoint: its signatures are checked once. */
  function open(note: string): Promise<SignedCheckpoint> {
    const known = opened.get(note);
    if (known !== undefined) return known;
    const opening = openNow(note);
    opened.set(note, opening);
    opening.catch(() => opened.delete(note));
    const oldest = opened.keys().next().value;
    if (opened.size > mostOpened && oldest !== undefined) opened.delete(oldest);
    return opening;
  }

  async function openNow(note: string): Promise<SignedCheckpoint> {
    const signed = await openSigned(note);
    await checkWitnessed(policy, signed);
    return signed;
  }

  async function openSigned(note: string): Promise<SignedCheckpoint> {
    try {
      return await openCheckpoint(log, note);
    } catch (error) {
      if (!isAssayError(error, "BAD_FORMAT")) throw error;
      const { what, reason } = error.details;
      throw refused("wrong-signature", log, `${lowerFirst(what)} is no good: ${reason}`, { note }, error);
    }
  }

  async function newest(): Promise<ProvenTree | undefined> {
    const note = await effects.readCheckpoint(log.vkey);
    if (note === undefined) return undefined;
    if (latest?.signed.note !== note) latest = createProvenTree(merging, await openStored(log, note));
    return latest;
  }

  /** As `newest`, after something was merged. */
  async function mustHave(): Promise<ProvenTree> {
    const tree = await newest();
    if (tree !== undefined) return tree;
    throw new AssayError("LOG_UNAVAILABLE", { url: log.origin, reason: "its stored checkpoint was removed meanwhile" });
  }

  async function hold(note: string): Promise<Consistency> {
    const signed = await open(note);
    return await new Promise<Consistency>((resolve, reject) => {
      waiting.push({ signed, resolve, reject });
      if (!draining) void drain();
    });
  }

  /** One merge at a time, the largest tree first: then the others are its prefixes, proven from tiles at hand. */
  async function drain(): Promise<void> {
    draining = true;
    for (;;) {
      const next = takeLargest(waiting);
      if (next === undefined) break;
      await merge(next.signed).then(next.resolve, next.reject);
    }
    draining = false;
  }

  async function merge(signed: SignedCheckpoint): Promise<Consistency> {
    const relation = await mergeCheckpoint(merging, signed, { offline: false });
    if (relation === "same") await keepFresher(signed);
    return relation;
  }

  /** Of one tree, the note that a quorum cosigned last is kept: an idle log shows that it lives by that alone. */
  async function keepFresher(signed: SignedCheckpoint): Promise<void> {
    const stored = await effects.readCheckpoint(log.vkey);
    if (stored === undefined || stored === signed.note) return;
    const newest = await openStored(log, stored);
    if (newest.checkpoint.size !== signed.checkpoint.size || !(await isFresher(policy, signed, newest))) return;
    // Who swaps it meanwhile has merged something at least as new.
    await effects.swapCheckpoint(log.vkey, stored, signed.note);
  }

  async function update(): Promise<ProvenTree> {
    for (const pauseMs of [...rollbackPausesMs, undefined]) {
      const note = await effects.fetchCheckpoint(log);
      const older = await shownOlder(note);
      if (older === undefined) break;
      if (pauseMs === undefined) throw older;
      await effects.sleep(pauseMs);
    }
    const tree = await mustHave();
    await checkYoung(tree);
    // From its edge a fork or a rollback can be proven later, when nobody serves these tiles any more.
    await tree.readEdge();
    return tree;
  }

  /** Throws LOG_REFUSED (`stalled`). */
  async function checkYoung(tree: ProvenTree): Promise<void> {
    const { note } = tree.signed;
    if (note === ended) return;
    try {
      await checkFresh(policy, tree.signed, effects.nowSeconds());
    } catch (error) {
      if (!isAssayError(error, "LOG_REFUSED") || (await seenSuccessor(tree)) === undefined) throw error;
      ended = note;
    }
  }

  /** Holds a checkpoint; the refusal to give when it stays older than what was seen. */
  async function shownOlder(note: string): Promise<Error | undefined> {
    try {
      if ((await hold(note)) !== "older") return undefined;
      return rolledBack(await open(note), (await mustHave()).signed, "");
    } catch (error) {
      if (isAssayError(error, "LOG_REFUSED") && error.details.kind === "rolled-back") return error;
      throw error;
    }
  }

  async function fresh(): Promise<ProvenTree> {
    const tree = await newest();
    if (tree === undefined) return await update();
    try {
      await checkYoung(tree);
      return tree;
    } catch (error) {
      if (!isAssayError(error, "LOG_REFUSED")) throw error;
      return await update();
    }
  }

  async function prove(asked: LookupAsked): Promise<LookedUp> {
    const answer = readLookup(log, asked);
    const { size } = (await open(answer.note)).checkpoint;
    if (answer.index >= size)
      throw wrongAnswer(log, asked, `its answer says entry ${answer.index} of a tree of ${size}`);
    await hold(answer.note);
    return await proveLookup(deps, await fresh(), { ...asked, answer });
  }

  return {
    log,
    update,
    fresh,
    newest,
    hold,
    prove,

    async lookup(name, version) {
      const answer = await effects.fetchLookup(log, name, version);
      if (answer.outcome === "refused") return { status: answer.status, reason: answer.reason };
      return await prove({ name, version, body: answer.body });
    },
  };
}

interface Waiting {
  readonly signed: SignedCheckpoint;
  readonly resolve: (relation: Consistency) => void;
  readonly reject: (error: unknown) => void;
}

function takeLargest(waiting: Waiting[]): Waiting | undefined {
  let at = 0;
  for (const [i, { signed }] of waiting.entries()) {
    if (signed.checkpoint.size > (waiting[at]?.signed.checkpoint.size ?? -1)) at = i;
  }
  return waiting.splice(at, 1)[0];
}

/** Throws LOG_REFUSED (`wrong-answer`). */
export function readLookup(log: TrustedLog, asked: LookupAsked): LookupBody {
  try {
    return parseLookup(asked.body);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    throw wrongAnswer(log, asked, `its answer is malformed: ${error.details.reason}`);
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
