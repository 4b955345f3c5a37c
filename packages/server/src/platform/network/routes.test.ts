import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkError, type NetworkErrorReason } from "./network.ts";
import { createRoutes } from "./routes.ts";

const routes = createRoutes({
  url: "https://registry.example.com/npm",
  tarballHosts: ["files.example.com", "cdn.example.com:8443"],
});
const refused = (reason: NetworkErrorReason) => (error: unknown) =>
  error instanceof NetworkError && error.reason === reason;

test("puts paths below the upstream's URL", () => {
  assert.equal(routes.resolve("/@s%2fn").href, "https://registry.example.com/npm/@s%2fn");
  assert.equal(routes.resolve("https://files.example.com/a.tgz").href, "https://files.example.com/a.tgz");
  assert.equal(routes.resolve("https://cdn.example.com:8443/a.tgz").href, "https://cdn.example.com:8443/a.tgz");
});

for (const target of [
  "https://evil.example.com/a.tgz",
  "https://registry.example.com.evil.example/a",
  "https://registry.example.com:444/a",
  "http://registry.example.com/a",
  "http://files.example.com/a",
  "https://cdn.example.com/a",
  "ftp://registry.example.com/a",
  "file:///etc/passwd",
  "https://user:secret@registry.example.com/a",
  "relative",
  "",
  "/../other",
  "/%2e%2e/other",
  "/a/../../other",
]) {
  test(`refuses ${JSON.stringify(target)}`, () => {
    assert.throws(() => routes.resolve(target), refused("forbidden-host"));
  });
}

test("two slashes are a path, not a host", () => {
  assert.equal(routes.resolve("//evil.example.com/a").host, "registry.example.com");
});

test("checks every redirect like the first URL", () => {
  const from = new URL("https://registry.example.com/npm/a");
  assert.equal(routes.follow(from, "../b#x").href, "https://registry.example.com/b");
  assert.throws(() => routes.follow(from, "https://evil.example.com/"), refused("forbidden-host"));
  assert.throws(() => routes.follow(from, "http://registry.example.com/"), refused("redirects"));
  assert.throws(() => routes.follow(from, undefined), refused("redirects"));
  assert.throws(() => routes.follow(from, "https://[bad"), refused("redirects"));
});

test("literal addresses: metadata never, loopback for the own origin only", () => {
  const local = createRoutes({
    url: "http://127.0.0.1:4000",
    tarballHosts: ["127.0.0.1:4001", "169.254.169.254", "[::1]:4001"],
  });
  assert.equal(local.resolve("/a").href, "http://127.0.0.1:4000/a");
  assert.throws(() => local.resolve("http://127.0.0.1:4001/a"), refused("forbidden-address"));
  assert.throws(() => local.resolve("http://[::1]:4001/a"), refused("forbidden-address"));
  assert.throws(() => local.resolve("http://0xa9fea9fe/latest"), refused("forbidden-address"));
  const metadata = createRoutes({ url: "http://169.254.169.254", tarballHosts: [] });
  assert.throws(() => metadata.resolve("/latest"), refused("forbidden-address"));
});
