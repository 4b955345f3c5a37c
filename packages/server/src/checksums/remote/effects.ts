import { Readable } from "node:stream";
import { toHex } from "@assay/core";
import { createHttpFollowEffects, listLogs, type FollowEffects, type HttpDeps, type ListedLog } from "@assay/verify";
import { createFileTileCache } from "@assay/verify/node";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { NetworkError, networkErrorPhrases, type UpstreamClient } from "../../platform/network/network.ts";
import type { Random } from "../../platform/random.ts";
import { remoteOf, swapRemoteNote } from "../store-remotes.ts";

export interface RemoteEffectsDeps {
  readonly client: UpstreamClient;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

/** What following somebody else's log does outside. */
export interface RemoteEffects extends FollowEffects {
  /** The logs that the database lists. Untrusted. Throws LOG_UNAVAILABLE. */
  listLogs(): Promise<readonly ListedLog[]>;
}

/** HTTP through the network rules of this deployment, the state in rows, tiles in files. */
export function createRemoteEffects(
  deps: RemoteEffectsDeps,
  options: { readonly url: string; readonly tileFolder: string },
): RemoteEffects {
  const { client, database, clock, random } = deps;
  const sleep = (ms: number): Promise<void> => clock.sleep(ms);
  // The client tries again by itself, as often as is good for somebody who waits.
  const http: HttpDeps = { fetch: fetchOver(client), sleep, attempts: 1, registry: options.url };
  return {
    ...createHttpFollowEffects(http),
    ...createFileTileCache({ folder: options.tileFolder, uniqueName: () => toHex(random.bytes(8)) }),
    listLogs: () => listLogs(http),
    readCheckpoint: async (vkey) => (await remoteOf(database.read, vkey))?.note,
    swapCheckpoint: (vkey, previous, note) =>
      database.write((transaction) => swapRemoteNote(transaction, vkey, previous, { note, atMs: clock.now() })),
    nowSeconds: () => Math.floor(clock.now() / 1000),
    sleep,
  };
}

/** Largest answer: of what is asked for here, a checkpoint with its signatures, or an entry bundle. */
const maxAnswerBytes = 2 * 1024 * 1024;

/** GET as `fetch` has it. Its failures say what clients may be told, without hosts and addresses of this network. */
export function fetchOver(client: UpstreamClient): typeof fetch {
  return async (input, init = {}) => {
    try {
      const headers = Object.fromEntries(new Headers(init.headers));
      const { signal } = init;
      const answer = await client.request(input instanceof Request ? input.url : String(input), {
        decode: true,
        maxBytes: maxAnswerBytes,
        headers,
        ...(signal instanceof AbortSignal ? { signal } : {}),
      });
      const isEmpty = answer.status === 204 || answer.status === 304;
      // Node's and the web's type of one thing.
      const stream = (): unknown => Readable.toWeb(Readable.from(spoken(answer.body)));
      const body = isEmpty ? null : (stream() as ReadableStream<Uint8Array<ArrayBuffer>>);
      // Content-Encoding is undone already.
      const kept = Object.entries(answer.headers).filter(([name]) => name !== "content-encoding");
      return new Response(body, { status: answer.status, headers: kept });
    } catch (error) {
      throw speak(error);
    }
  };
}

async function* spoken(body: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const part of body) yield part as Uint8Array;
  } catch (error) {
    throw speak(error);
  }
}

/** As `fetch` fails: the cause says why. */
function speak(error: unknown): unknown {
  if (!(error instanceof NetworkError)) return error;
  return new TypeError("fetch failed", { cause: new Error(networkErrorPhrases[error.reason], { cause: error }) });
}
