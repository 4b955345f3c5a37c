import { packageOf, parseTlogProof, type KnownRecord } from "@assay/core";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { placeAsked } from "./asked.ts";
import { recordLine, shownRecord, type ShownRecord } from "./record-line.ts";
import { openSource, type LogSource, type Place, type SourceOptions } from "./source.ts";

/** Records of the package before the one that is shown. */
const mostHistory = 20;

/** Shows a record with its place, and the records of its package before it in the shard. */
export async function runShow(
  context: CliContext,
  asked: string,
  options: SourceOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using source = await openSource(context, options, context.stopSignal());
  const place = await placeAsked(source, asked);
  const { shown, checkpoint } = await read(source, place);
  const history = await historyOf(source, shown);
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, ...shown, checkpoint, history }, undefined, 2)}\n`);
    return 0;
  }
  const size = checkpoint.split("\n", 2)[1] ?? "";
  const before =
    history.length === 0
      ? "It is the first record of its package in this shard.\n"
      : `Before it, of the same package:\n${history.map((each) => `  ${recordLine(each)}\n`).join("")}`;
  context.stdout.write(
    `${shown.text}\nEntry ${place.index} of ${place.shard}, in the signed tree of ${size} entries.\n${before}`,
  );
  return 0;
}

async function read(source: LogSource, place: Place): Promise<{ shown: ShownRecord; checkpoint: string }> {
  const proven = await source.prove(place);
  if (proven === undefined) throw wrongUse(`${place.shard} has no signed entry ${place.index}.`);
  const shown = shownRecord(place.shard, place.index, proven.text);
  return { shown, checkpoint: parseTlogProof(proven.proof).checkpoint };
}

/** The chain of `prev`, newest first; ends where it would leave the package. */
async function historyOf(source: LogSource, { shard, record }: ShownRecord): Promise<readonly ShownRecord[]> {
  const history: ShownRecord[] = [];
  let next: KnownRecord | undefined = record;
  while (next !== undefined && next.prev !== "-" && history.length < mostHistory) {
    const { shown }: { shown: ShownRecord } = await read(source, { shard, index: next.prev });
    if (shown.record === undefined || packageOf(shown.record) !== packageOf(next)) break;
    history.push(shown);
    next = shown.record;
  }
  return history;
}
