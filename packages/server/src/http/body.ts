import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AssayError, decodeUtf8 } from "@assay/core";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { exchangeOf } from "./exchange.ts";
import { formType, longestFormBytes, parseForm, type Form } from "./form.ts";
import { isFromOwnPage } from "./own-page.ts";

const gunzipped = promisify(gunzip);

/** The only content types that are parsed; exactly these characters, in any case. */
const jsonType = /^application\/(?:scim\+)?json(?: ?; ?charset=(?:utf-8|"utf-8"))?$/i;

/**
 * Gives Fastify the one body parser: JSON, plain or gzip, at most `limitBytes` (or the route's `bodyLimit`) before
 * and after decoding. No body is `undefined`. Routes with `config: { body: "stream" }` read the raw request
 * themselves, whatever its type. Routes with `config: { body: "form" }` take the forms of our own pages and nothing else:
 * `formOf` has it.
 *
 * Throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, BAD_REQUEST, and FORBIDDEN for a form that another site's page sent.
 */
export function addBodyParser(fastify: FastifyInstance, limitBytes: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser("*", async (request: FastifyRequest) => {
    const { config, bodyLimit } = request.routeOptions;
    if (request.is404 || config.body === "stream") return undefined;
    return config.body === "form" ? readForm(request) : readJson(request, bodyLimit ?? limitBytes);
  });
}

async function readForm(request: FastifyRequest): Promise<Form> {
  if (!isFromOwnPage(request.headers, exchangeOf(request.raw).base))
    throw new AssayError("FORBIDDEN", { reason: "the form was not sent by a page of this registry" });
  if (!formType.test(request.headers["content-type"] ?? ""))
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", {
      reason: "its content type must be application/x-www-form-urlencoded",
    });
  return parseForm(await readRawBody(request, longestFormBytes));
}

/** `__proto__` as a key, each character plain or escaped: what stands before a colon can be nothing else. */
const protoKey =
  /"(?:_|\\u005[fF]){2}(?:p|\\u0070)(?:r|\\u0072)(?:o|\\u006[fF])(?:t|\\u0074)(?:o|\\u006[fF])(?:_|\\u005[fF]){2}"[ \t\n\r]*:/;

async function readJson(request: FastifyRequest, limitBytes: number): Promise<unknown> {
  const { headers } = request;
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", { reason: "its content encoding must be gzip or identity" });
  }
  if (Number(headers["content-length"] ?? 0) > limitBytes) throw new AssayError("BODY_TOO_LARGE", { limitBytes });
  const sent = await readAll(request, limitBytes);
  if (sent.length === 0) return undefined;
  if (!jsonType.test(headers["content-type"] ?? "")) {
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", { reason: "its content type must be application/json" });
  }
  return parseJsonBody(encoding === "gzip" ? await inflate(sent, limitBytes) : sent);
}

/**
 * The body of a route with `config: { body: "stream" }` as it was sent, at most `limitBytes`.
 * Throws BODY_TOO_LARGE, and UNSUPPORTED_MEDIA_TYPE for a body with a content encoding.
 */
export async function readRawBody(request: FastifyRequest, limitBytes: number): Promise<Uint8Array> {
  const { headers } = request;
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    throw new AssayError("UNSUPPORTED_MEDIA_TYPE", { reason: "it must be sent without a content encoding" });
  if (Number(headers["content-length"] ?? 0) > limitBytes) throw new AssayError("BODY_TOO_LARGE", { limitBytes });
  return await readAll(request, limitBytes);
}

async function readAll(request: FastifyRequest, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.raw.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limitBytes) throw new AssayError("BODY_TOO_LARGE", { limitBytes });
  }
  return Buffer.concat(chunks, size);
}

async function inflate(sent: Uint8Array, limitBytes: number): Promise<Uint8Array> {
  try {
    return await gunzipped(sent, { maxOutputLength: limitBytes });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE") {
      throw new AssayError("BODY_TOO_LARGE", { limitBytes }, { cause });
    }
    throw new AssayError("BAD_REQUEST", { reason: "its body is not gzip as content-encoding says" }, { cause });
  }
}

function parseJsonBody(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch (cause) {
    throw new AssayError("BAD_REQUEST", { reason: "its body is not UTF-8" }, { cause });
  }
  // A reviver would see the key too, but it is called for every member: seconds for a large body.
  if (protoKey.test(text)) throw new AssayError("BAD_REQUEST", { reason: "its body has the key __proto__" });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AssayError("BAD_REQUEST", { reason: "its body is not JSON" }, { cause });
  }
}
