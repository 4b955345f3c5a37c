import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { isAssayError } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import * as lies from "@assay/testkit/lies";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { Clock } from "../clock.ts";
import { createSystemClock } from "../system-clock.ts";
import { createUpstreamClient } from "./client.ts";
import { loadClientCertificate, type ClientCertificate } from "./client-certificate.ts";
import { systemResolve, type Resolve } from "./dispatchers.ts";
import { NetworkError, type NetworkErrorReason } from "./network.ts";
import { directSettings, loadNetworkSettings, type NetworkSettings } from "./settings.ts";

const failsWith = (reason: NetworkErrorReason) => (error: unknown) =>
  error instanceof NetworkError && error.reason === reason;
const options = { decode: true, maxBytes: 1024 * 1024 };

interface Authority {
  readonly caFile: string;
  readonly ca: string;
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: string;
  readonly cert: string;
}

/** A company's own certificate authority, and a certificate from it; undefined without openssl. */
function createAuthority(): Authority | undefined {
  const folder = mkdtempSync(join(tmpdir(), "assay-ca-"));
  after(() => rmSync(folder, { recursive: true }));
  const openssl = (...words: string[]): Buffer => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  try {
    openssl("version");
  } catch {
    return undefined;
  }
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test company");
  openssl("req", ...newKey, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=registry.test");
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:registry.test,DNS:files.test,IP:127.0.0.1\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "request.pem",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    "names",
    "-out",
    "cert.pem",
  );
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  const at = (file: string): string => join(folder, file);
  chmodSync(at("key.pem"), 0o600);
  return {
    caFile: at("ca.pem"),
    ca: read("ca.pem"),
    keyFile: at("key.pem"),
    certFile: at("cert.pem"),
    key: read("key.pem"),
    cert: read("cert.pem"),
  };
}

const authority = createAuthority();
const skip = authority === undefined ? "openssl is missing: TLS with a private CA is NOT tested" : false;

function clientOf(
  url: string,
  settings: NetworkSettings,
  more: {
    readonly tarballHosts?: readonly string[];
    readonly resolve?: Resolve;
    readonly certificate?: ClientCertificate;
  } = {},
) {
  const system = createSystemClock();
  const clock: Clock = { ...system, sleep: async () => {} };
  const timeouts = { connectMs: 2000, headersMs: 2000, bodyIdleMs: 2000 };
  return createUpstreamClient(
    { clock, random: createSeededRandom(), settings, resolve: more.resolve ?? systemResolve },
    { url, tarballHosts: more.tarballHosts ?? [], timeouts },
    { authorization: "Bearer secret", certificate: more.certificate },
  );
}

/** A proxy that only knows CONNECT, and knows `*.test` names to be on loopback. */
async function createProxy() {
  const seen: { readonly target: string; readonly authorization: string | undefined }[] = [];
  const server = createServer((_request, response) => void response.writeHead(405).end());
  server.on("connect", (request, socket) => {
    const target = request.url ?? "";
    seen.push({ target, authorization: request.headers["proxy-authorization"] });
    const [host = "", port] = target.split(":");
    if (!host.endsWith(".test")) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const through = connect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      through.pipe(socket).pipe(through);
    });
    through.on("error", () => socket.destroy());
    socket.on("error", () => through.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a private CA is trusted when it is configured, and not otherwise", { skip }, async () => {
  assert.ok(authority !== undefined);
  await using upstream = await createTestUpstream({ tls: authority });
  upstream.publish({ name: "a", version: "1.0.0" });
  await using trusting = clientOf(upstream.url, await loadNetworkSettings({ extraCaFile: authority.caFile }));
  assert.equal((await trusting.request("/a", options)).status, 200);
  await using distrusting = clientOf(upstream.url, directSettings);
  await assert.rejects(distrusting.request("/a", options), failsWith("connection"));
  assert.equal(upstream.count("/a"), 1);
});

test("a certificate for another name is refused", { skip }, async () => {
  assert.ok(authority !== undefined);
  await using upstream = await createTestUpstream({ tls: authority });
  const resolve: Resolve = async () => [{ address: "127.0.0.1", family: 4 }];
  await using client = clientOf(
    upstream.url.replace("127.0.0.1", "other.test"),
    await loadNetworkSettings({ caFile: authority.caFile }),
    { resolve },
  );
  await assert.rejects(client.request("/a", options), failsWith("connection"));
});

test("shows its certificate to the own origin, and to no other host that it is sent to", { skip }, async () => {
  assert.ok(authority !== undefined);
  await using upstream = await createTestUpstream({ tls: authority });
  await using files = await createTestUpstream({ tls: authority });
  const listed = `files.test:${new URL(files.url).port}`;
  files.put("/a.tgz", "tarball");
  upstream.publish({ name: "b", version: "1.0.0" });
  upstream.lie("/a", lies.redirect(`https://${listed}/a.tgz`));
  const certificate = await loadClientCertificate({ name: "npm", tls: authority });
  assert.ok(certificate !== undefined);
  await using proxy = await createProxy();
  const own = `https://registry.test:${new URL(upstream.url).port}`;
  const trusting = await loadNetworkSettings({ caFile: authority.caFile, httpsProxy: proxy.url });
  await using client = clientOf(own, trusting, { tarballHosts: [listed], certificate });
  assert.equal((await client.request("/b", options)).status, 200);
  assert.equal(await text((await client.request("/a", options)).body), "tarball");
  assert.deepEqual(
    upstream.requests.map(({ clientName }) => clientName),
    ["registry.test", "registry.test"],
  );
  assert.deepEqual(
    files.requests.map(({ clientName }) => clientName),
    [undefined],
  );
});

test("a client key that others may read, or of another certificate, is refused by name", { skip }, async () => {
  assert.ok(authority !== undefined);
  const folder = dirname(authority.keyFile);
  const open = join(folder, "open.pem");
  writeFileSync(open, authority.key);
  chmodSync(open, 0o640);
  const load = (tls: { certFile: string; keyFile: string }) => loadClientCertificate({ name: "acme", tls });
  const fails = (text: RegExp) => (error: unknown) =>
    isAssayError(error, "CONFIG") && text.test(error.message) && !error.message.includes("PRIVATE");
  const { certFile, keyFile, caFile } = authority;
  await assert.rejects(load({ certFile, keyFile: open }), fails(/tls\.keyFile of upstream acme .*\(mode 640\)/));
  await assert.rejects(load({ certFile: caFile, keyFile }), fails(/is not the key of tls\.certFile of upstream acme/));
  await assert.rejects(load({ certFile: keyFile, keyFile }), fails(/tls\.certFile .* holds no PEM certificate/));
  chmodSync(certFile, 0o600);
  await assert.rejects(load({ certFile, keyFile: certFile }), fails(/tls\.keyFile .* holds no PEM private key/));
  await assert.rejects(load({ certFile, keyFile: join(folder, "none") }), fails(/tls\.keyFile .* cannot be read/));
  assert.equal(await loadClientCertificate({ name: "acme", tls: undefined }), undefined);
});

test("goes through a CONNECT proxy, where credentials still reach the own origin only", { skip }, async () => {
  assert.ok(authority !== undefined);
  await using upstream = await createTestUpstream({ tls: authority });
  await using files = await createTestUpstream({ tls: authority });
  await using proxy = await createProxy();
  const settings = await loadNetworkSettings({ extraCaFile: authority.caFile, httpsProxy: proxy.url });
  const own = `registry.test:${new URL(upstream.url).port}`;
  const listed = `files.test:${new URL(files.url).port}`;
  await using client = clientOf(`https://${own}`, settings, { tarballHosts: [listed, "169.254.169.254"] });

  files.put("/a.tgz", "tarball");
  upstream.lie("/a", lies.redirect(`https://${listed}/a.tgz`));
  const response = await client.request("/a", {
    ...options,
    headers: { cookie: "secret", "npm-otp": "1", "x-other": "kept" },
  });
  assert.equal(await text(response.body), "tarball");
  assert.deepEqual(
    proxy.seen.map(({ target }) => target),
    [own, listed],
  );
  assert.equal(proxy.seen[0]?.authorization, `Basic ${Buffer.from("user:secret").toString("base64")}`);
  assert.equal(upstream.requests[0]?.headers.authorization, "Bearer secret");
  const { authorization, cookie, "npm-otp": otp, "x-other": other } = files.requests[0]?.headers ?? {};
  assert.deepEqual([authorization, cookie, otp, other], [undefined, undefined, undefined, "kept"]);

  upstream.lie("/a", lies.redirect("https://169.254.169.254/latest"));
  await assert.rejects(client.request("/a", options), failsWith("forbidden-address"));
  assert.equal(proxy.seen.length, 2);
});

test(
  "a host that NO_PROXY names is reached directly, and a proxy that refuses is a failed connection",
  { skip },
  async () => {
    assert.ok(authority !== undefined);
    await using upstream = await createTestUpstream({ tls: authority });
    upstream.publish({ name: "a", version: "1.0.0" });
    await using proxy = await createProxy();
    const url = upstream.url.replace("127.0.0.1", "registry.test");
    const resolve: Resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    await using direct = clientOf(
      url,
      await loadNetworkSettings({ caFile: authority.caFile, httpsProxy: proxy.url, noProxy: ".test" }),
      { resolve },
    );
    assert.equal((await direct.request("/a", options)).status, 200);
    assert.equal(proxy.seen.length, 0);
    await using refused = clientOf(
      "https://registry.example.com",
      await loadNetworkSettings({ httpsProxy: proxy.url }),
    );
    await assert.rejects(refused.request("/a", options), failsWith("connection"));
    assert.ok(proxy.seen.length > 0);
  },
);
