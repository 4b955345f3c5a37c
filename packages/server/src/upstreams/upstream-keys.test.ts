import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import seeds from "@sigstore/tuf/seeds.json" with { type: "json" };
import { toBase64 } from "@assay/core";
import { status as answer } from "@assay/testkit/lies";
import { createRegistrySigner, publishKeys } from "@assay/testkit/registry-signer";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { isError, openRoom } from "../../test/upstream-room.ts";
import { readPinnedKeys } from "./pinned-keys.ts";
import { seedKeys } from "./seed-keys.ts";

const at = "/-/npm/v1/keys";
const [one, two] = [createRegistrySigner(), createRegistrySigner()];

test("takes the keys that a registry publishes, asks for them once, and again after an hour", async (t) => {
  const { room, signing, upstream, clock } = await openRoom(t);
  publishKeys(upstream, one);
  const states = await Promise.all(Array.from({ length: 20 }, async () => room.keys.current("npm")));
  assert.deepEqual(new Set(states), new Set(["listed"]));
  assert.deepEqual(signing.ring.find("npm", one.key.keyid)?.publicKey, one.key.publicKey);
  await clock.advance(3_599_000);
  assert.equal(room.keys.current("npm"), "listed", "without a wait");
  assert.equal(upstream.count(at), 1);
  publishKeys(upstream, two);
  await clock.advance(1_000);
  assert.equal(room.keys.current("npm"), "listed", "what is known counts while it is brought up to date");
  await room.keys.again("npm");
  assert.equal(upstream.count(at), 2);
  assert.ok(signing.ring.find("npm", two.key.keyid));
  assert.equal(signing.ring.find("npm", one.key.keyid)?.end, "gone");
});

test("an unknown keyid makes it ask again, once a minute at most", async (t) => {
  const { room, upstream, clock } = await openRoom(t);
  publishKeys(upstream, one);
  await room.keys.current("npm");
  for (let i = 0; i < 5; i++) assert.equal(await room.keys.again("npm"), "listed");
  assert.equal(upstream.count(at), 1);
  await clock.advance(60_000);
  for (let i = 0; i < 5; i++) await room.keys.again("npm");
  assert.equal(upstream.count(at), 2);
});

test("a registry without the endpoint publishes none; one that fails or lies is not reached, and known keys stay", async (t) => {
  const answers: readonly [status: number, body: string, state: string][] = [
    [404, "{}", "none"],
    [400, "{}", "none"],
    [403, "no", "none"],
    [500, "{}", "unreachable"],
    [200, "<html>", "unreachable"],
    [
      200,
      '{"keys":[{"keyid":"x","keytype":"ecdsa-sha2-nistp256","scheme":"ecdsa-sha2-nistp256","key":"AA=="}]}',
      "unreachable",
    ],
    [200, `{"keys":[${"{},".repeat(2_000_000)}{}]}`, "unreachable"],
  ];
  for (const [status, body, state] of answers) {
    const { room, signing, upstream, clock } = await openRoom(t);
    upstream.lie(at, answer(status, {}, body));
    assert.equal(await room.keys.current("npm"), state, `${status} ${body.slice(0, 20)}`);
    assert.equal(signing.ring.list(["npm"]).length, 0);
    await signing.learn("npm", [one.key], { isWhole: true });
    await clock.advance(60_000);
    assert.equal(await room.keys.again("npm"), "listed");
    assert.equal(signing.ring.find("npm", one.key.keyid)?.end, undefined, "no list says nothing about it");
  }
});

test("a restart goes on with what is known while the registry is away", async (t) => {
  const { room, reopen, upstream, signing } = await openRoom(t);
  publishKeys(upstream, one);
  await room.keys.current("npm");
  upstream.lie(at, ({ response }) => void response.destroy());
  assert.equal(reopen().keys.current("npm"), "listed");
  assert.ok(signing.ring.find("npm", one.key.keyid));
});

test("pinned keys are the only ones: what the registry publishes is not asked for", async (t) => {
  const { room, signing, upstream } = await openRoom(t, { pinnedKeys: new Map([["npm", [one.key]]]) });
  publishKeys(upstream, two);
  assert.equal(await room.keys.current("npm"), "listed");
  assert.equal(upstream.count(at), 0);
  assert.deepEqual(
    signing.ring.list(["npm"]).map(({ keyid }) => keyid),
    [one.key.keyid],
  );
  assert.deepEqual(room.keys.context("npm").pinned, new Set([one.key.keyid]));
});

test("the keys of a registry that is not configured any more end, and stay listed", async (t) => {
  const { room, signing, upstream, clock } = await openRoom(t);
  publishKeys(upstream, one);
  await signing.learn("before", [two.key], { isWhole: true });
  const stop = new AbortController();
  const running = room.keys.run(stop.signal);
  await clock.untilSleepers(1);
  stop.abort();
  await running;
  assert.equal(signing.ring.find("before", two.key.keyid)?.expiresMs, clock.now());
  assert.equal(signing.ring.find("npm", one.key.keyid)?.expiresMs, undefined);
  assert.equal(signing.ring.find("hosted", signing.ring.list(["hosted"])[0]?.keyid ?? "")?.end, undefined);
});

test("Sigstore's seeds carry the keys of a registry by its host, with their ends", async () => {
  const targets = Object.values(seeds).flatMap(({ targets: files }) => Object.keys(files));
  const suffix = "/keys.json";
  const hosts = targets.map(decodeURIComponent).filter((name) => name.endsWith(suffix));
  assert.ok(hosts.length > 0);
  for (const host of hosts) {
    const keys = await seedKeys(`https://${host.slice(0, -suffix.length)}`);
    assert.ok(keys.length >= 2);
    assert.ok(keys.some(({ expiresMs }) => expiresMs !== undefined));
    assert.ok(keys.some(({ expiresMs }) => expiresMs === undefined));
    assert.deepEqual(await seedKeys(`https://${host.slice(0, -suffix.length)}/npm`), []);
  }
  assert.deepEqual(await seedKeys("https://registry.example.com"), []);
});

function temporaryFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "assay-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "keys.json");
  writeFileSync(path, text);
  return path;
}

test("keys are pinned in the configuration, as a list and as a file", async (t) => {
  const spki = toBase64(one.key.publicKey.spki);
  const named = createRegistrySigner({ keyid: "key-1", expiresMs: 5 });
  const keysFile = temporaryFile(t, JSON.stringify({ keys: [named.listed] }));
  const pinned = await readPinnedKeys([
    upstreamConfig({ name: "npm", url: "https://a.example", keys: [spki], keysFile }),
    upstreamConfig({ name: "other", url: "https://b.example" }),
  ]);
  assert.deepEqual([...pinned], [["npm", [one.key, named.key]]]);
});

test("a file of keys that cannot be used is refused by name", async (t) => {
  const refused = (keysFile: string, text: RegExp) =>
    assert.rejects(
      readPinnedKeys([upstreamConfig({ name: "npm", url: "https://a.example", keysFile })]),
      isError("CONFIG", text),
    );
  await refused("/nowhere/keys.json", /keysFile of upstream npm \(\/nowhere\/keys\.json\) cannot be read/);
  await refused(temporaryFile(t, '{"keys":[{}]}'), /holds no ECDSA P-256 key/);
  await refused(temporaryFile(t, '{"keys":[null]}'), /is refused: an entry is no object/);
});
