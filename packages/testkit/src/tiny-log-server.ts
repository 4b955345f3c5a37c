import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Integrity } from "@assay/core";
import type { TinyLog } from "./tiny-log.ts";

/** The log endpoints of a registry over a `TinyLog`, on a real socket. */
export interface TinyLogServer extends AsyncDisposable {
  /** Base URL of the registry, no trailing slash. */
  readonly url: string;
  /** Which log is served; may be swapped for a forked one. */
  log: TinyLog;
  /** What a lookup binds, by `name@version`. */
  readonly catalogue: Map<string, Integrity>;
  /** Answers in place of a bundle, as they are. */
  bundleAnswer: string | undefined;
  /** Every request, `GET /…`. */
  readonly requests: string[];
}

/** Starts the server on a free loopback port. */
export async function startTinyLogServer(log: TinyLog): Promise<TinyLogServer> {
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const state: TinyLogServer = {
    url: `http://127.0.0.1:${port}`,
    log,
    catalogue: new Map(),
    bundleAnswer: undefined,
    requests: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return state;
}

async function answer(state: TinyLogServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = decodeURIComponent(request.url ?? "");
  state.requests.push(`${request.method} ${path}`);
  const { log } = state;
  if (path === "/-/log/") return sendJson(response, 200, listOf(log));
  if (path === "/-/log/bundle" && request.method === "POST") {
    const { entries } = JSON.parse(await bodyOf(request)) as {
      entries: { name: string; version: string }[];
    };
    return send(response, 200, state.bundleAnswer ?? JSON.stringify(await log.bundle(entries)));
  }
  const shard = `/-/log/${shardOf(log)}/`;
  if (path === `${shard}checkpoint`) return send(response, 200, await log.checkpoint());
  const key = new RegExp(`^/-/log/(?:${shardOf(log)}/)?lookup/(.+)$`).exec(path)?.[1];
  if (key !== undefined) return await lookup(state, key, response);
  const tile = path.startsWith(shard) ? log.tile(path.slice(shard.length)) : undefined;
  if (tile !== undefined) return send(response, 200, tile);
  sendJson(response, 404, { error: `${path} was not found.` });
}

async function lookup(state: TinyLogServer, key: string, response: ServerResponse): Promise<void> {
  const at = key.lastIndexOf("@");
  const [name, version] = [key.slice(0, at), key.slice(at + 1)];
  const integrity = state.catalogue.get(key);
  const bound = await state.log.lookup(name, version);
  if (bound !== undefined) return send(response, 200, bound);
  if (integrity === undefined) return sendJson(response, 404, { code: "NOT_FOUND", message: `${key} was not found.` });
  state.log.bind(name, version, integrity);
  send(response, 200, (await state.log.lookup(name, version)) ?? "");
}

function listOf(log: TinyLog): unknown {
  const { origin, vkey } = log;
  const shard = shardOf(log);
  const url = `/-/log/${shard}`;
  return { logs: [{ log: "npm", shard, origin, vkey, state: "open", visibility: "private", url }] };
}

function shardOf(log: TinyLog): string {
  return log.origin.slice(log.origin.lastIndexOf("/") + 1);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += String(part);
  return text;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value));
}

function send(response: ServerResponse, status: number, body: string | Uint8Array): void {
  response.writeHead(status).end(body);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
