import { MisbehaviourError, isAssayError, toBase64 } from "@assay/core";
import type { AuditedShard } from "@assay/core";
import { evidenceIn, predecessorIn } from "@assay/verify";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { MonitorInstruments } from "./instruments.ts";
import type { Lineage, ProvenShard } from "./lineage.ts";
import { readShard, type ReadDependencies } from "./read-shard.ts";
import { markShard, moveChecked, shardsOf } from "./store.ts";

export interface CheckLogDependencies extends ReadDependencies {
  readonly telemetry: Telemetry;
  readonly instruments: MonitorInstruments;
}

/** What came of one look at a log. */
export type LogOutcome =
  | { readonly outcome: "checked"; readonly entries: number; readonly size: number }
  | { readonly outcome: "unreachable"; readonly reason: string }
  /** Its key signed two histories, or what it served was refused: see the findings. */
  | { readonly outcome: "refused"; readonly reason: string };

/**
 * Brings one log up to date and checks what is new, shard after shard, oldest first. What is wrong with it becomes
 * findings; what cannot be read now is told and tried again. After a fork it is not read any more.
 */
export async function checkLog(
  deps: CheckLogDependencies,
  lineage: Lineage,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<LogOutcome> {
  const { database, findings, instruments } = deps;
  const { origin } = lineage;
  if ((await shardsOf(database.read, lineage.vkey)).some(({ isForked }) => isForked))
    return { outcome: "refused", reason: `the log ${origin} signed two histories and is not read any more` };
  try {
    const { shards, notes } = await lineage.update();
    for (const sentence of notes)
      await findings.add({
        rule: "successor-unknown",
        severity: "notice",
        origin,
        index: undefined,
        sentence,
        evidence: { vkey: lineage.vkey },
      });
    const entries = await readShards(deps, shards, signal, onProgress);
    const size = shards.reduce((sum, { tree }) => sum + tree.signed.checkpoint.size, 0);
    instruments.reachable.set(1, { origin });
    instruments.checkedAt.set(Math.floor(deps.clock.now() / 1000), { origin });
    return { outcome: "checked", entries, size };
  } catch (error) {
    if (signal.aborted) throw error;
    if (isAssayError(error, "LOG_UNAVAILABLE")) {
      instruments.reachable.set(0, { origin });
      return { outcome: "unreachable", reason: error.message };
    }
    const evidence = evidenceIn(error);
    if (evidence === undefined) throw error;
    await refuse(deps, lineage, error, evidence);
    return { outcome: "refused", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Milliseconds of an hour: how often the same complaint about what is served becomes a new finding. */
const hourMs = 3_600_000;

async function refuse(
  { database, findings, clock }: CheckLogDependencies,
  lineage: Lineage,
  error: unknown,
  evidence: Readonly<Record<string, string>>,
): Promise<void> {
  const isForked = error instanceof MisbehaviourError;
  const kind = evidence["kind"] ?? "refused";
  const { vkey = lineage.vkey } = evidence;
  await findings.add({
    rule: kind,
    severity: "violation",
    origin: lineage.origin,
    index: undefined,
    sentence: error instanceof Error ? error.message : String(error),
    evidence,
    // Ages and sizes in the sentence change each time; the complaint is the same.
    ...(isForked ? {} : { key: `${kind} ${Math.floor(clock.now() / hourMs)}` }),
  });
  if (isForked) await database.write((transaction) => markShard(transaction, vkey, "is_forked"));
}

async function readShards(
  deps: CheckLogDependencies,
  shards: readonly ProvenShard[],
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  const total = shards.reduce((sum, { row, tree }) => sum + tree.signed.checkpoint.size - row.checked, 0);
  const [oldest] = shards;
  const isWhole = oldest === undefined || (await predecessorIn(oldest.tree)) === undefined;
  let entries = 0;
  for (const [i, shard] of shards.entries()) {
    const { origin } = shard.row;
    const done = entries;
    const row = i === 0 && !isWhole ? await skipLink(deps, shard) : shard.row;
    deps.instruments.checked.set(row.checked, { origin });
    const audited = auditedShard(shards[i - 1], i === 0 && !isWhole);
    entries += await readShard(deps, row, shard.tree, {
      audited,
      isWhole,
      signal,
      onProgress(checked) {
        onProgress(done + checked - shard.row.checked, total);
        deps.instruments.checked.set(checked, { origin });
      },
    });
    deps.instruments.size.set(shard.tree.signed.checkpoint.size, { origin });
  }
  return entries;
}

/** The first record of a shard whose predecessor is not served: there is nothing to hold it against. */
async function skipLink({ database }: CheckLogDependencies, { row }: ProvenShard): Promise<ProvenShard["row"]> {
  if (row.checked > 0) return row;
  await database.write((transaction) => moveChecked(transaction, row.vkey, { from: 0, to: 1, time: 0 }));
  return { ...row, checked: 1 };
}

function auditedShard(before: ProvenShard | undefined, isCut: boolean): AuditedShard {
  const { size, root } = before?.tree.signed.checkpoint ?? { size: 0, root: new Uint8Array(0) };
  return {
    // Whether a log is private is its operator's word; a nonce that is missing harms nobody but them.
    isPrivate: false,
    from: isCut ? 1 : 0,
    predecessor: before && { origin: before.row.origin, final: { size, root: toBase64(root) } },
    successor: undefined,
  };
}
