import { parsePackageName } from "@assay/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isNotModified } from "../http/conditional.ts";
import { parseRange, rangeStands } from "../http/range.ts";
import { finishedHead, sendBytes, sendStream, type FinishedHead } from "../http/send.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import { versionOfFile, type Tarball } from "./tarballs.ts";

/** A bound tarball never changes, but it may be refused later: caches must ask again within this time. */
const cacheControl = "public, max-age=300";

/** `GET` and `HEAD /{pkg}/-/{file}.tgz`. Never negotiated: some clients send a packument's Accept here. */
export function addTarballRoutes(fastify: FastifyInstance, { serving }: Pick<ServingRoutesDeps, "serving">): void {
  const heads = new WeakMap<Uint8Array, FinishedHead>();

  fastify.route<{ Params: { name: string; file: string } }>({
    method: "GET",
    url: "/:name/-/:file",
    exposeHeadRoute: true,
    handler: async (request, reply) => {
      const name = parsePackageName(request.params.name);
      const tarball = await serving.tarballs.find(name, versionOfFile(name, request.params.file));
      const headers = request.headers;
      if (headers["if-none-match"] === undefined && headers.range === undefined && tarball.bytes !== undefined) {
        let head = heads.get(tarball.bytes);
        if (head === undefined)
          heads.set(tarball.bytes, (head = finishedHead(headersOf(tarball), tarball.release.sizeBytes)));
        sendBytes(request, reply, { status: 200, head, bytes: tarball.bytes });
        return;
      }
      await sendConditionally(request, reply, tarball);
    },
  });
}

function headersOf({ release }: Tarball): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "cache-control": cacheControl,
    etag: `"${release.integrity}"`,
    "accept-ranges": "bytes",
  };
}

async function sendConditionally(request: FastifyRequest, reply: FastifyReply, tarball: Tarball): Promise<void> {
  const headers = headersOf(tarball);
  const validators = { etag: `"${tarball.release.integrity}"`, lastModifiedMs: undefined };
  const sizeBytes = tarball.release.sizeBytes;
  if (isNotModified(request.headers, validators)) {
    sendBytes(request, reply, {
      status: 304,
      head: finishedHead(headers, undefined),
      bytes: undefined,
    });
    return;
  }
  const ifRange = request.headers["if-range"];
  const range = rangeStands(typeof ifRange === "string" ? ifRange : undefined, validators)
    ? parseRange(request.headers.range, sizeBytes)
    : undefined;
  if (range === "unsatisfiable") {
    sendBytes(request, reply, {
      status: 416,
      head: finishedHead({ ...headers, "content-range": `bytes */${sizeBytes}` }, 0),
      bytes: new Uint8Array(),
    });
    return;
  }
  const partial = range === undefined ? {} : { "content-range": `bytes ${range.start}-${range.end - 1}/${sizeBytes}` };
  const status = range === undefined ? 200 : 206;
  const head = finishedHead({ ...headers, ...partial }, range === undefined ? sizeBytes : range.end - range.start);
  if (tarball.bytes !== undefined) {
    sendBytes(request, reply, {
      status,
      head,
      bytes: range === undefined ? tarball.bytes : tarball.bytes.subarray(range.start, range.end),
    });
    return;
  }
  const { stream } = await tarball.open(range);
  await sendStream(request, reply, { status, head, stream });
}
