import { parsePackageName } from "@assay/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isNotModified } from "../http/conditional.ts";
import { parseRange, rangeStands } from "../http/range.ts";
import { finishedHead, sendBytes, sendStream } from "../http/send.ts";
import { tarballHeaders } from "./answers.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import { versionOfFile, type Tarball } from "./tarballs.ts";

/** `GET` and `HEAD /{pkg}/-/{file}.tgz`. Never negotiated: some clients send a packument's Accept here. */
export function addTarballRoutes(
  fastify: FastifyInstance,
  {
    serving,
    answers,
    upstreams,
    noteFetch,
  }: Pick<ServingRoutesDeps, "serving" | "answers" | "upstreams" | "noteFetch">,
): void {
  fastify.get<{ Params: { name: string; file: string } }>("/:name/-/:file", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const version = versionOfFile(name, request.params.file);
    const { "if-none-match": ifNoneMatch, range, authorization } = request.headers;
    const chosen = () => upstreams.choices.of(authorization);
    const elsewhere = await serving.tarballs.elsewhere(name, version, chosen);
    // Not to be kept: the version may be refused, or the source put aside, in a moment.
    if (elsewhere !== undefined) return reply.header("cache-control", "no-store").redirect(elsewhere, 302);
    const tarball = await serving.tarballs.find(name, version, chosen);
    if (request.method === "GET") await noteFetch(name, version, request.credentials);
    if (ifNoneMatch !== undefined || range !== undefined || tarball.bytes === undefined) {
      await sendConditionally(request, reply, tarball);
      return;
    }
    sendBytes(request, reply, { status: 200, head: answers.tarballHead(tarball), bytes: tarball.bytes });
  });
}

async function sendConditionally(request: FastifyRequest, reply: FastifyReply, tarball: Tarball): Promise<void> {
  const headers = tarballHeaders(tarball);
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
