import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { recordLine, shownRecord } from "./record-line.ts";
import { openSource, type LogSource, type Place, type SourceOptions } from "./source.ts";

export interface TailOptions extends SourceOptions {
  readonly lines: string;
  /** False: print and end. */
  readonly follow: boolean;
  readonly json?: boolean;
}

/** How often an idle log is looked at, ms. */
const pollMs = 1000;

/** Prints the newest records of a log, and the next ones as they come, over a rotation too, until it is stopped. */
export async function runTail(context: CliContext, options: TailOptions): Promise<ExitCode> {
  const lines = Number(options.lines);
  if (!/^\d{1,9}$/.test(options.lines)) throw wrongUse(`--lines ${options.lines} is not a number of records.`);
  const stop = context.stopSignal();
  await using source = await openSource(context, options, stop);
  let at = await startOf(source, lines);
  for (;;) {
    at = await printFrom(context, source, at, options);
    if (!options.follow || stop.aborted) return 0;
    await pause(context, stop);
    if (stop.aborted) return 0;
  }
}

/** The place of the first of the newest `lines` records. */
async function startOf(source: LogSource, lines: number): Promise<Place> {
  let left = lines;
  let start = { shard: "", index: 0 };
  for (const { shard } of await source.shards()) {
    const { size } = await source.head(shard);
    start = { shard, index: Math.max(0, size - left) };
    left -= size - start.index;
    if (left === 0) break;
  }
  return start;
}

/** Prints everything from a place on, over the shards after it; answers the place of the next record. */
async function printFrom(context: CliContext, source: LogSource, from: Place, { json }: TailOptions): Promise<Place> {
  const lineage = (await source.shards()).toReversed().map(({ shard }) => shard);
  let { shard: at, index } = from;
  for (const shard of lineage.slice(Math.max(0, lineage.indexOf(from.shard)))) {
    if (shard !== at) index = 0;
    at = shard;
    for await (const record of source.records(shard, index, (await source.head(shard)).size)) {
      const shown = shownRecord(shard, record.index, record.text);
      context.stdout.write(`${json === true ? JSON.stringify(shown) : recordLine(shown)}\n`);
      index = record.index + 1;
    }
  }
  return { shard: at, index };
}

async function pause({ clock }: CliContext, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([clock.sleep(pollMs), stopped]);
}
