import { createRecordAudit, decodeUtf8, isAssayError, knownRecord } from "@assay/core";
import type { AuditedShard, AuditFinding } from "@assay/core";
import type { ProvenTree } from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { loadTables, sha256, type StoredTables } from "./audit-tables.ts";
import { boundTwice, recordsInProof } from "./evidence.ts";
import type { Finding, Findings } from "./findings.ts";
import type { OwnScopes } from "./scopes.ts";
import { addOwnBinds, type OwnBind } from "./store-own.ts";
import { moveChecked, type ShardRow } from "./store.ts";

export interface ReadDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly findings: Findings;
  readonly scopes: OwnScopes;
}

/** Entries that are read, checked and made durable together: 16 bundles. */
const batchEntries = 4096;
const bundleEntries = 256;
/** Of a log that is broken all over, so many findings a batch are enough. */
const mostFindings = 100;

/**
 * Checks the records of a shard from where it was left to the end of this tree, in batches. What a batch found and how
 * far it came are one transaction: a crash leaves whole batches, and the next call goes on behind the last. `onProgress`
 * hears of each. Answers how many records were checked.
 */
export async function readShard(
  deps: ReadDependencies,
  shard: ShardRow,
  tree: ProvenTree,
  options: {
    readonly audited: AuditedShard;
    /** Whether everything before this shard was checked too. */
    readonly isWhole: boolean;
    readonly signal: AbortSignal;
    readonly onProgress: (done: number, total: number) => void;
  },
): Promise<number> {
  const { size } = tree.signed.checkpoint;
  let { checked, checkedTime } = shard;
  let before = checked > 0 ? await textAt(tree, checked - 1) : undefined;
  while (checked < size) {
    options.signal.throwIfAborted();
    const to = Math.min(size, checked + batchEntries);
    const texts = await textsBetween(tree, checked, to);
    const resume = before === undefined ? undefined : { index: checked - 1, text: before, time: checkedTime };
    const { audited, isWhole } = options;
    const batch = { shard, tree, from: checked, texts, audited, isWhole, resume };
    checkedTime = await checkBatch(deps, batch, checkedTime);
    checked = to;
    before = texts.at(-1);
    options.onProgress(checked, size);
  }
  return size - shard.checked;
}

interface BatchToCheck {
  readonly shard: ShardRow;
  readonly tree: ProvenTree;
  readonly from: number;
  readonly texts: readonly string[];
  readonly audited: AuditedShard;
  readonly isWhole: boolean;
  /** The record before the batch; undefined at the start of the shard. */
  readonly resume: { readonly index: number; readonly text: string; readonly time: number } | undefined;
}

async function checkBatch(deps: ReadDependencies, batch: BatchToCheck, timeBefore: number): Promise<number> {
  const { database, findings } = deps;
  const { shard, from, texts } = batch;
  const records = texts.map(knownRecord);
  const tables = await loadTables(database.read, { lineage: shard.lineage, vkey: shard.vkey, from, records });
  const found: AuditFinding[] = [];
  const audit = createRecordAudit(
    { sha256 },
    // A log of somebody else may be younger than this monitor.
    {
      part: 0,
      parts: 1,
      unknownKinds: "skip",
      isWhole: batch.isWhole,
      tables,
      report: (finding) => found.push(finding),
    },
  );
  if (batch.resume === undefined) audit.beginShard(batch.audited);
  else audit.resumeShard(batch.audited, batch.resume);
  for (const [i, text] of texts.entries()) audit.follow(from + i, text);
  const described = await Promise.all(found.slice(0, mostFindings).map((each) => describe(batch, tables, each)));
  if (found.length > mostFindings) described.push(remainder(batch, found.length - mostFindings));
  const own = records.flatMap((record, i): OwnBind[] => {
    if (record?.kind !== "bind" && record?.kind !== "supersede") return [];
    const { name, version, integrity } = record;
    if (!deps.scopes.owns(name)) return [];
    return [{ vkey: shard.vkey, idx: from + i, name, version, integrity, seenAtMs: deps.clock.now() }];
  });
  const time = records.reduce((most, record) => Math.max(most, record?.time ?? 0), timeBefore);
  const kept = await database.write(async (transaction) => {
    const isMine = await moveChecked(transaction, shard.vkey, { from, to: from + texts.length, time });
    // Another monitor on this state: its findings stand already.
    if (!isMine) throw new Error(`${shard.origin} is checked by another process on this state`);
    await tables.save(transaction);
    await addOwnBinds(transaction, own);
    const stored: (Finding | undefined)[] = [];
    for (const finding of described) stored.push(await findings.keep(transaction, finding));
    return stored;
  });
  await findings.announce(kept);
  return time;
}

/** What stands for the findings of a batch that are too many to be told one by one. */
function remainder({ shard: { origin }, from, texts }: BatchToCheck, count: number): Finding {
  const to = from + texts.length - 1;
  const sentence = `The log ${origin}: ${count} more findings about the entries ${from} to ${to}.`;
  return { rule: "record", severity: "violation", origin, index: undefined, sentence, evidence: { from, to } };
}

/** A finding with evidence: the entry in question, and what it contradicts, under the signed root. */
async function describe(
  { shard, tree }: BatchToCheck,
  { doubles }: StoredTables,
  { index, reason }: AuditFinding,
): Promise<Finding> {
  const { origin } = shard;
  const sentence = `The log ${origin}: entry ${index} ${reason}.`;
  const double = doubles.find((each) => each.index === index);
  const about = { severity: "violation", origin, index, sentence } as const;
  if (double !== undefined && double.before.vkey === shard.vkey)
    return { ...about, rule: "bound-twice", evidence: await boundTwice(tree, sentence, [double.before.index, index]) };
  const rule = double === undefined ? "record" : "bound-twice";
  return { ...about, rule, evidence: await recordsInProof(tree, index === 0 ? [0] : [index - 1, index]) };
}

async function textsBetween(tree: ProvenTree, from: number, to: number): Promise<string[]> {
  const texts: string[] = [];
  const first = Math.floor(from / bundleEntries);
  const last = Math.floor((to - 1) / bundleEntries);
  for (let bundle = first; bundle <= last; bundle += 1) {
    const entries = await tree.readEntries(bundle);
    for (const [i, entry] of entries.entries()) {
      const index = bundle * bundleEntries + i;
      if (index >= from && index < to) texts.push(textOf(entry));
    }
  }
  return texts;
}

async function textAt(tree: ProvenTree, index: number): Promise<string> {
  const [text = ""] = await textsBetween(tree, index, index + 1);
  return text;
}

/** What is no UTF-8 is no record: the audit says so of the replacement too. */
function textOf(entry: Uint8Array): string {
  try {
    return decodeUtf8(entry);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    return "\uFFFD";
  }
}
