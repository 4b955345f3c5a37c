import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { getCACertificates } from "node:tls";
import { isAssayError } from "@assay/core";
import { loadNetworkSettings, proxyFor } from "./settings.ts";

const [someRoot = "", otherRoot = ""] = getCACertificates("bundled");
const isConfigError = (text: RegExp) => (error: unknown) => isAssayError(error, "CONFIG") && text.test(error.message);

test("adds up the certificates of ca, cafile and NODE_EXTRA_CA_CERTS", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "assay-settings-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "a.pem"), `# a company\n${someRoot}\n${otherRoot}\n`);
  const settings = await loadNetworkSettings({ ca: [someRoot], caFile: join(folder, "a.pem"), extraCaFile: "" });
  assert.equal(settings.certificates.length, 2);
});

test("names the setting and the file of a certificate that cannot be read", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "assay-settings-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "empty.pem"), "nothing");
  await writeFile(join(folder, "broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
  await assert.rejects(
    loadNetworkSettings({ caFile: join(folder, "missing.pem") }),
    isConfigError(/cafile names .*missing\.pem/),
  );
  await assert.rejects(
    loadNetworkSettings({ extraCaFile: join(folder, "empty.pem") }),
    isConfigError(/NODE_EXTRA_CA_CERTS .*empty\.pem/),
  );
  await assert.rejects(loadNetworkSettings({ caFile: join(folder, "broken.pem") }), isConfigError(/cannot be read/));
});

test("refuses a proxy that is no http URL, without repeating its password", async () => {
  await assert.rejects(loadNetworkSettings({ httpsProxy: "socks5://user:secret@proxy.example.com" }), (error) => {
    return isConfigError(/HTTPS_PROXY/)(error) && !String(error).includes("secret");
  });
});

test("chooses the proxy by scheme and leaves out what NO_PROXY names", async () => {
  const { proxy } = await loadNetworkSettings({
    httpsProxy: "https.example.com:3128",
    httpProxy: "http://http.example.com",
    noProxy: "direct.example.com, .corp.example *.only.example,ports.example:8443 [2001:db8::1]:443 2001:db8::2",
  });
  const chosen = (url: string) => proxyFor(new URL(url), proxy);
  assert.equal(chosen("https://registry.example.com"), "http://https.example.com:3128/");
  assert.equal(chosen("http://registry.example.com"), "http://http.example.com/");
  for (const url of [
    "https://direct.example.com",
    "https://a.direct.example.com",
    "https://corp.example",
    "https://a.corp.example",
    "https://a.only.example",
    "https://ports.example:8443",
    "https://[2001:db8::1]",
    "https://[2001:db8::2]:99",
    "https://localhost:1",
    "http://127.0.0.1",
    "http://[::1]:4873",
    "https://DIRECT.example.com.",
  ])
    assert.equal(chosen(url), undefined, url);
  for (const url of [
    "https://only.example",
    "https://ports.example",
    "https://notcorp.example",
    "https://[2001:db8::1]:444",
  ])
    assert.ok(chosen(url), url);
  const everything = await loadNetworkSettings({ httpsProxy: "http://p.example.com", noProxy: "*" });
  assert.equal(proxyFor(new URL("https://registry.example.com"), everything.proxy), undefined);
});
