import { cosignatureTime, decodeEdge, isAssayError, parseNote, proveConsistency } from "@assay/core";
import type { WitnessPolicy } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { requireBeginning } from "../guard.ts";
import type { LogInstruments } from "../instruments.ts";
import type { PublishedHead, PublishedHeads } from "../published.ts";
import { publishCosigned } from "../sequence/cosign.ts";
import type { CosignDependencies } from "../sequence/cosign.ts";
import { reportFinal } from "../sequence/run.ts";
import type { ShardList } from "../shard-list.ts";
import { headOf } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { sha256 } from "../tile-rows.ts";
import type { Tiles } from "../tiles.ts";
import { askWitness } from "./ask.ts";
import type { AskedWitness, AskOutcome, ToCosign } from "./ask.ts";
import type { WitnessesInstruments } from "./instruments.ts";
import { startRound } from "./round.ts";
import type { RoundResult, RoundWitness } from "./round.ts";
import { readWitness } from "./seen.ts";

export interface RoundsDependencies extends CosignDependencies {
  readonly tiles: Tiles;
  /** Every head that was signed. */
  readonly signed: PublishedHeads;
  readonly clock: Clock;
  readonly events: Events;
  readonly telemetry: Telemetry;
  readonly instruments: LogInstruments;
  readonly witnessing: WitnessesInstruments;
  readonly witnesses: readonly AskedWitness[];
}

export interface RoundsOptions {
  /** The logs whose checkpoints are cosigned. */
  readonly logs: () => readonly string[];
  readonly shards: ShardList;
  readonly policy: WitnessPolicy;
  /** Longest wait for one witness. */
  readonly timeoutMs: number;
  /** Least time between the starts of two rounds. */
  readonly intervalMs: number;
  /** A public checkpoint of an open shard is cosigned again after this time, so that its age says that the log lives. */
  readonly refreshMs: number;
}

/** What is known of one witness; it is asked one thing at a time. */
interface WitnessState {
  readonly witness: AskedWitness;
  /** What it cosigned last, by shard. */
  readonly sizes: Map<string, number>;
  free: Promise<unknown>;
  retryAtMs: number;
}

/** Of one shard. */
interface ShardState {
  /** Of the newest checkpoint that met the quorum in this process. */
  met: { readonly size: number; readonly atMs: number } | undefined;
  /** Rounds in a row that did not meet it. */
  failures: number;
}

const firstRetryMs = 1000;
const lastRetryMs = 15_000;

/**
 * Has every signed head cosigned until the signal is aborted, one round after the other; a round takes the newest
 * head that there is. While the quorum is not met the last good checkpoint stays public, an alarm is raised, and it
 * is tried again after 1 to 15 s.
 *
 * Rejects with LOG_GUARD when a witness holds this log's signature over a tree that the log does not have.
 */
export async function runRounds(deps: RoundsDependencies, options: RoundsOptions, signal: AbortSignal): Promise<void> {
  if (deps.witnesses.length === 0) return;
  const { clock, telemetry } = deps;
  const states = new Map<string, ShardState>();
  const witnesses = deps.witnesses.map((witness): WitnessState => ({
    witness,
    sizes: new Map(),
    free: Promise.resolve(),
    retryAtMs: 0,
  }));
  const late = new Set<Promise<unknown>>();
  try {
    while (!signal.aborted) {
      // Taken before looking: a head that is signed meanwhile rings this turn.
      const turn = deps.signed.next();
      const startedMs = clock.monotonicMs();
      let waitMs = options.refreshMs;
      for (const shard of options.logs().flatMap((log) => options.shards.visible(log))) {
        const state = states.get(shard.id) ?? { met: undefined, failures: 0 };
        states.set(shard.id, state);
        const head = deps.signed.get(shard.id);
        if (head === undefined || !isDue(deps, options, shard, head, state)) continue;
        await holdRound(deps, options, { shard, head, state, witnesses, late }, signal);
        if (signal.aborted) return;
        if (state.failures > 0) waitMs = Math.min(waitMs, retryMs(state.failures));
      }
      const isFailing = [...states.values()].some(({ failures }) => failures > 0);
      await waitFor(clock, isFailing ? undefined : turn, waitMs, signal);
      const pauseMs = options.intervalMs - (clock.monotonicMs() - startedMs);
      if (pauseMs > 0) await clock.sleep(pauseMs, signal).catch(() => {});
    }
  } finally {
    for (const outcome of await Promise.allSettled(late))
      if (outcome.status === "rejected") telemetry.log.error("a late cosignature was lost", { error: outcome.reason });
  }
}

function isDue(
  { clock, published }: RoundsDependencies,
  { refreshMs }: RoundsOptions,
  shard: Shard,
  head: PublishedHead,
  { met }: ShardState,
): boolean {
  // Older than what was signed, as its state says: never signed again, and witnesses know better.
  if (shard.state === "abandoned") return false;
  if (shard.state === "frozen") return (published.get(shard.id)?.size ?? -1) < head.size;
  return met === undefined || met.size < head.size || clock.monotonicMs() - met.atMs >= refreshMs;
}

interface Round {
  readonly shard: Shard;
  readonly head: PublishedHead;
  readonly state: ShardState;
  readonly witnesses: readonly WitnessState[];
  readonly late: Set<Promise<unknown>>;
}

async function holdRound(
  deps: RoundsDependencies,
  options: RoundsOptions,
  { shard, head, state, witnesses, late }: Round,
  signal: AbortSignal,
): Promise<void> {
  const { clock, witnessing } = deps;
  const startedMs = clock.monotonicMs();
  let isOver = false;
  const asking = witnesses.map((each): RoundWitness => ({
    name: each.witness.name,
    ask: (asked) => askInTurn(deps, options, { state: each, shard, head, asked, isOver: () => isOver }, signal),
  }));
  let result: RoundResult;
  try {
    const round = startRound({ policy: options.policy, witnesses: asking }, head, async (lines) => {
      await publishCosigned(deps, shard, head, lines);
      witnessing.publishedSize.set(head.size, { shard: shard.id });
      witnessing.publishedAt.set(Math.floor(clock.now() / 1000), { shard: shard.id });
    });
    const settled = round.settled.then(
      (all) => count(deps, all),
      () => {},
    );
    late.add(settled);
    void settled.finally(() => late.delete(settled));
    result = await round.decided;
  } catch (error) {
    state.failures += 1;
    deps.telemetry.log.error("a round of witnesses failed and is tried again", { "log.shard": shard.id, error });
    return;
  } finally {
    isOver = true;
  }
  if (signal.aborted) return;
  if (result.verdict.met) state.met = { size: head.size, atMs: clock.monotonicMs() };
  witnessing.roundSeconds.observe((clock.monotonicMs() - startedMs) / 1000);
  try {
    for (const [name, { outcome }] of result.outcomes)
      if (outcome === "contradicts") await requireNoFork(deps, options, shard, name);
  } catch (error) {
    if (isAssayError(error, "LOG_GUARD")) {
      await reportFinal(deps, shard, error);
      throw error;
    }
    deps.telemetry.log.error("what a witness has seen could not be compared", { "log.shard": shard.id, error });
  }
  await report(deps, shard, state, result);
}

/** One question at a time to each witness: who was slow is asked for the newest when it is free. */
async function askInTurn(
  deps: RoundsDependencies,
  options: RoundsOptions,
  turn: {
    readonly state: WitnessState;
    readonly shard: Shard;
    readonly head: PublishedHead;
    readonly asked: ToCosign;
    readonly isOver: () => boolean;
  },
  signal: AbortSignal,
): Promise<AskOutcome> {
  const { state, shard, head, asked } = turn;
  const { clock, tiles } = deps;
  const before = state.free;
  const mine = Promise.withResolvers<void>();
  state.free = mine.promise;
  try {
    await before;
    const waitMs = state.retryAtMs - clock.monotonicMs();
    if (turn.isOver() || signal.aborted || waitMs > 0) return { outcome: "busy", retryAfterMs: Math.max(0, waitMs) };
    const view = { shard: shard.id, size: head.size, edge: head.edge };
    const prove = (oldSize: number, newSize: number): Promise<readonly Uint8Array[]> =>
      proveConsistency(sha256, oldSize, newSize, tiles.hashReader(view));
    const from = state.sizes.get(shard.id) ?? deps.published.get(shard.id)?.size ?? 0;
    const outcome = await withTimeout(clock, options.timeoutMs, signal, (limited) =>
      askWitness({ clock, prove }, state.witness, asked, from, limited),
    );
    if (outcome.outcome === "cosigned") state.sizes.set(shard.id, head.size);
    else state.sizes.delete(shard.id);
    if (outcome.outcome === "busy") state.retryAtMs = clock.monotonicMs() + Math.min(outcome.retryAfterMs, 60_000);
    return outcome;
  } finally {
    mine.resolve();
  }
}

function count({ witnessing, telemetry }: RoundsDependencies, { outcomes }: RoundResult): void {
  for (const [witness, outcome] of outcomes) {
    witnessing.answers.add(1, { witness, outcome: outcome.outcome });
    if (outcome.outcome !== "cosigned") continue;
    const times = parseNote(`-\n\n${outcome.lines.join("")}`).signatures.map(
      ({ signature }) => cosignatureTime(signature) ?? 0,
    );
    witnessing.cosignedAt.set(Math.max(...times), { witness });
  }
  for (const [witness, outcome] of outcomes)
    if (outcome.outcome === "refused")
      telemetry.log.debug("a witness refused a checkpoint", { "witness.name": witness, reason: outcome.reason });
}

/**
 * Throws LOG_GUARD when this witness holds our signature over a tree that we do not have. What it merely says proves
 * nothing: it may be wrong, or lie.
 */
async function requireNoFork(
  deps: RoundsDependencies,
  { timeoutMs }: RoundsOptions,
  shard: Shard,
  name: string,
): Promise<void> {
  const witness = deps.witnesses.find((each) => each.name === name);
  const view = witness && (await readWitness(deps, witness, shard, timeoutMs));
  if (view?.outcome !== "seen") return;
  // After the read, and from the rows: another process may have signed meanwhile.
  const head = await headOf(deps.database.read, shard.id);
  if (head === undefined) return;
  const tree = { shard: shard.id, size: head.size, edge: decodeEdge(head.edge) };
  await requireBeginning(shard.id, { name: view.tree.by, signed: view.tree }, head.assignedSize, (size) =>
    deps.tiles.rootAt(tree, size),
  );
}

/** The alarm, once when the quorum is lost and once when it is back. */
async function report(deps: RoundsDependencies, shard: Shard, state: ShardState, result: RoundResult): Promise<void> {
  const { witnessing, telemetry, events, database } = deps;
  const { met, reason } = result.verdict;
  const wasFailing = state.failures > 0;
  state.failures = met ? 0 : state.failures + 1;
  witnessing.quorum.set(met ? 1 : 0, { shard: shard.id });
  if (met === !wasFailing) return;
  const why = [...result.outcomes].flatMap(([name, outcome]) =>
    "reason" in outcome ? [`${name}: ${outcome.reason}`] : outcome.outcome === "busy" ? [`${name}: it is busy`] : [],
  );
  const fields = { "log.shard": shard.id, "log.vkey": shard.vkey, "witnesses.quorum": reason };
  if (met) telemetry.log.info("the quorum of witnesses is met again", fields);
  else
    telemetry.log.error(
      "the quorum of witnesses is not met; the last public checkpoint stays, and what is proven is served",
      { ...fields, "witnesses.problems": why.join("; ") },
    );
  await database.write((transaction) =>
    events.record(transaction, {
      kind: met ? "log.quorum-met" : "log.quorum-failed",
      subject: shard.id,
      data: { quorum: reason, problems: why.join("; ") },
    }),
  );
}

function retryMs(failures: number): number {
  return Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(10, failures - 1));
}

/** Until the turn comes (when one is given), after this time, or when the signal is aborted. */
async function waitFor(clock: Clock, turn: Promise<void> | undefined, ms: number, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const slept = clock.sleep(ms, AbortSignal.any([signal, enough.signal])).catch(() => {});
  await Promise.race(turn === undefined ? [slept] : [turn, slept]);
  enough.abort();
  await slept;
}

async function withTimeout<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const enough = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(
    () => enough.abort(),
    () => {},
  );
  try {
    return await work(AbortSignal.any([signal, enough.signal]));
  } finally {
    done.abort();
  }
}
