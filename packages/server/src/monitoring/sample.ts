import { hash } from "node:crypto";
import { isAssayError } from "@assay/core";
import { differenceOf, proveDifference } from "@assay/verify";
import type { Difference, LookedUp, ProvenTree, ServedRelease } from "@assay/verify";
import type { Database } from "../platform/database/database.ts";
import { NetworkError } from "../platform/network/network.ts";
import type { Random } from "../platform/random.ts";
import { askPackument, askTarball, type AskDependencies } from "./ask-registry.ts";
import { releaseDigest, sha256 } from "./audit-tables.ts";
import type { Findings } from "./findings.ts";
import type { MonitorInstruments } from "./instruments.ts";
import type { ProvenShard } from "./lineage.ts";
import { standingOf } from "./store.ts";

export interface SampleDependencies extends AskDependencies {
  readonly database: Database;
  readonly random: Random;
  readonly findings: Findings;
  readonly instruments: MonitorInstruments;
  /** Reads the logs up to now. */
  readonly catchUp: () => Promise<unknown>;
}

/**
 * `honest`: packument and tarball are what the log says. `replaced`: it serves other bytes, and the record that was
 * drawn has just been superseded. `lie`: a finding was made.
 */
export type SampleOutcome = "honest" | "replaced" | "lie" | "not-there" | "unreachable" | "nothing-to-sample";

/** Records that are drawn until one says what a release is now. */
const maxDraws = 20;

/**
 * Draws one release that the log binds and asks the registry for it: does the packument list the bound bytes and
 * manifest, and is the tarball those bytes? A difference is a finding with evidence that a second party can check as far
 * as the log's half goes.
 */
export async function sampleRegistry(
  deps: SampleDependencies,
  shards: readonly ProvenShard[],
  signal: AbortSignal,
): Promise<SampleOutcome> {
  const outcome = await sample(deps, shards, signal);
  deps.instruments.samples.add(1, { registry: deps.registry, outcome });
  return outcome;
}

async function sample(
  deps: SampleDependencies,
  shards: readonly ProvenShard[],
  signal: AbortSignal,
): Promise<SampleOutcome> {
  const found = await draw(deps, shards);
  if (found === undefined) return "nothing-to-sample";
  try {
    const listed = await askPackument(deps, found, signal);
    if (listed === undefined) return "not-there";
    const answers = [listed.served, await askTarball(deps, found, listed.tarball, signal)];
    const lies = answers.flatMap((served) => {
      const difference = served && differenceOf(found.record, served);
      return served === undefined || difference === undefined ? [] : [{ served, difference }];
    });
    if (lies.length === 0) return "honest";
    await deps.catchUp();
    if (!(await isStanding(deps, found.row, found))) return "replaced";
    for (const lie of lies) await report(deps, found, lie);
    return "lie";
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof NetworkError || isAssayError(error, "UPSTREAM_BAD_ANSWER")) return "unreachable";
    throw error;
  }
}

/** A record that was drawn, and the shard that has it. */
interface Drawn extends LookedUp {
  readonly row: ProvenShard["row"];
}

/** A record that says what a release is now, anywhere in the log. */
async function draw(deps: SampleDependencies, shards: readonly ProvenShard[]): Promise<Drawn | undefined> {
  const { random } = deps;
  const total = shards.reduce((sum, { tree }) => sum + tree.signed.checkpoint.size, 0);
  if (total === 0) return undefined;
  for (let attempt = 0; attempt < maxDraws; attempt += 1) {
    let at = Math.floor(random.fraction() * total);
    const shard = shards.find(({ tree }) => {
      const { size } = tree.signed.checkpoint;
      if (at < size) return true;
      at -= size;
      return false;
    });
    if (shard === undefined) continue;
    const { tree, row } = shard;
    const entry = await recordAt(tree, at);
    if (entry === undefined) continue;
    if (await isStanding(deps, row, entry)) return { ...entry, tree, row };
  }
  return undefined;
}

/** Whether the record says what the release is now. What was superseded is served by nobody any more. */
async function isStanding(
  { database }: SampleDependencies,
  { vkey, lineage }: ProvenShard["row"],
  { record, index }: Pick<LookedUp, "record" | "index">,
): Promise<boolean> {
  const [standing] = await standingOf(database.read, lineage, [releaseDigest(record)]);
  return standing?.vkey === vkey && standing.idx === index;
}

async function recordAt(tree: ProvenTree, index: number): Promise<Omit<LookedUp, "tree"> | undefined> {
  try {
    const { record, text, index: place } = await tree.readRecord(index);
    return record.kind === "bind" || record.kind === "supersede" ? { index: place, text, record } : undefined;
  } catch (error) {
    // Not a record: that is a finding of its own.
    if (isAssayError(error, "BAD_FORMAT") || isAssayError(error, "BAD_NAME") || isAssayError(error, "BAD_VERSION"))
      return undefined;
    throw error;
  }
}

async function report(
  { findings, registry }: SampleDependencies,
  found: LookedUp,
  { served, difference }: { readonly served: ServedRelease; readonly difference: Difference },
): Promise<void> {
  const { record } = found;
  const evidence = await proveDifference({ sha256 }, found, served, difference);
  await findings.add({
    rule: "differs",
    severity: "violation",
    origin: registry,
    index: undefined,
    sentence: evidence["sentence"] ?? `${registry} serves another ${record.name}@${record.version} than the log binds.`,
    evidence,
    key: hash("sha256", JSON.stringify([record.name, record.version, served])),
  });
}
