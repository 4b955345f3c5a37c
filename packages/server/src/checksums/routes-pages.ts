import { renderHistory, renderLog, renderRecord, type LogShard, type ShownSignature } from "@assay/web";
import {
  AssayError,
  formatPolicy,
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
import type { NoteSignature, PackageName, Version, WitnessPolicy } from "@assay/core";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { closeSignal } from "../http/close-signal.ts";
import { sendPage } from "../http/send.ts";
import type { Clock } from "../platform/clock.ts";
import type { Checksums, LogDescription, ProvenRecord, RecordAddress } from "./checksums.ts";
import {
  findShard,
  isHostedLog,
  mayRead,
  mayReadLog,
  requireReader,
  visibleShards,
  whyClosed,
  type LogAccess,
} from "./readers.ts";

export interface LogPagesDeps {
  readonly checksums: Pick<Checksums, "lookup" | "logs" | "logOf" | "browser">;
  readonly access: LogAccess;
  readonly clock: Clock;
  /** Whose cosignatures count for this log, or for the one that is followed. */
  readonly witnesses: WitnessPolicy;
}

const newestShown = 15;
const historyShown = 100;

interface SearchQuery {
  readonly Querystring: { readonly q?: string | readonly string[] };
}

/**
 * The log for people: `/-/web/log` (its state, newest records, search), `/-/web/log/<shard>/<index>` (one record and
 * its proof), `/-/web/log/history/<name>`. Nothing here binds. What records say is shown to readers only, like entries;
 * sizes, keys and checkpoints to everybody. To who may not read an organisation's log it does not exist: its names look
 * like names that nobody has bound.
 */
export function addLogPages(fastify: FastifyInstance, deps: LogPagesDeps): void {
  const { checksums } = deps;
  const { readers } = deps.access;
  const { logs, browser } = checksums;

  fastify.get<SearchQuery>("/-/web/log", async (request, reply) => {
    await deps.access.requireGood(request.credentials);
    const text = typeof request.query.q === "string" ? request.query.q.trim() : "";
    const [newest] = logs.list();
    const visible = await visibleShards(deps, request);
    let problem: string | undefined;
    if (text !== "" && newest !== undefined) {
      const found = await search(deps, request, { newest, visible, text }, closeSignal(reply));
      if ("path" in found) return reply.header("cache-control", "no-store").redirect(request.base + found.path, 303);
      ({ problem } = found);
    }
    const shards = await Promise.all(visible.map((log) => describeShard(deps, log)));
    const rows =
      newest === undefined || mayRead(readers, newest)
        ? await browser.newest(newest?.shard ?? "", newestShown)
        : `What its records say is not shown here: ${whyClosed(newest)}.`;
    return sendPage(
      reply,
      renderLog({
        base: request.base,
        shards,
        search: { text, problem },
        newest: rows,
        policy: deps.witnesses.witnesses.length === 0 ? undefined : formatPolicy(deps.witnesses),
      }),
    );
  });

  fastify.get<{ Params: { readonly name: string }; Querystring: { readonly from?: string | readonly string[] } }>(
    "/-/web/log/history/:name",
    async (request, reply) => {
      await deps.access.requireGood(request.credentials);
      const name = parsePackageName(request.params.name);
      const [newest] = logs.list();
      const log = checksums.logOf(name);
      const isReadable = isHostedLog(log) && (await mayReadLog(deps, request, log));
      if (!isReadable && newest !== undefined) requireReader(readers, newest);
      if (isHostedLog(log) && !isReadable)
        return sendPage(reply, renderHistory({ base: request.base, name, records: [], next: undefined }));
      const from = typeof request.query.from === "string" ? parseAddress(request.query.from) : undefined;
      const { records, next } = await browser.history(name, from, historyShown);
      return sendPage(reply, renderHistory({ base: request.base, name, records, next }));
    },
  );

  fastify.get<{ Params: { readonly shard: string; readonly index: string } }>(
    "/-/web/log/:shard/:index",
    async (request, reply) => {
      const { shard, index } = parseAddress(`${request.params.shard}/${request.params.index}`);
      const log = await findShard(deps, request, shard, "records");
      if (!isHostedLog(log.log)) requireReader(readers, log);
      const record = await browser.record(shard, index);
      if (record === undefined) throw new AssayError("NOT_FOUND", { what: `Record ${index} of ${shard}` });
      const replacedBy = await replacementOf(deps, record, closeSignal(reply));
      return sendPage(reply, showRecord(request.base, log, record, replacedBy));
    },
  );
}

/** Where a search leads, or why nowhere. */
async function search(
  deps: LogPagesDeps,
  request: FastifyRequest,
  {
    newest,
    visible,
    text,
  }: { readonly newest: LogDescription; readonly visible: readonly LogDescription[]; readonly text: string },
  signal: AbortSignal,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const { checksums } = deps;
  const { readers } = deps.access;
  const place = placeIn(visible, newest.shard, text);
  if (place !== undefined) {
    const log = await findShard(deps, request, place.shard, "records");
    if (!isHostedLog(log.log)) requireReader(readers, log);
    const { shard, index } = place;
    const found = await checksums.browser.record(shard, index);
    return found === undefined
      ? { problem: `The log has no record ${index} of ${shard} yet.` }
      : { path: `/-/web/log/${encodeURIComponent(shard)}/${index}` };
  }
  const subject = parseSubject(text);
  const log = subject === undefined ? newest.log : checksums.logOf(subject.name);
  const isReadable = isHostedLog(log) && (await mayReadLog(deps, request, log));
  if (!isReadable) requireReader(readers, newest);
  if (subject === undefined) return { problem: "That is neither name@version, nor a package name, nor a number." };
  const { name, version } = subject;
  if (version === undefined) return { path: `/-/web/log/history/${encodeURIComponent(name)}` };
  const found = isReadable || !isHostedLog(log) ? await checksums.lookup(name, version, signal) : undefined;
  return found === undefined
    ? { problem: `${name}@${version} is not bound: nobody has fetched it through this registry.` }
    : { path: `/-/web/log/${found.shard}/${found.index}` };
}

/** `<index>`, or `<shard>/<index>` of a shard that is served here: `@scope/7` is a package. */
function placeIn(logs: readonly LogDescription[], newest: string, text: string): RecordAddress | undefined {
  const slash = text.lastIndexOf("/");
  const shard = slash === -1 ? newest : text.slice(0, slash);
  const digits = text.slice(slash + 1);
  return logs.some((log) => log.shard === shard) && /^(?:0|[1-9][0-9]{0,14})$/.test(digits)
    ? { shard, index: Number(digits) }
    : undefined;
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
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,14})$/.exec(text);
  if (match?.[1] === undefined)
    throw new AssayError("BAD_REQUEST", { reason: "<shard>/<number of the record> is expected" });
  return { shard: match[1], index: Number(match[2]) };
}

async function describeShard(deps: LogPagesDeps, log: LogDescription): Promise<LogShard> {
  const { checksums, clock } = deps;
  const { shard, origin, vkey, state, visibility } = log;
  const note = checksums.logs.checkpoint(shard);
  if (note === undefined) return { shard, origin, vkey, state, visibility, checkpoint: undefined };
  const { text, signatures } = parseNote(note);
  const { size, root } = parseCheckpoint(text);
  const shown = signatures.map((each) => showSignature(each, vkey, deps.witnesses));
  // What a second party's clock says of this very checkpoint, else ours of the newest one.
  const cosignedMs = Math.max(...shown.map(({ timeMs }) => timeMs ?? 0));
  const signedAtMs = cosignedMs > 0 ? cosignedMs : await checksums.browser.signedAt(shard);
  const ageMs = signedAtMs === undefined ? undefined : clock.now() - signedAtMs;
  const checkpoint = { note, size, root: toBase64(root), signatures: shown, signedAtMs, ageMs };
  return { shard, origin, vkey, state, visibility, checkpoint };
}

/**
 * Whose line it is. A cosignature is 8 bytes of time and a signature (c2sp.org/tlog-cosignature). Lines were verified
 * before they became public; for the page nothing is verified again.
 */
function showSignature(line: NoteSignature, vkey: string, { witnesses }: WitnessPolicy): ShownSignature {
  const { name, keyIdHex: keyId, signature } = line;
  if (isLineOf(line, vkey)) return { name, keyId, by: "log", timeMs: undefined };
  const by = witnesses.some((witness) => isLineOf(line, witness.vkey)) ? "witness" : "other";
  if (by === "other" || signature.length < 72) return { name, keyId, by, timeMs: undefined };
  const seconds = Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0));
  return { name, keyId, by, timeMs: seconds <= 8.64e12 ? seconds * 1000 : undefined };
}

function isLineOf({ name, keyIdHex }: NoteSignature, vkey: string): boolean {
  const key = parseVkey(vkey);
  return key.name === name && toHex(key.keyId) === keyIdHex;
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
  const own = signatures.find((line) => isLineOf(line, log.vkey));
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
