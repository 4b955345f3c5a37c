import {
  renderHistory,
  renderLog,
  renderRecord,
  type LogShard,
  type ShownCheckpoint,
  type ShownSignature,
} from "@assay/web";
import {
  AssayError,
  isAssayError,
  parseCheckpoint,
  parseNote,
  parsePackageName,
  parseRecord,
  parseVersion,
  parseVkey,
  toBase64,
  toHex,
} from "@assay/core";
import type { NoteSignature, PackageName, Version } from "@assay/core";
import type { FastifyInstance, FastifyReply } from "fastify";
import { sendPage } from "../http/send.ts";
import type { Clock } from "../platform/clock.ts";
import type { Checksums, LogDescription, ProvenRecord, RecordAddress } from "./checksums.ts";
import { mayRead, requireReader, whyClosed, type LogReaders } from "./readers.ts";

export interface LogPagesDeps {
  readonly checksums: Pick<Checksums, "lookup" | "logs" | "browser">;
  readonly readers: LogReaders;
  readonly clock: Clock;
}

const newestShown = 15;
const historyShown = 100;

interface SearchQuery {
  readonly Querystring: { readonly q?: string | readonly string[] };
}

/**
 * The log for people: `/-/web/log` (its state, newest records, search), `/-/web/log/<shard>/<index>` (one record and
 * its proof), `/-/web/log/history/<name>`. Nothing here binds. What records say is shown to readers only, like entries;
 * sizes, keys and checkpoints to everybody.
 */
export function addLogPages(fastify: FastifyInstance, deps: LogPagesDeps): void {
  const { checksums, readers } = deps;
  const { logs, browser } = checksums;

  fastify.get<SearchQuery>("/-/web/log", async (request, reply) => {
    const text = typeof request.query.q === "string" ? request.query.q.trim() : "";
    const [newest] = logs.list();
    let problem: string | undefined;
    if (text !== "" && newest !== undefined) {
      requireReader(readers, newest);
      const found = await search(deps, newest, text, closeSignal(reply));
      if ("path" in found) return reply.header("cache-control", "no-store").redirect(request.base + found.path, 303);
      ({ problem } = found);
    }
    const shards = await Promise.all(logs.list().map((log) => describeShard(deps, log)));
    const rows =
      newest === undefined || mayRead(readers, newest)
        ? await browser.newest(newest?.shard ?? "", newestShown)
        : `What its records say is not shown here: ${whyClosed(newest)}.`;
    return sendPage(reply, renderLog({ base: request.base, shards, search: { text, problem }, newest: rows }));
  });

  fastify.get<{ Params: { readonly name: string }; Querystring: { readonly from?: string | readonly string[] } }>(
    "/-/web/log/history/:name",
    async (request, reply) => {
      const name = parsePackageName(request.params.name);
      const [newest] = logs.list();
      if (newest !== undefined) requireReader(readers, newest);
      const from = typeof request.query.from === "string" ? parseAddress(request.query.from) : undefined;
      const { records, next } = await browser.history(name, from, historyShown);
      return sendPage(reply, renderHistory({ base: request.base, name, records, next }));
    },
  );

  fastify.get<{ Params: { readonly shard: string; readonly index: string } }>(
    "/-/web/log/:shard/:index",
    async (request, reply) => {
      const { shard, index } = parseAddress(`${request.params.shard}/${request.params.index}`);
      const log = logs.list().find((candidate) => candidate.shard === shard);
      if (log === undefined) throw new AssayError("NOT_FOUND", { what: "A log of this name" });
      requireReader(readers, log);
      const record = await browser.record(shard, index);
      if (record === undefined) throw new AssayError("NOT_FOUND", { what: `Record ${index} of ${shard}` });
      const replacedBy = await replacementOf(deps, record, closeSignal(reply));
      return sendPage(reply, showRecord(request.base, log, record, replacedBy));
    },
  );
}

/** Where a search leads, or why nowhere. */
async function search(
  { checksums }: LogPagesDeps,
  newest: LogDescription,
  text: string,
  signal: AbortSignal,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const place = /^(?:([a-z0-9-]+)\/)?([0-9]{1,16})$/.exec(text);
  if (place !== null) {
    const { shard, index } = parseAddress(`${place[1] ?? newest.shard}/${place[2]}`);
    const found = await checksums.browser.record(shard, index);
    return found === undefined
      ? { problem: `The log has no record ${index} of ${shard} yet.` }
      : { path: `/-/web/log/${shard}/${index}` };
  }
  const subject = parseSubject(text);
  if (subject === undefined) return { problem: "That is neither name@version, nor a package name, nor a number." };
  const { name, version } = subject;
  if (version === undefined) return { path: `/-/web/log/history/${encodeURIComponent(name)}` };
  const found = await checksums.lookup(name, version, signal);
  return found === undefined
    ? { problem: `${name}@${version} is not bound: nobody has fetched it through this registry.` }
    : { path: `/-/web/log/${found.shard}/${found.index}` };
}

function parseSubject(text: string): { readonly name: PackageName; readonly version: Version | undefined } | undefined {
  const at = text.lastIndexOf("@");
  try {
    return at <= 0
      ? { name: parsePackageName(text), version: undefined }
      : { name: parsePackageName(text.slice(0, at)), version: parseVersion(text.slice(at + 1)) };
  } catch (error) {
    if (isAssayError(error, "BAD_NAME") || isAssayError(error, "BAD_VERSION")) return undefined;
    throw error;
  }
}

/** Reads `<shard>/<index>`. Throws BAD_REQUEST. */
function parseAddress(text: string): RecordAddress {
  const match = /^([a-z0-9-]{1,64})\/(0|[1-9][0-9]{0,15})$/.exec(text);
  const index = Number(match?.[2]);
  if (match?.[1] === undefined || !Number.isSafeInteger(index))
    throw new AssayError("BAD_REQUEST", { reason: "<shard>/<number of the record> is expected" });
  return { shard: match[1], index };
}

async function describeShard({ checksums, clock }: LogPagesDeps, log: LogDescription): Promise<LogShard> {
  const { shard, origin, vkey, state, visibility } = log;
  const note = checksums.logs.checkpoint(shard);
  const signedAtMs = await checksums.browser.signedAt(shard);
  const checkpoint =
    note === undefined
      ? undefined
      : {
          ...takeApart(note, vkey),
          signedAtMs,
          ageMs: signedAtMs === undefined ? undefined : clock.now() - signedAtMs,
        };
  return { shard, origin, vkey, state, visibility, checkpoint };
}

function takeApart(note: string, vkey: string): Pick<ShownCheckpoint, "note" | "size" | "root" | "signatures"> {
  const { text, signatures } = parseNote(note);
  const { size, root } = parseCheckpoint(text);
  return { note, size, root: toBase64(root), signatures: signatures.map((each) => showSignature(each, vkey)) };
}

/** A cosignature is 8 bytes of time and a signature (c2sp.org/tlog-cosignature); nothing is verified for the page. */
function showSignature({ name, keyIdHex, signature }: NoteSignature, vkey: string): ShownSignature {
  const own = parseVkey(vkey);
  if (own.name === name && toHex(own.keyId) === keyIdHex)
    return { name, keyId: keyIdHex, by: "log", timeMs: undefined };
  if (signature.length < 72) return { name, keyId: keyIdHex, by: "other", timeMs: undefined };
  const seconds = Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0));
  const timeMs = seconds * 1000;
  return { name, keyId: keyIdHex, by: "witness", timeMs: timeMs <= 8.64e15 ? timeMs : undefined };
}

/** The record in force, where a bind or supersede is not it any more. */
async function replacementOf(
  { checksums }: LogPagesDeps,
  { shard, index, text }: ProvenRecord,
  signal: AbortSignal,
): Promise<RecordAddress | undefined> {
  const record = parseRecord(text);
  if (record.kind !== "bind" && record.kind !== "supersede") return undefined;
  const inForce = await checksums.lookup(record.name, record.version, signal);
  if (inForce === undefined || (inForce.shard === shard && inForce.index === index)) return undefined;
  return { shard: inForce.shard, index: inForce.index };
}

function showRecord(
  base: string,
  log: LogDescription,
  record: ProvenRecord,
  replacedBy: RecordAddress | undefined,
): string {
  const { index, text, size, root, checkpoint, leafHash, path } = record;
  const key = parseVkey(log.vkey);
  const { signatures } = parseNote(checkpoint);
  const own = signatures.find(({ name, keyIdHex }) => name === key.name && keyIdHex === toHex(key.keyId));
  if (own === undefined) throw new Error(`the checkpoint of ${log.shard} lacks the log's own signature`);
  return renderRecord({
    base,
    shard: log.shard,
    vkey: log.vkey,
    replacedBy,
    signatures: signatures.length,
    record: {
      index,
      text,
      size,
      root: toBase64(root),
      checkpoint,
      leafHash: toBase64(leafHash),
      signature: toBase64(own.signature),
      publicKey: toBase64(key.publicKey),
    },
    steps: path.map(({ side, hash, from, to, tiles, parent }) => ({
      side,
      hash: toBase64(hash),
      from,
      to,
      tiles,
      parent: toBase64(parent),
    })),
  });
}

/** Aborted when the client goes away. */
function closeSignal(reply: FastifyReply): AbortSignal {
  const closed = new AbortController();
  reply.raw.once("close", () => closed.abort());
  return closed.signal;
}
