/**
 * A recording of the upstream for the read benchmarks, so that the network is not in play: the documents of a
 * few packages and one tarball, fetched once from the registry that npm is configured for.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { gzipSync } from "node:zlib";

/** Where recordings and installed peers are kept: safe to delete at any time. */
export const cacheFolder: string = path.join(import.meta.dirname, "..", ".cache", "bench");

/** `next` stands for the very large documents (about 21 MB); the others are what is read in the benchmarks. */
export const recordedPackages = ["vite", "express", "next"] as const;

export type RecordedPackage = (typeof recordedPackages)[number];

/** One recorded package; the documents are as the upstream sent them, decoded. */
export interface RecordedDocument {
  readonly name: RecordedPackage;
  readonly full: Buffer;
  readonly abbreviated: Buffer;
}

/** What was recorded. */
export interface Recording {
  readonly documents: readonly RecordedDocument[];
  /** The newest express: about 20 KB. */
  readonly tarball: { readonly path: string; readonly bytes: Buffer };
}

const abbreviatedAccept = "application/vnd.npm.install-v1+json";

/** Reads the recording, fetching what is missing. Throws when the upstream cannot be reached then. */
export async function loadRecording(upstream: string | undefined, say: (line: string) => void): Promise<Recording> {
  const folder = path.join(cacheFolder, "recording");
  mkdirSync(folder, { recursive: true });
  const fetched = async (file: string, at: string, accept: string): Promise<Buffer> => {
    const where = path.join(folder, file);
    if (existsSync(where)) return readFileSync(where);
    if (upstream === undefined) throw new Error(`${file} is not recorded and npm has no registry`);
    say(`Recording ${file} …`);
    const response = await fetch(at.startsWith("/") ? `${upstream}${at}` : at, {
      headers: { accept },
    });
    if (!response.ok) throw new Error(`${at}: ${response.status}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    writeFileSync(where, bytes);
    return bytes;
  };
  const documents: RecordedDocument[] = [];
  for (const name of recordedPackages) {
    documents.push({
      name,
      full: await fetched(`${name}.json`, `/${name}`, "application/json"),
      abbreviated: await fetched(`${name}.abbreviated.json`, `/${name}`, abbreviatedAccept),
    });
  }
  const express = parsed(documents.find((document) => document.name === "express")?.full);
  const version = express["dist-tags"]["latest"] ?? "";
  const listed = express.versions[version]?.dist.tarball ?? "";
  const tarballPath = `/express/-/express-${version}.tgz`;
  return {
    documents,
    tarball: { path: tarballPath, bytes: await fetched(`express-${version}.tgz`, listed, "*/*") },
  };
}

interface Listed {
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, { readonly dist: { tarball: string } }>>;
}

function parsed(document: Buffer | undefined): Listed {
  return JSON.parse(String(document)) as Listed;
}

interface Answer {
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
  readonly contentType: string;
}

/** The recording as a registry on loopback: full and abbreviated, gzip, ETag and 304. */
export interface RecordedUpstream extends AsyncDisposable {
  readonly url: string;
}

/** Everything is rewritten and compressed before the first request, so that serving costs nothing. */
export async function serveRecording(recording: Recording): Promise<RecordedUpstream> {
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "/");
    if (name === recording.tarball.path) {
      response.writeHead(200, {
        "content-type": "application/octet-stream",
        "content-length": recording.tarball.bytes.byteLength,
      });
      response.end(recording.tarball.bytes);
      return;
    }
    const short = (request.headers.accept ?? "").includes(abbreviatedAccept);
    const answer = answers.get(`${name}${short ? "#short" : ""}`);
    if (answer === undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(`{"error":"not found"}`);
      return;
    }
    if (request.headers["if-none-match"] === answer.etag) {
      response.writeHead(304, { etag: answer.etag });
      response.end();
      return;
    }
    const isGzip = (request.headers["accept-encoding"] ?? "").includes("gzip");
    const body = isGzip ? answer.gzip : answer.plain;
    response.writeHead(200, {
      "content-type": answer.contentType,
      "content-length": body.byteLength,
      etag: answer.etag,
      vary: "accept, accept-encoding",
      ...(isGzip ? { "content-encoding": "gzip" } : {}),
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}`;
  for (const { name, full, abbreviated } of recording.documents) {
    for (const [key, document] of [
      [`/${name}`, full],
      [`/${name}#short`, abbreviated],
    ] as const) {
      const plain = rewritten(document, name, url);
      const etag = `"${createHash("sha256").update(plain).digest("hex").slice(0, 32)}"`;
      // Some registries answer the full document whatever is asked; they say so, and so do we.
      const isFull = key.endsWith("#short") ? "_id" in parsed(plain) : true;
      const contentType = isFull ? "application/json" : abbreviatedAccept;
      answers.set(key, { plain, gzip: gzipSync(plain, { level: 6 }), etag, contentType });
    }
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function rewritten(document: Buffer, name: string, base: string): Buffer {
  const json = parsed(document);
  for (const [version, { dist }] of Object.entries(json.versions)) {
    dist.tarball = `${base}/${name}/-/${name}-${version}.tgz`;
  }
  return Buffer.from(JSON.stringify(json));
}
