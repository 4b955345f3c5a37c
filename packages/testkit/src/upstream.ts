import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Lie } from "./lies.ts";
import { packageTgz } from "./tarball.ts";

/** A packument as JSON; tests may change it freely through `edit`. */
export interface TestDocument {
  _id: string;
  name: string;
  "dist-tags": Record<string, string>;
  versions: Record<string, TestManifest>;
  time: Record<string, string>;
  [field: string]: unknown;
}

export interface TestManifest {
  name: string;
  version: string;
  dist: Record<string, unknown>;
  [field: string]: unknown;
}

export interface NewRelease {
  readonly name: string;
  readonly version: string;
  /** More fields of the manifest; they go into package.json and into the packument alike. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** More files, by path below the root folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The whole tarball, instead of one made from `manifest` and `files`. */
  readonly tarball?: Uint8Array;
  /** Which digests the packument lists. Default both. */
  readonly digests?: "both" | "sha1" | "none";
  /** Default `latest`; null for none. */
  readonly tag?: string | null;
  /** Default 2020-01-01 plus a minute a release. */
  readonly time?: string;
}

export interface PublishedRelease {
  readonly name: string;
  readonly version: string;
  readonly tarball: Uint8Array;
  readonly integrity: string;
  readonly shasum: string;
  /** Path of the tarball, for `lie` and `count`. */
  readonly path: string;
}

export interface SeenRequest {
  readonly method: string;
  /** Decoded, without query: `/@scope/name`. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Uint8Array;
  /** Common name of the certificate that the client showed; undefined when it showed none. */
  readonly clientName: string | undefined;
}

/**
 * An npm-like registry on loopback, in this process, that tells the truth until told to lie. Documents have
 * ETags, answer 304, come abbreviated when asked for, and compressed.
 */
export interface TestUpstream {
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string;
  publish(release: NewRelease): PublishedRelease;
  /** Changes the document of a package that has one; the ETag follows. */
  edit(name: string, change: (document: TestDocument) => void): void;
  document(name: string): TestDocument;
  /** Takes a version (its tags stay: they dangle) or a whole package away; tarballs too. */
  remove(name: string, version?: string): void;
  /** Points a tag at any text, listed or not. */
  tag(name: string, tag: string, version: string): void;
  /** Answers this path with these bytes. */
  put(path: string, body: string | Uint8Array, headers?: Readonly<Record<string, string>>): void;
  /**
   * From now on this path is answered by the lie (`lies.ts`), `times` times or until `honest`. `*` stands for every
   * path that has no lie of its own, `*.tgz` for every tarball.
   */
  lie(path: string, lie: Lie, options?: { readonly times?: number }): void;
  /** Ends the lies of a path, or all of them. */
  honest(path?: string): void;
  readonly requests: readonly SeenRequest[];
  /** Requests seen for a path. */
  count(path: string): number;
  /** Refuses connections from now on, and cuts those that stand. Idempotent. */
  die(): Promise<void>;
  /** Answers again, at the same address. Idempotent. */
  comeBack(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestUpstreamOptions {
  /** Answers full documents whatever is asked. */
  readonly ignoreAccept?: boolean;
  /** Answers abbreviated documents whatever is asked. */
  readonly onlyAbbreviated?: boolean;
  /** Sends neither ETag nor Last-Modified. */
  readonly noValidators?: boolean;
  /** With `ca` it asks clients for a certificate of that authority; who has none is let in all the same. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
}

interface Running {
  readonly lie: Lie;
  left: number;
}

export async function createTestUpstream(options: TestUpstreamOptions = {}): Promise<TestUpstream> {
  const documents = new Map<string, TestDocument>();
  const resources = new Map<
    string,
    { readonly body: Uint8Array; readonly headers: Readonly<Record<string, string>> }
  >();
  const lies = new Map<string, Running>();
  const requests: SeenRequest[] = [];
  const ended = new AbortController();
  let published = 0;

  const handler = (request: IncomingMessage, response: ServerResponse): void =>
    void handle(request, response).catch(() => response.destroy());
  const server =
    options.tls === undefined
      ? createServer(handler)
      : createTlsServer(
          { ...options.tls, requestCert: options.tls.ca !== undefined, rejectUnauthorized: false },
          handler,
        );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? "/", url).pathname);
    requests.push({
      method: request.method ?? "",
      path,
      headers: request.headers,
      body: await bodyOf(request),
      clientName: clientNameOf(request),
    });
    const liedAbout = [path, path.endsWith(".tgz") ? "*.tgz" : path, "*"].find((each) => lies.has(each));
    const running = lies.get(liedAbout ?? path);
    const honest = (): void => answer(path, request, response);
    if (running === undefined) return honest();
    running.left -= 1;
    if (running.left === 0) lies.delete(liedAbout ?? path);
    await running.lie({
      request,
      response,
      honest,
      honestBody: () => bytesAt(path, request)?.body,
      ended: ended.signal,
    });
  }

  function bytesAt(
    path: string,
    request: IncomingMessage,
  ): { readonly body: Uint8Array; readonly headers: Readonly<Record<string, string>> } | undefined {
    const document = documents.get(path.slice(1));
    if (document === undefined) return resources.get(path);
    const wantsAbbreviated = (request.headers.accept ?? "").includes("application/vnd.npm.install-v1+json");
    const isAbbreviated = options.onlyAbbreviated === true || (wantsAbbreviated && options.ignoreAccept !== true);
    const body = Buffer.from(JSON.stringify(isAbbreviated ? abbreviate(document) : document));
    const validators = {
      etag: `"${createHash("sha1").update(body).digest("hex")}"`,
      "last-modified": new Date(document.time["modified"] ?? 0).toUTCString(),
    };
    return {
      body,
      headers: {
        "content-type": isAbbreviated ? "application/vnd.npm.install-v1+json" : "application/json",
        ...(options.noValidators === true ? {} : validators),
      },
    };
  }

  function answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    const found = bytesAt(path, request);
    if (found === undefined) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not_found"}');
      return;
    }
    if (found.headers["etag"] !== undefined && request.headers["if-none-match"] === found.headers["etag"]) {
      response.writeHead(304, { etag: found.headers["etag"] }).end();
      return;
    }
    const { body, headers } = documents.has(path.slice(1)) ? compressed(request, found) : found;
    response.writeHead(200, { ...headers, "content-length": body.byteLength }).end(body);
  }

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  function documentOf(name: string): TestDocument {
    const document = documents.get(name);
    if (document === undefined) throw new Error(`the test upstream has no ${name}`);
    return document;
  }

  return {
    url,
    requests,
    publish(release) {
      published += 1;
      const { name, version } = release;
      const fields = { name, version, ...release.manifest };
      const tarball = release.tarball ?? packageTgz(fields, release.files);
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const shasum = createHash("sha1").update(tarball).digest("hex");
      const path = `/${name}/-/${name.split("/").at(-1) ?? name}-${version}.tgz`;
      const time = release.time ?? new Date(Date.UTC(2020, 0, 1, 0, published)).toISOString();
      const digests = { both: { integrity, shasum }, sha1: { shasum }, none: {} }[release.digests ?? "both"];
      const document = documents.get(name) ?? {
        _id: name,
        _rev: "1-0",
        name,
        "dist-tags": {},
        versions: {},
        time: { created: time, modified: time },
      };
      document.versions[version] = {
        ...fields,
        _id: `${name}@${version}`,
        dist: { ...digests, tarball: `${url}${path}` },
      };
      document.time[version] = time;
      document.time["modified"] = time;
      if (release.tag !== null) document["dist-tags"][release.tag ?? "latest"] = version;
      documents.set(name, document);
      resources.set(path, { body: tarball, headers: { "content-type": "application/octet-stream" } });
      return { name, version, tarball, integrity, shasum, path };
    },
    edit: (name, change) => change(documentOf(name)),
    document: documentOf,
    remove(name, version) {
      const document = documentOf(name);
      for (const gone of version === undefined ? Object.keys(document.versions) : [version]) {
        delete document.versions[gone];
        resources.delete(`/${name}/-/${name.split("/").at(-1) ?? name}-${gone}.tgz`);
      }
      document.time["modified"] = new Date(Date.parse(document.time["modified"] ?? "2020-01-01") + 1000).toISOString();
      if (version === undefined) documents.delete(name);
    },
    tag: (name, tag, version) => void (documentOf(name)["dist-tags"][tag] = version),
    put: (path, body, headers = {}) => void resources.set(path, { body: Buffer.from(body), headers }),
    lie: (path, lie, { times } = {}) => void lies.set(path, { lie, left: times ?? Number.POSITIVE_INFINITY }),
    honest: (path) => (path === undefined ? lies.clear() : void lies.delete(path)),
    count: (path) => requests.filter((request) => request.path === path).length,
    die: close,
    async comeBack() {
      if (server.listening) return;
      await new Promise<void>((resolve) => server.listen(Number(new URL(url).port), "127.0.0.1", resolve));
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await close();
    },
  };
}

function clientNameOf({ socket }: IncomingMessage): string | undefined {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  return Array.isArray(name) ? name.join() : name;
}

const abbreviatedFields = [
  "name version deprecated dependencies optionalDependencies devDependencies peerDependencies peerDependenciesMeta",
  "bundleDependencies bin directories engines os cpu libc funding hasInstallScript _hasShrinkwrap dist",
]
  .join(" ")
  .split(" ");

function abbreviate(document: TestDocument): object {
  const versions = Object.entries(document.versions).map(([version, manifest]) => {
    return [
      version,
      Object.fromEntries(Object.entries(manifest).filter(([field]) => abbreviatedFields.includes(field))),
    ] as const;
  });
  return {
    name: document.name,
    "dist-tags": document["dist-tags"],
    modified: document.time["modified"],
    versions: Object.fromEntries(versions),
  };
}

function compressed(
  request: IncomingMessage,
  found: { readonly body: Uint8Array; readonly headers: Readonly<Record<string, string>> },
) {
  const accepted = request.headers["accept-encoding"]?.toString() ?? "";
  const [encoding, compress] = accepted.includes("zstd")
    ? (["zstd", zstdCompressSync] as const)
    : accepted.includes("br")
      ? (["br", brotliCompressSync] as const)
      : (["gzip", gzipSync] as const);
  if (!accepted.includes(encoding)) return found;
  return { body: compress(found.body), headers: { ...found.headers, "content-encoding": encoding } };
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
