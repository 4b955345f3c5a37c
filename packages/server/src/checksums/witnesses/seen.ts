import { hash } from "node:crypto";
import { decodeUtf8, isAssayError, openNote, parseCheckpoint, verifier } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import { NetworkError, networkErrorPhrases } from "../../platform/network/network.ts";
import type { SeenTree } from "../start.ts";
import { bytesOf } from "./ask.ts";
import type { AskedWitness } from "./ask.ts";

/** What a witness says that it has cosigned of a log. */
export type WitnessView =
  | { readonly outcome: "seen"; readonly tree: SeenTree; readonly note: string }
  | { readonly outcome: "nothing" }
  | { readonly outcome: "unreachable"; readonly reason: string };

const maxNoteBytes = 128 * 1024;

/**
 * Reads what a witness has cosigned of a shard. Believed is only what this log's own key signed: of more than that a
 * witness cannot accuse it. Never rejects but by a fault; `timeoutMs` bounds it.
 */
export async function readWitness(
  deps: { readonly clock: Clock },
  { name, client }: Pick<AskedWitness, "name" | "client">,
  shard: { readonly origin: string; readonly vkey: string },
  timeoutMs: number,
): Promise<WitnessView> {
  const enough = new AbortController();
  const done = new AbortController();
  void deps.clock.sleep(timeoutMs, done.signal).then(
    () => enough.abort(),
    () => {},
  );
  try {
    const response = await client.request(`/${hash("sha256", shard.origin)}/checkpoint`, {
      decode: true,
      maxBytes: maxNoteBytes,
      signal: enough.signal,
    });
    const bytes = await bytesOf(response);
    if (response.status === 404) return { outcome: "nothing" };
    if (response.status !== 200) return { outcome: "unreachable", reason: `it answers ${response.status}` };
    const note = decodeUtf8(bytes);
    const { text } = await openNote(note, [await verifier(shard.vkey)]);
    const { origin, size, root } = parseCheckpoint(text);
    if (origin !== shard.origin) return { outcome: "unreachable", reason: "it shows the checkpoint of another log" };
    return { outcome: "seen", tree: { size, root, by: `the witness ${name}` }, note };
  } catch (error) {
    if (enough.signal.aborted) return { outcome: "unreachable", reason: "it did not answer in time" };
    if (error instanceof NetworkError) return { outcome: "unreachable", reason: networkErrorPhrases[error.reason] };
    if (isAssayError(error, "BAD_FORMAT")) return { outcome: "unreachable", reason: error.message };
    throw error;
  } finally {
    done.abort();
  }
}
