import { resolve } from "node:path";
import { leafHash, openNote, parseCheckpoint, parseTlogProof, verifier, verifyInclusion } from "@assay/core";
import { sha256 } from "@assay/verify/node";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { writeWhole } from "../verify/write-whole.ts";
import { placeAsked } from "./asked.ts";
import { openSource, type SourceOptions } from "./source.ts";

/** Writes a C2SP tlog-proof of a record, after checking it with the key of its shard. */
export async function runProve(
  context: CliContext,
  asked: string,
  { out, json, ...options }: SourceOptions & { readonly out?: string; readonly json?: boolean },
): Promise<ExitCode> {
  await using source = await openSource(context, options, context.stopSignal());
  const place = await placeAsked(source, asked);
  const proven = await source.prove(place);
  if (proven === undefined) throw wrongUse(`${place.shard} has no signed entry ${place.index}.`);
  const vkey = (await source.shards()).find(({ shard }) => shard === place.shard)?.vkey ?? "";
  await requireProof(proven.proof, vkey);
  if (out !== undefined) await writeWhole(context, resolve(context.cwd, out), proven.proof);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, ...place, vkey, ...proven })}\n`);
  } else if (out === undefined) {
    context.stdout.write(proven.proof);
  } else {
    context.stdout.write(`${out} proves entry ${place.index} of ${place.shard}, under the key\n  ${vkey}\n`);
  }
  return 0;
}

/** What is handed on was checked as whoever gets it checks it. Throws BAD_FORMAT. */
async function requireProof(text: string, vkey: string): Promise<void> {
  const { extra = new Uint8Array(0), index, proof, checkpoint } = parseTlogProof(text);
  const { size, root } = parseCheckpoint((await openNote(checkpoint, [await verifier(vkey)])).text);
  if (!verifyInclusion(sha256, { size, root, index, leafHash: leafHash(sha256, extra), proof }))
    throw new Error(`the proof of entry ${index} does not lead to the root that was signed`);
}
