import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { decodeEntries, decodeUtf8, parseCheckpoint, parseNote, toHex } from "@assay/core";
import { createTinyLog, type TinyLog } from "./tiny-log.ts";

/** An answer of the log, on its way to who follows it. */
export interface RelayedAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Changes an answer; `path` is the request's, decoded: `/-/log/npm-2026a/checkpoint`. */
export type RelayLie = (answer: RelayedAnswer, path: string) => RelayedAnswer | Promise<RelayedAnswer>;

/** Stands between a log and who follows it, on a real socket, and passes everything on until told to lie. */
export interface LogRelay extends AsyncDisposable {
  readonly url: string;
  /** Every request goes through this. */
  lie: RelayLie | undefined;
  /** Connections are cut instead of answered. */
  down: boolean;
  /** Paths of all requests, decoded. */
  readonly requests: string[];
}

/** Starts a relay before the database at `target` (base URL, no trailing slash). */
export async function startLogRelay(target: string): Promise<LogRelay> {
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const relay: LogRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: undefined,
    down: false,
    requests: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = decodeURIComponent(request.url ?? "");
    relay.requests.push(at);
    if (relay.down) return void request.socket.destroy();
    const answered = await fetch(`${target}${request.url ?? ""}`);
    const honest = { status: answered.status, body: new Uint8Array(await answered.arrayBuffer()) };
    const { status, body } = relay.lie === undefined ? honest : await relay.lie(honest, at);
    response.writeHead(status).end(body);
  }

  return relay;
}

/** Applies a change to every signed note in an answer: the checkpoint, and the one that ends a lookup. */
export function onNotes(change: (note: string) => string | Promise<string>): RelayLie {
  return async (answer, at) => {
    if (answer.status !== 200 || !/\/checkpoint$|\/lookup\//.test(at)) return answer;
    const text = decodeUtf8(answer.body);
    const from = at.endsWith("/checkpoint") ? 0 : text.indexOf("\n\n") + 2;
    return { status: 200, body: Buffer.from(text.slice(0, from) + (await change(text.slice(from)))) };
  };
}

/**
 * A copy of a real log that can go on otherwise, signed with the real key: what a thief of the key, or a restored
 * backup, makes. `data`: the data folder of the log's server; its log is read through `url`.
 */
export async function stealLog(log: {
  readonly url: string;
  readonly data: string;
  readonly shard: string;
}): Promise<TinyLog> {
  const folder = `${log.url}/-/log/${log.shard}`;
  const note = await (await fetch(`${folder}/checkpoint`)).text();
  const { origin, size } = parseCheckpoint(parseNote(note).text);
  const keyFile = `${createHash("sha256").update(origin).digest("hex")}.key`;
  const line = readFileSync(path.join(log.data, "keys", keyFile), "utf8");
  // Base64 may hold a +, the key ID before it does not.
  const secret = /\+[0-9a-f]{8}\+(.+)\n$/.exec(line)?.[1] ?? "";
  const seed = toHex(Buffer.from(secret, "base64").subarray(1));
  const copy = await createTinyLog({ origin, seed });
  const bundle = size < 256 ? `.p/${size}` : "";
  const answer = await fetch(`${folder}/tile/entries/000${bundle}`);
  if (answer.status !== 200) throw new Error(`the log answers ${answer.status} to a reader of its entries`);
  for (const entry of decodeEntries(new Uint8Array(await answer.arrayBuffer()))) copy.append(decodeUtf8(entry));
  return copy;
}

/** Answers in place of the log what a stolen one says; what it has not bound is `bind` to make up. */
export function servedBy(log: TinyLog, bind: (name: string, version: string) => void): RelayLie {
  const shard = `/-/log/${log.origin.slice(log.origin.lastIndexOf("/") + 1)}/`;
  return async (answer, at) => {
    const key = /\/lookup\/(.+)$/.exec(at)?.[1];
    if (key !== undefined) {
      const [name, version] = [key.slice(0, key.lastIndexOf("@")), key.slice(key.lastIndexOf("@") + 1)];
      if ((await log.lookup(name, version)) === undefined) bind(name, version);
      return { status: 200, body: Buffer.from((await log.lookup(name, version)) ?? "") };
    }
    if (at === `${shard}checkpoint`) return { status: 200, body: Buffer.from(await log.checkpoint()) };
    if (!at.startsWith(`${shard}tile/`)) return answer;
    const tile = log.tile(at.slice(shard.length));
    return tile === undefined ? { status: 404, body: new Uint8Array(0) } : { status: 200, body: tile };
  };
}
