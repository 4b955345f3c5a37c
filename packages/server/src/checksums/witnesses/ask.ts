import {
  decodeUtf8,
  encodeUtf8,
  formatAddCheckpoint,
  isAssayError,
  maxCosignatureBytes,
  parseTreeSize,
  readCosignatures,
  sizeContentType,
} from "@assay/core";
import type { NoteVerifier } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import { NetworkError, networkErrorPhrases } from "../../platform/network/network.ts";
import type { UpstreamClient, UpstreamResponse } from "../../platform/network/network.ts";
import { parseRetryAfterMs } from "../../platform/network/retry.ts";

/** A witness of the policy that this log asks. */
export interface AskedWitness {
  /** Name in the policy. */
  readonly name: string;
  readonly key: NoteVerifier;
  readonly client: UpstreamClient;
}

/** A signed checkpoint to be cosigned. */
export interface ToCosign {
  readonly size: number;
  readonly note: string;
}

export type AskOutcome =
  | { readonly outcome: "cosigned"; readonly lines: readonly string[] }
  /** It says that it has cosigned a larger tree, or another one of this size: it must be asked what. */
  | { readonly outcome: "contradicts"; readonly reason: string }
  /** It does not cosign now; in this time it may be asked again. */
  | { readonly outcome: "busy"; readonly retryAfterMs: number }
  /** It does not know this log, or does not understand it. */
  | { readonly outcome: "refused"; readonly reason: string }
  | { readonly outcome: "unreachable"; readonly reason: string };

export interface AskDependencies {
  readonly clock: Clock;
  /** Consistency proof of this log. */
  readonly prove: (oldSize: number, newSize: number) => Promise<readonly Uint8Array[]>;
}

/** A witness whose clock is further ahead than this is not believed, seconds. */
const clockToleranceSeconds = 600;
/** Sizes that a witness may tell, one after the other, before it is given up. */
const mostConflicts = 3;
const defaultRetryMs = 5000;

/**
 * Asks one witness for its cosignature, starting from the size that it probably has. Told another size (409), the
 * proof is made again from there. Never rejects but by the signal. Spec: docs/formats/witness-protocol.md.
 */
export async function askWitness(
  deps: AskDependencies,
  witness: AskedWitness,
  asked: ToCosign,
  oldSize: number,
  signal: AbortSignal,
): Promise<AskOutcome> {
  let old = Math.min(oldSize, asked.size);
  try {
    for (let conflict = 0; ; conflict += 1) {
      const proof = await deps.prove(old, asked.size);
      const body = encodeUtf8(formatAddCheckpoint({ oldSize: old, proof, checkpoint: asked.note }));
      const response = await witness.client.request("/add-checkpoint", {
        method: "POST",
        headers: { "content-type": "text/plain; charset=utf-8" },
        body,
        decode: false,
        maxBytes: maxCosignatureBytes,
        signal,
      });
      const text = decodeUtf8(await bytesOf(response));
      const told = response.status === 409 ? toldSize(response, text) : undefined;
      if (told === undefined) return await judge(deps, witness, asked, response, text);
      if (told > asked.size || told === old)
        return { outcome: "contradicts", reason: `it says that it has cosigned ${told} entries` };
      if (conflict === mostConflicts) return { outcome: "refused", reason: "it tells another size each time" };
      old = told;
    }
  } catch (error) {
    if (signal.aborted) return { outcome: "unreachable", reason: "it did not answer in time" };
    if (error instanceof NetworkError) return { outcome: "unreachable", reason: networkErrorPhrases[error.reason] };
    if (isAssayError(error, "BAD_FORMAT"))
      return { outcome: "refused", reason: `its answer is refused: ${error.message}` };
    throw error;
  }
}

async function judge(
  { clock }: AskDependencies,
  { key }: AskedWitness,
  asked: ToCosign,
  { status, headers }: UpstreamResponse,
  text: string,
): Promise<AskOutcome> {
  if (status === 200) {
    const latest = Math.floor(clock.now() / 1000) + clockToleranceSeconds;
    return { outcome: "cosigned", lines: await readCosignatures(asked.note, text, [key], latest) };
  }
  if (status === 429 || status === 503)
    return { outcome: "busy", retryAfterMs: parseRetryAfterMs(headers["retry-after"], clock.now()) ?? defaultRetryMs };
  // Another root at one size; older witnesses say it with 409 and no size.
  if (status === 422 || status === 409)
    return { outcome: "contradicts", reason: `it answers ${status}: ${firstLine(text)}` };
  return { outcome: "refused", reason: `it answers ${status}: ${firstLine(text)}` };
}

/** The size in a 409, when it is the one of the protocol. */
function toldSize({ headers }: UpstreamResponse, text: string): number | undefined {
  if (headers["content-type"]?.split(";", 1)[0]?.trim() !== sizeContentType) return undefined;
  return parseTreeSize(text);
}

/** The body of an answer, which the client has limited. */
export async function bytesOf({ body }: UpstreamResponse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function firstLine(text: string): string {
  return text
    .slice(0, 200)
    .replace(/[^ -~]+/g, " ")
    .trim();
}
