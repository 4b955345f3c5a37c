import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import { AssayError, isAssayError, parsePackageName, parseTilePath, parseVersion, tileWidth } from "@assay/core";
import type { PackageName, TileCoordinates, Version, WitnessPolicy } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import { answerBadCredentials } from "../http/bad-credentials.ts";
import { closeSignal } from "../http/close-signal.ts";
import { contentEncoding } from "../http/negotiate.ts";
import type { Clock } from "../platform/clock.ts";
import { maxBundleBytes, parseBundleRequest } from "./bundle-request.ts";
import type { BundleRequestEntry, BundleResponse, Checksums, LogDescription, Lookup } from "./checksums.ts";
import { findShard, isHostedLog, mayReadLog, requireReader, visibleShards, type LogAccess } from "./readers.ts";
import { addLogPages } from "./routes-pages.ts";

export interface LogRoutesDeps {
  readonly checksums: Pick<Checksums, "lookup" | "logs" | "logOf" | "browser">;
  /** Admits a version that is not bound yet, with the checks of a tarball GET; throws when it cannot. */
  readonly admit: (name: PackageName, version: Version) => Promise<unknown>;
  readonly access: LogAccess;
  readonly clock: Clock;
  /** Whose cosignatures count, for pages. */
  readonly witnesses: WitnessPolicy;
}

/** A published checkpoint may be this old for caches, seconds. */
const checkpointAgeSeconds = 2;
/** A partial tile never changes, but a log may drop it once the full one exists. */
const partialTile = "max-age=3600";
/** What only some may see is in no cache. */
const notKept = "private, no-store";
const fullTile = "max-age=31536000, immutable";

/**
 * `/-/log/…`: the static part of c2sp.org/tlog-tiles, lookups in the form of Go's checksum database, proofs as
 * c2sp.org/tlog-proof, and bundles (docs/formats/bundle.md). Without a shard the last three find the right one.
 *
 * `/-/web/log…`: the same for people (routes-pages.ts). Checkpoints and hash tiles are always public, so that witnesses and monitors can follow; of a private log the rest
 * is FORBIDDEN unless `readers` is `anyone`. CORS follows that: see `isForAnyOrigin`. Of the log of an organisation
 * nobody but its readers sees anything: to others its shards and its names do not exist.
 */
export function logRoutes(deps: LogRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.addHook("onRequest", (request, reply, next) => {
      // On the raw response, so that a refusal carries it too.
      if (isForAnyOrigin(deps, request.url)) reply.raw.setHeader("access-control-allow-origin", "*");
      next();
    });
    answerBadCredentials(fastify, deps.access.requireGood);
    addStaticRoutes(fastify, deps);
    addLookupRoutes(fastify, deps);
    addBundleRoutes(fastify, deps);
    addLogPages(fastify, deps);
    done();
  };
}

/**
 * Witnesses and monitors may be pages of any origin. What a private log holds is nothing for them: with readers
 * `anyone`, every page that a developer visits could ask a loopback server what was installed.
 */
function isForAnyOrigin({ checksums }: Pick<LogRoutesDeps, "checksums">, url: string): boolean {
  if (url === "/-/log/" || /^\/-\/log\/[^/]+\/(?:checkpoint$|tile\/(?!entries\/))/.test(url)) return true;
  return checksums.logs.list().every(({ visibility }) => visibility === "public");
}

interface ShardParams {
  readonly shard: string;
}

interface KeyParams {
  readonly shard?: string;
  readonly key: string;
}

function addStaticRoutes(fastify: FastifyInstance, deps: LogRoutesDeps): void {
  const { logs } = deps.checksums;

  fastify.get("/-/log/", async (request, reply) => {
    await deps.access.requireGood(request.credentials);
    const described = (await visibleShards(deps, request)).map((log) => ({
      ...log,
      url: `${request.base}/-/log/${log.shard}`,
    }));
    reply.header("cache-control", "private, no-cache");
    return reply.send({ logs: described });
  });

  fastify.get<{ Params: ShardParams }>("/-/log/:shard/checkpoint", async (request, reply) => {
    const log = await findShard(deps, request, request.params.shard, "tiles");
    const { shard } = log;
    const note = logs.checkpoint(shard);
    if (note === undefined)
      throw new AssayError("NOT_READY", {
        reason: `the log ${shard} has no signed checkpoint yet`,
        retryAfterSeconds: 1,
      });
    return sendText(reply, note, isHostedLog(log.log) ? notKept : `public, max-age=${checkpointAgeSeconds}`);
  });

  fastify.get<{ Params: ShardParams & { readonly "*": string } }>("/-/log/:shard/tile/*", async (request, reply) => {
    const path = `tile/${request.params["*"]}`;
    const tile = parseTilePath(path);
    if (tile === undefined) throw new AssayError("NOT_FOUND", { what: "A tile of this path" });
    const log = await findShard(deps, request, request.params.shard, tile.kind === "entries" ? "records" : "tiles");
    if (tile.kind === "entries" && !isHostedLog(log.log)) requireReader(deps.access.readers, log);
    const bytes = await logs.tile(log.shard, path);
    if (bytes === undefined) throw new AssayError("NOT_FOUND", { what: `The ${path} of ${log.shard}` });
    reply.header("cache-control", tileCaching(log, tile));
    reply.header("content-type", "application/octet-stream");
    return reply.send(bytes);
  });
}

function addLookupRoutes(fastify: FastifyInstance, deps: LogRoutesDeps): void {
  const { checksums, admit } = deps;

  for (const path of ["/-/log/lookup/:key", "/-/log/:shard/lookup/:key"])
    fastify.get<{ Params: KeyParams }>(path, async (request, reply) => {
      const { shard, key } = request.params;
      const { name, version } = parseKey(key);
      const isHosted = await requireRelease(deps, request, { name, version, shard });
      const signal = closeSignal(reply);
      let found = await checksums.lookup(name, version, signal);
      if (found === undefined && !isHosted && isOpen(deps, shard)) {
        await admit(name, version).catch((error: unknown) => {
          // In the words for what is hidden.
          throw isAssayError(error, "NOT_FOUND") ? unbound(name, version, error) : error;
        });
        found = await checksums.lookup(name, version, signal);
      }
      if (found === undefined || (shard !== undefined && found.shard !== shard)) throw unbound(name, version);
      return sendText(reply, formatLookup(found), cachingOf(deps, found.shard));
    });

  for (const path of ["/-/log/proof/:key", "/-/log/:shard/proof/:key"])
    fastify.get<{ Params: KeyParams }>(path, async (request, reply) => {
      const { shard, key } = request.params;
      const { name, version } = parseKey(key);
      await requireRelease(deps, request, { name, version, shard });
      const proof = await checksums.logs.proof(shard, name, version, closeSignal(reply));
      if (proof === undefined) throw unbound(name, version);
      const hosted = isHostedLog(checksums.logOf(name));
      return sendText(reply, proof, hosted ? notKept : cachingOf(deps, newestShard(deps)?.shard));
    });
}

function addBundleRoutes(fastify: FastifyInstance, deps: LogRoutesDeps): void {
  for (const path of ["/-/log/bundle", "/-/log/:shard/bundle"]) {
    fastify.post<{ Params: { readonly shard?: string } }>(
      path,
      { bodyLimit: maxBundleBytes },
      async (request, reply) => {
        const { shard } = request.params;
        if (shard !== undefined) await findShard(deps, request, shard, "records");
        const { readable, hidden } = await splitByReader(deps, request, parseBundleRequest(request.body));
        const answer = await deps.checksums.logs.bundle(shard, readable, closeSignal(reply));
        const bundle = { ...answer, missing: [...answer.missing, ...hidden] };
        if (bundle.missing.length > 0) await deps.access.requireGood(request.credentials);
        reply.header("cache-control", "no-store");
        return await sendBundle(request, reply, bundle);
      },
    );
    // A browser asks before it posts JSON to another origin.
    fastify.options(path, (_request, reply) => {
      reply.header("access-control-allow-methods", "POST");
      reply.header("access-control-allow-headers", "content-type");
      reply.header("access-control-max-age", "86400");
      return reply.code(204).send();
    });
  }
}

/** Bundles above this are compressed for who takes it: 1,500 releases are a megabyte. */
const compressAboveBytes = 4096;
const compress = { gzip: promisify(gzip), zstd: promisify(zstdCompress) };

/** In a thread of the pool: half a hundred milliseconds of work must not hold up everybody else. */
async function sendBundle(request: FastifyRequest, reply: FastifyReply, bundle: BundleResponse): Promise<FastifyReply> {
  const json = JSON.stringify(bundle);
  const accepted = request.headers["accept-encoding"];
  const encoding = contentEncoding(typeof accepted === "string" ? accepted : undefined);
  reply.header("content-type", "application/json; charset=utf-8");
  reply.header("vary", "accept-encoding");
  if (encoding === "identity" || json.length <= compressAboveBytes) return reply.send(json);
  reply.header("content-encoding", encoding);
  return reply.send(await compress[encoding](Buffer.from(json)));
}

/** `<index> LF <record> LF <signed checkpoint>`: the record brings its own final LF, so a blank line follows it. */
function formatLookup(found: Lookup): string {
  return `${found.index}\n${found.text}\n${found.checkpoint}`;
}

/** Splits at the last `@`; the slash of a scope was decoded with the path. Throws BAD_REQUEST, BAD_NAME, BAD_VERSION. */
function parseKey(key: string): { readonly name: PackageName; readonly version: Version } {
  const at = key.lastIndexOf("@");
  if (at <= 0) throw new AssayError("BAD_REQUEST", { reason: "<name>@<version> is expected" });
  return { name: parsePackageName(key.slice(0, at)), version: parseVersion(key.slice(at + 1)) };
}

/** The shard of the public namespace that is open, or was last. */
function newestShard({ checksums }: LogRoutesDeps): LogDescription | undefined {
  return checksums.logs.list()[0];
}

/**
 * Throws unless the sender may know what is bound for this name: as if it were a public name that is not bound where it
 * is an organisation's and it may not, before anything is looked at. Answers whether it is an organisation's.
 */
async function requireRelease(
  deps: LogRoutesDeps,
  request: FastifyRequest,
  asked: { readonly name: PackageName; readonly version: Version; readonly shard: string | undefined },
): Promise<boolean> {
  const { name, version, shard } = asked;
  const log = deps.checksums.logOf(name);
  const isHosted = isHostedLog(log);
  const isReadable = isHosted && (await mayReadLog(deps, request, log));
  const named = shard === undefined ? newestShard(deps) : await findShard(deps, request, shard, "records");
  if (named === undefined) throw new AssayError("NOT_FOUND", { what: "A log of this name" });
  // Where nobody reads the public names, a name that is answered otherwise would be somebody's.
  if (!isReadable && !isHostedLog(named.log)) requireReader(deps.access.readers, named);
  if (isHosted && !isReadable) throw unbound(name, version);
  return isHosted;
}

/** The entries whose logs the sender may read; the others are answered as if nobody had bound them. */
async function splitByReader(
  deps: LogRoutesDeps,
  request: FastifyRequest,
  entries: readonly BundleRequestEntry[],
): Promise<{ readonly readable: readonly BundleRequestEntry[]; readonly hidden: readonly BundleRequestEntry[] }> {
  const readable: BundleRequestEntry[] = [];
  const hidden: BundleRequestEntry[] = [];
  const newest = newestShard(deps);
  let isOnlyReadable = entries.length > 0;
  for (const [log, part] of Map.groupBy(entries, ({ name }) => deps.checksums.logOf(name))) {
    const isReadable = isHostedLog(log) && (await mayReadLog(deps, request, log));
    isOnlyReadable &&= isReadable;
    (isReadable || !isHostedLog(log) ? readable : hidden).push(...part);
  }
  if (!isOnlyReadable && newest !== undefined) requireReader(deps.access.readers, newest);
  return { readable, hidden };
}

/** Whether a bind that is made now would be in this shard. */
function isOpen(deps: LogRoutesDeps, shard: string | undefined): boolean {
  const { logs } = deps.checksums;
  return shard === undefined || logs.list().some((log) => log.shard === shard && log.state === "open");
}

function tileCaching(log: LogDescription, tile: TileCoordinates): string {
  if (isHostedLog(log.log)) return notKept;
  const scope = tile.kind === "entries" ? log.visibility : "public";
  return `${scope}, ${tile.width === tileWidth ? fullTile : partialTile}`;
}

/** For answers that hold the newest checkpoint; shared caches keep those of public logs only. */
function cachingOf({ checksums }: LogRoutesDeps, shard: string | undefined): string {
  const log = checksums.logs.list().find((each) => each.shard === shard);
  return log === undefined ? notKept : `${log.visibility}, max-age=${checkpointAgeSeconds}`;
}

function unbound(name: PackageName, version: Version, cause?: unknown): AssayError<"NOT_FOUND"> {
  return new AssayError("NOT_FOUND", { what: `A bind of ${name}@${version}` }, { cause });
}

function sendText(reply: FastifyReply, text: string, caching: string): FastifyReply {
  reply.header("cache-control", caching);
  reply.header("content-type", "text/plain; charset=utf-8");
  return reply.send(text);
}
