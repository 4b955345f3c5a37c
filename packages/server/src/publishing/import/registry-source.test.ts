import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { isAssayError, parseNamePattern, parsePackageName } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createUpstreamClient } from "../../platform/network/client.ts";
import { systemResolve } from "../../platform/network/dispatchers.ts";
import { directSettings } from "../../platform/network/settings.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { createRegistrySource } from "./registry-source.ts";
import type { ImportSource, SourceVersion } from "./source.ts";

type Answer = { readonly status?: number; readonly body: unknown };

/** A registry below a path, as many are, that answers as told; what it was asked is in `asked`. */
async function registry(
  t: TestContext,
  answer: (path: string, query: URLSearchParams) => Answer,
): Promise<{ readonly source: ImportSource; readonly asked: string[]; readonly origin: string }> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://any");
    asked.push(`${pathname} ${request.headers.authorization}`);
    const { status = 200, body } = answer(pathname.replace(/^\/npm/, ""), searchParams);
    response.statusCode = status;
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${origin}/npm`;
  const client = createUpstreamClient(
    { clock: createSystemClock(), random: createSeededRandom(1), settings: directSettings, resolve: systemResolve },
    { url, tarballHosts: [], timeouts: { connectMs: 2000, headersMs: 2000, bodyIdleMs: 2000 } },
    { authorization: "Bearer secret", certificate: undefined },
  );
  t.after(async () => {
    await client[Symbol.asyncDispose]();
    server.close();
  });
  const limits = { packumentBytes: 1024 * 1024, tarballBytes: 1024 * 1024 };
  return { source: createRegistrySource({ url, client, isKnown: true, limits }), asked, origin };
}

const names = (source: ImportSource, ...patterns: readonly string[]) => source.names(patterns.map(parseNamePattern));
const found = (all: readonly string[]): Answer => ({ body: { objects: all.map((name) => ({ package: { name } })) } });

test("patterns are found by search, page after page, and by the list of the scope; nothing else comes", async (t) => {
  const all = Array.from({ length: 260 }, (_, index) => `@acme/p${index}`);
  const { source, asked } = await registry(t, (path, query) => {
    if (path === "/-/v1/search") {
      const from = Number(query.get("from"));
      return found([...all, "@other/x", "../evil"].slice(from, from + Number(query.get("size"))));
    }
    return path === "/-/org/acme/package" ? { body: { "@acme/hidden": "write" } } : { status: 404, body: {} };
  });
  const listed = await names(source, "@acme/*", "left-pad");
  assert.deepEqual(listed, [...all, "@acme/hidden", "left-pad"].sort());
  assert.ok(asked.every((each) => each.endsWith("Bearer secret")));
});

test("a search that repeats itself ends; one that is not there leaves the old list of everything", async (t) => {
  const same = await registry(t, (path) =>
    path === "/-/v1/search"
      ? found(Array.from({ length: 250 }, (_, index) => `@acme/p${index}`))
      : { status: 404, body: {} },
  );
  assert.equal((await names(same.source, "@acme/*")).length, 250);
  const old = await registry(t, (path) =>
    path === "/-/all" ? { body: { _updated: 1, "acme-a": {}, other: {} } } : { status: 404, body: {} },
  );
  assert.deepEqual(await names(old.source, "acme-*"), ["acme-a"]);
});

test("what lists nothing, and no pattern at all, is wrong use with what to do", async (t) => {
  const { source } = await registry(t, () => ({ status: 404, body: {} }));
  await assert.rejects(names(source, "@acme/*"), /lists no package @acme\/\* to who has this token.*one by one/);
  await assert.rejects(names(source), /--names/);
});

test("attestations are asked for where a version says that there are some, below the registry's own address", async (t) => {
  const { source, asked } = await registry(t, (path) => {
    if (path === "/@acme%2fui")
      return {
        body: {
          maintainers: [{ name: "ada" }],
          versions: {
            "1.0.0": { dist: { attestations: { url: "http://evil.example/x", provenance: {} } } },
            "1.1.0": { dist: {}, maintainers: [{ name: "bob" }] },
            "1.2.0": { dist: { attestations: {} } },
          },
        },
      };
    if (path === "/-/npm/v1/attestations/@acme%2fui@1.0.0")
      return { body: { attestations: [{ predicateType: "x", bundle: { mediaType: "m" } }, { bundle: 5 }, null] } };
    return path.endsWith("1.2.0") ? { status: 500, body: {} } : { status: 404, body: {} };
  });
  const name = parsePackageName("@acme/ui");
  const [first, second, third] = (await source.read(name)).versions;
  assert.ok(first && second && third);
  assert.deepEqual([first.maintainers, second.maintainers], [["ada"], ["bob"]]);
  assert.deepEqual(await source.attestations(name, first), [{ mediaType: "m" }]);
  const before = asked.length;
  assert.deepEqual(await source.attestations(name, second), []);
  assert.equal(asked.length, before);
  await assert.rejects(source.attestations(name, third), { code: "UPSTREAM_BAD_ANSWER" });
});

test("a package is read strictly; who may not read it hears of a token", async (t) => {
  const { source } = await registry(t, (path) => {
    if (path === "/twice") return { body: '{"name":"twice","name":"other"}' };
    if (path === "/secret") return { status: 403, body: {} };
    if (path === "/ill") return { status: 500, body: {} };
    if (path !== "/@acme%2fui") return { status: 404, body: {} };
    return {
      body: {
        "dist-tags": { latest: "1.1.0", odd: 5 },
        time: { "1.1.0": "2020-01-02T00:00:00.000Z", "1.0.0": "2020-01-03T00:00:00.000Z" },
        readme: "# ui",
        versions: {
          "1.0.0": {
            _npmUser: { name: "ada", email: "ada@example.com" },
            deprecated: "old",
            dist: { shasum: "A".repeat(40) },
          },
          "1.1.0": { dist: { integrity: "md5-x" } },
          "a/b": {},
          "2.0.0": "nothing",
        },
      },
    };
  });
  const read = await source.read(parsePackageName("@acme/ui"));
  assert.deepEqual(
    read.versions.map(({ version }) => version),
    ["1.1.0", "1.0.0"],
  );
  const [newest, oldest] = read.versions;
  assert.deepEqual(
    [newest?.integrity, newest?.sha1, newest?.readme, newest?.deprecated],
    [undefined, undefined, "# ui", null],
  );
  assert.deepEqual(
    [oldest?.publisher, oldest?.deprecated, oldest?.sha1, oldest?.readme],
    ["ada", "old", "a".repeat(40), undefined],
  );
  assert.deepEqual(
    read.unreadable.map(({ version }) => version),
    ["a/b", "2.0.0"],
  );
  assert.deepEqual([...read.tags], [["latest", "1.1.0"]]);
  await assert.rejects(source.read(parsePackageName("twice")), /has the member \/name twice/);
  await assert.rejects(source.read(parsePackageName("secret")), (error) => isAssayError(error, "UNAUTHORIZED"));
  await assert.rejects(source.read(parsePackageName("ill")), (error) => isAssayError(error, "UPSTREAM_BAD_ANSWER"));
  await assert.rejects(source.read(parsePackageName("none")), (error) => isAssayError(error, "NOT_FOUND"));
});

test("a tarball comes from the registry itself, wherever its packument says that it lies", async (t) => {
  const { source, asked, origin } = await registry(t, (path) =>
    path.endsWith(".tgz") && !path.includes("gone") ? { body: `bytes of ${path}` } : { status: 404, body: {} },
  );
  const name = parsePackageName("@acme/ui");
  const at = async (tarball: string | undefined, version = "1.0.0") =>
    text((await source.tarball(name, { version, tarball } as SourceVersion)) as never);
  assert.equal(await at(`${origin}/npm/files/ui.tgz`), "bytes of /files/ui.tgz");
  assert.equal(await at("http://inside.example.com/npm/x.tgz"), "bytes of /@acme/ui/-/ui-1.0.0.tgz");
  assert.equal(await at(`${origin.replace("http:", "https:")}/npm/files/tls.tgz`), "bytes of /files/tls.tgz");
  assert.equal(await at(undefined), "bytes of /@acme/ui/-/ui-1.0.0.tgz");
  await assert.rejects(at(`${origin}/npm/gone.tgz`), /at 127\.0\.0\.1:\d+ \(it answers 404\)/);
  assert.equal(asked.length, 5);
});
