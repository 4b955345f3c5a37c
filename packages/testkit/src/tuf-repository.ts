/**
 * A TUF repository of our own, served where Sigstore's is expected: npm refreshes that before it audits signatures, and
 * cannot be told of another one. Nothing of npm is changed: its cache holds our root already, as it holds Sigstore's on
 * a machine where npm ran before, and the environment names a proxy and a certificate authority, as in a company.
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer as createTlsServer } from "node:https";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import path from "node:path";
import { Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from "@tufjs/models";
import { clientFile } from "./clients-run.ts";

/** What a client's run needs to see the repository. */
export interface TufRepository extends AsyncDisposable {
  /** For the environment of a client on Node. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts our root where this npm keeps Sigstore's. `cache` is npm's cache folder. */
  seed(cache: string): void;
  /** Paths that were asked for. */
  readonly requests: readonly string[];
}

/** Serves a signed repository with these targets, for npm 12. `folder` is empty and stays as long as the repository. */
export async function startTufRepository(
  folder: string,
  targets: Readonly<Record<string, string>>,
): Promise<TufRepository> {
  const mirror = new URL(mirrorOfNpm());
  const files = signedFiles(targets);
  const requests: string[] = [];
  const certificate = makeCertificate(folder, mirror.hostname);
  const server = createTlsServer(certificate, (request, response) => {
    const at = decodeURIComponent(request.url ?? "");
    requests.push(at);
    const body = files.get(at);
    response.writeHead(body === undefined ? 404 : 200).end(body ?? "");
  });
  const proxy = createServer((_request, response) => void response.writeHead(403).end());
  proxy.on("connect", (request, socket) => {
    if (request.url !== `${mirror.hostname}:443`) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const there = connect((server.address() as AddressInfo).port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      there.pipe(socket).pipe(there);
    });
    there.on("error", () => socket.destroy());
    socket.on("error", () => there.destroy());
  });
  for (const one of [server, proxy]) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    requests,
    env: {
      NODE_USE_ENV_PROXY: "1",
      HTTPS_PROXY: proxyUrl,
      https_proxy: proxyUrl,
      NO_PROXY: "127.0.0.1",
      no_proxy: "127.0.0.1",
      NODE_EXTRA_CA_CERTS: certificate.caFile,
    },
    seed(cache) {
      const at = path.join(cache, "_tuf", encodeURIComponent(mirror.host));
      mkdirSync(at, { recursive: true });
      writeFileSync(path.join(at, "root.json"), files.get("/1.root.json") ?? "");
    },
    async [Symbol.asyncDispose]() {
      for (const one of [server, proxy]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

/** Where npm's library expects the repository: what its seeds are for. */
function mirrorOfNpm(): string {
  const load = createRequire(clientFile("npm12", "package.json"));
  const [url] = Object.keys(load("@sigstore/tuf/seeds.json") as object);
  if (url === undefined) throw new Error("npm has no seeds");
  return url;
}

/** Paths and contents: one key signs for all four roles, everything is good for a day. */
function signedFiles(targets: Readonly<Record<string, string>>): Map<string, Buffer> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const spki = publicKey.export({ format: "der", type: "spki" });
  const keyID = createHash("sha256").update(spki).digest("hex");
  const common = { version: 1, specVersion: "1.0.0", expires: new Date(Date.now() + 86_400_000).toISOString() };
  const finish = (signed: Root | Targets | Snapshot | Timestamp): Buffer => {
    const metadata = new Metadata(signed);
    metadata.sign((data) => new Signature({ keyID, sig: sign(null, data, privateKey).toString("hex") }));
    return Buffer.from(JSON.stringify(metadata.toJSON()));
  };
  const root = new Root({ ...common, consistentSnapshot: false });
  const key = new Key({
    keyID,
    keyType: "ed25519",
    scheme: "ed25519",
    keyVal: { public: spki.subarray(-32).toString("hex") },
  });
  for (const role of ["root", "timestamp", "snapshot", "targets"]) root.addKey(key, role);
  const listed = new Targets(common);
  for (const [name, text] of Object.entries(targets)) {
    const sha256 = createHash("sha256").update(text).digest("hex");
    listed.addTarget(new TargetFile({ path: name, length: Buffer.byteLength(text), hashes: { sha256 } }));
  }
  const snapshot = new Snapshot({ ...common, meta: { "targets.json": new MetaFile({ version: 1 }) } });
  return new Map([
    ["/1.root.json", finish(root)],
    ["/timestamp.json", finish(new Timestamp({ ...common, snapshotMeta: new MetaFile({ version: 1 }) }))],
    ["/snapshot.json", finish(snapshot)],
    ["/targets.json", finish(listed)],
    ...Object.entries(targets).map(([name, text]): [string, Buffer] => [`/targets/${name}`, Buffer.from(text)]),
  ]);
}

function makeCertificate(folder: string, host: string): { key: Buffer; cert: Buffer; caFile: string } {
  const openssl = (...words: string[]): Buffer => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test");
  openssl("req", ...newKey, "-keyout", "key.pem", "-out", "request.pem", "-subj", `/CN=${host}`);
  writeFileSync(path.join(folder, "names"), `subjectAltName=DNS:${host}\n`);
  const issue = ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  openssl(...issue, "-days", "2", "-extfile", "names", "-out", "cert.pem");
  const read = (file: string): Buffer => readFileSync(path.join(folder, file));
  return { key: read("key.pem"), cert: read("cert.pem"), caFile: path.join(folder, "ca.pem") };
}
