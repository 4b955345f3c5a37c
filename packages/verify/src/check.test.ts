import assert from "node:assert/strict";
import test from "node:test";
import { MisbehaviourError, encodeUtf8 } from "@assay/core";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { boundLog, check, disagreeingWorld, lockfileOf, otherSeed, sha256, some, unpinned } from "../test/checking.ts";
import { tinyWorld } from "../test/tiny-effects.ts";
import { trustLog, trustLogs, verifyLockfiles, type Lockfile } from "./index.ts";

test("verifies what the log binds, with one bundle and no lookup", async () => {
  const world = tinyWorld(await boundLog());
  const report = await check(world);
  assert.equal(report.ok, true);
  assert.deepEqual(
    report.verified.map(({ name }) => name),
    some.map(({ name }) => name),
  );
  assert.deepEqual(world.counts, { bundles: 1, lookups: 0, atOnce: 0, mostAtOnce: 0, pauses: 0 });
  assert.equal(report.checkpoints[0]?.consistency, "first");
  assert.equal(world.state.get(world.log.vkey), await world.log.checkpoint());
});

test("one changed character of one integrity is a mismatch, named with both digests", async () => {
  const world = tinyWorld(await boundLog());
  const [first, ...others] = some;
  assert.ok(first);
  const digit = first.integrity[20] === "A" ? "B" : "A";
  const changed = `${first.integrity.slice(0, 20)}${digit}${first.integrity.slice(21)}`;
  const lockfile = lockfileOf([{ ...first, integrity: changed }, ...others]);
  const report = await check(world, { lockfile });
  assert.equal(report.ok, false);
  assert.equal(report.verified.length, some.length - 1);
  assert.equal(report.mismatching[0]?.name, "p0");
  assert.equal(report.mismatching[0]?.integrity, changed);
  assert.equal(report.mismatching[0]?.bound, first.integrity);
});

test("the same package locked to two digests is verified once and mismatching once", async () => {
  const world = tinyWorld(await boundLog());
  const [first] = some;
  assert.ok(first);
  const report = await check(world, {
    lockfile: lockfileOf([first, { ...first, integrity: integrityOf("evil") }]),
  });
  assert.deepEqual([report.verified.length, report.mismatching.length], [1, 1]);
  assert.equal(report.ok, false);
});

test("a key of another log proves nothing", async () => {
  const world = tinyWorld(await boundLog());
  const stranger = await createTinyLog({ seed: otherSeed });
  const report = await check(world, { trust: [trustLog(stranger.vkey)] });
  assert.equal(report.ok, false);
  assert.deepEqual([report.verified.length, report.missing.length], [0, some.length]);
  assert.match(report.refused[0]?.reason ?? "", /no known key signed it/);
  assert.equal(world.counts.lookups, 0, "what is bound is not looked up again");
  assert.equal(world.state.size, 0);
});

test("a log under another name than the trusted one is refused by its name", async () => {
  const world = tinyWorld(await boundLog());
  const stranger = await createTinyLog({ origin: "other.example.com/log", seed: otherSeed });
  const report = await check(world, { trust: [trustLog(stranger.vkey)] });
  assert.match(report.refused[0]?.reason ?? "", /log\.example\.com\/-\/log\/npm-2026a is not trusted/);
  assert.match(report.missing[0]?.reason ?? "", /is not trusted/);
});

const tamperings: Readonly<Record<string, (bundle: string) => string>> = {
  "a record": (bundle) => bundle.replace("size 1234", "size 1235"),
  "an index": (bundle) => bundle.replace('{"index":300,', '{"index":299,'),
  "a proof hash": (bundle) =>
    bundle.replace(/"hashes":\["(.)/, (_, c: string) => `"hashes":["${c === "A" ? "B" : "A"}`),
  "one hash less": (bundle) => bundle.replace(/"hashes":\["[^"]+",/, '"hashes":['),
  "one hash more": (bundle) => bundle.replace('"hashes":[', `"hashes":["${"A".repeat(43)}=",`),
  "the size in the checkpoint": (bundle) => bundle.replace("\\n307\\n", "\\n308\\n"),
  "a record that is left out": (bundle) => bundle.replace(/\{"index":300,.*?"\},/, ""),
};

for (const [what, tamper] of Object.entries(tamperings)) {
  test(`refuses a bundle with ${what} tampered with`, async () => {
    const world = tinyWorld(await boundLog());
    world.tamper = (bundle) => {
      const changed = tamper(bundle);
      assert.notEqual(changed, bundle);
      return changed;
    };
    const report = await check(world);
    assert.equal(report.ok, false);
    assert.equal(report.verified.length, 0);
    assert.equal(report.refused.length, 1);
    assert.equal(world.state.size, 0, "nothing is remembered of it");
  });
}

test("a record of another package, well proven, does not stand in for the one asked for", async () => {
  const world = tinyWorld(await boundLog());
  const other = JSON.stringify(await world.log.bundle([{ name: "filler7", version: "1.0.0" }]));
  world.tamper = () => other;
  const [first] = some;
  assert.ok(first);
  const report = await check(world, { lockfile: lockfileOf([first]) });
  assert.equal(report.ok, false);
  assert.equal(report.missing.length, 1);
});

test("a record in another namespace is not the npm package of that name", async () => {
  const log = await createTinyLog({});
  const [first] = some;
  assert.ok(first);
  log.bind(first.name, first.version, first.integrity);
  const foreign = log.text(0).replace("\nns npm\n", "\nns org:acme\n");
  const renamed = await createTinyLog({});
  renamed.append(foreign);
  const report = await check(tinyWorld(renamed), { lockfile: lockfileOf([first]) });
  assert.equal(report.missing.length, 1);
});

test("looks up what is missing, 8 at a time, and replaces the bundle once", async () => {
  const log = await createTinyLog({});
  log.bind("p0", "1.0.0", integrityOf("p0"));
  const world = tinyWorld(log);
  const packages = Array.from({ length: 40 }, (_, i) => ({
    name: `p${i}`,
    version: "1.0.0",
    integrity: integrityOf(`p${i}`),
  }));
  for (const { name, version, integrity } of packages.slice(1, 39))
    world.catalogue.set(`${name}@${version}`, integrity);
  const seen: number[] = [];
  const {
    reports: [report],
  } = await verifyLockfiles(
    { sha256, effects: world.effects },
    {
      lockfiles: [lockfileOf(packages)],
      policy: trustLogs([trustLog(log.vkey)]),
      bundle: undefined,
      isOffline: false,
      registry: "https://registry.example.com",
      onProgress: ({ done, total }) => {
        assert.equal(total, 39);
        seen.push(done);
      },
    },
  );
  assert.ok(report);
  assert.equal(report.verified.length, 39);
  assert.deepEqual(
    report.missing.map(({ name, reason }) => [name, reason]),
    [["p39", "it was not found"]],
  );
  assert.deepEqual(
    seen,
    Array.from({ length: 39 }, (_, i) => i + 1),
  );
  assert.deepEqual(world.counts, { bundles: 2, lookups: 39, atOnce: 0, mostAtOnce: 8, pauses: 0 });
  assert.equal(report.checkpoints[0]?.consistency, "extends");
});

test("a lookup that binds other bytes than the lockfile has ends in a mismatch", async () => {
  const log = await createTinyLog({});
  const world = tinyWorld(log);
  world.catalogue.set("p0@1.0.0", integrityOf("other bytes"));
  const report = await check(world);
  assert.equal(report.mismatching.length, 1);
});

test("a log that binds one version twice has misbehaved, even to the same bytes", async () => {
  const log = await createTinyLog({});
  const [first] = some;
  assert.ok(first);
  log.bind(first.name, first.version, integrityOf("earlier"));
  log.bind("filler", "1.0.0", integrityOf("filler"));
  log.bind(first.name, first.version, first.integrity);
  const world = tinyWorld(log);
  const both = await bundleOf(log, [0, 2]);
  world.tamper = () => both;
  await assert.rejects(
    check(world, { lockfile: lockfileOf([first]) }),
    (error) =>
      error instanceof MisbehaviourError &&
      /twice, at 0 and 2/.test(error.message) &&
      error.evidence["bundle"] === both,
  );
});

/** A bundle over chosen entries of a log of three. */
async function bundleOf(log: TinyLog, indexes: readonly [0, 2]): Promise<string> {
  const leaf = sha256(Uint8Array.of(0, ...encodeUtf8(log.text(1))));
  return JSON.stringify({
    format: "assay-bundle/v1",
    bundles: [
      {
        origin: log.origin,
        checkpoint: await log.checkpoint(),
        records: indexes.map((index) => ({ index, text: log.text(index) })),
        hashes: [Buffer.from(leaf).toString("base64")],
      },
    ],
    missing: [],
  });
}

test("when two trusted logs disagree, the one that says otherwise decides", async () => {
  const { world, trust, second } = await disagreeingWorld();
  const report = await check(world, { lockfile: lockfileOf(some.slice(0, 1)), trust });
  assert.equal(report.mismatching[0]?.origin, second.origin);
});

test("a saved bundle is enough without a network, and a forged one is not", async () => {
  const online = tinyWorld(await boundLog());
  const { bundle } = await check(online);
  assert.ok(bundle);
  const offline = tinyWorld(await createTinyLog({}));
  const report = await check(offline, { offlineBundle: bundle });
  assert.equal(report.ok, true);
  assert.deepEqual(offline.counts, { bundles: 0, lookups: 0, atOnce: 0, mostAtOnce: 0, pauses: 0 });

  online.log.bind("later", "1.0.0", integrityOf("later"));
  offline.state.set(online.log.vkey, await online.log.checkpoint());
  const later = await check(offline, { offlineBundle: bundle });
  assert.equal(later.checkpoints[0]?.consistency, "not-compared");

  const forged = encodeUtf8(new TextDecoder().decode(bundle).replace("size 1234", "size 1"));
  assert.equal((await check(offline, { offlineBundle: forged })).ok, false);

  const lockfile = lockfileOf([...some, { name: "new", version: "1.0.0", integrity: integrityOf("n") }]);
  const partly = await check(offline, { offlineBundle: bundle, lockfile });
  assert.deepEqual(
    partly.missing.map(({ name, reason }) => [name, reason]),
    [["new", "it is not in the bundle"]],
  );
});

test("what cannot be verified fails the check until it is allowed by name", async () => {
  const world = tinyWorld(await boundLog());
  const lockfile: Lockfile = {
    ...lockfileOf(some),
    unverifiable: [{ name: "tool", version: "", path: "node_modules/tool", reason: "git" }],
  };
  assert.equal((await check(world, { lockfile })).ok, false);
  const allowed = await check(world, { lockfile, allow: ["tool"] });
  assert.equal(allowed.ok, true);
  assert.equal(allowed.unverifiable[0]?.allowed, true);
});

test("a lockfile without registry packages asks nobody", async () => {
  const world = tinyWorld(await createTinyLog({}));
  const report = await check(world, { lockfile: lockfileOf([]) });
  assert.equal(report.ok, true);
  assert.equal(world.counts.bundles, 0);
});

test("what the lockfile does not pin passes through the record, once that category is accepted", async () => {
  const world = tinyWorld(await boundLog());
  const refused = await check(world, { lockfile: unpinned() });
  assert.deepEqual([refused.ok, refused.throughRecord.length, refused.verified.length], [false, 1, 0]);
  assert.equal(refused.throughRecord[0]?.bound, some[0]?.integrity);
  assert.deepEqual(
    [refused.throughRecord[0]?.authentic, refused.throughRecord[0]?.vetted],
    ["record", "not-vetted-here"],
  );
  assert.equal((await check(world, { lockfile: unpinned(), accept: ["through-record"] })).ok, true);
});

test("what is neither pinned nor in the log is missing, whatever is accepted", async () => {
  const report = await check(tinyWorld(await createTinyLog({})), { lockfile: unpinned(), accept: ["through-record"] });
  assert.deepEqual([report.ok, report.missing.length, report.throughRecord.length], [false, 1, 0]);
  assert.equal(report.missing[0]?.integrity, undefined);
});

test("an unpinned package from another place than the registry is unverifiable, bound or not", async () => {
  const world = tinyWorld(await boundLog());
  const accept = ["through-record"] as const;
  const elsewhere = unpinned("https://registry.example.com.evil.example/p0.tgz");
  const report = await check(world, { lockfile: elsewhere, accept });
  assert.deepEqual([report.ok, report.unverifiable[0]?.reason], [false, "foreign-archive"]);
  const here = unpinned("https://registry.example.com/p0/-/p0-1.0.0.tgz");
  assert.equal((await check(world, { lockfile: here, accept })).ok, true);
});

test("unpinned, and two trusted logs bind different bytes: neither is believed", async () => {
  const { world, trust } = await disagreeingWorld();
  const report = await check(world, { lockfile: unpinned(), trust, accept: ["through-record"] });
  assert.equal(report.ok, false);
  assert.match(report.missing[0]?.reason ?? "", /the trusted logs bind different bytes/);
});

test("a package of another registry is allowed by name or scope, and then not looked up here", async () => {
  const world = tinyWorld(await boundLog());
  const foreign = [
    { name: "@corp/secret", version: "1.0.0", integrity: integrityOf("secret") },
    { name: "internal", version: "1.0.0", integrity: integrityOf("internal") },
  ];
  const lockfile = lockfileOf([...some, ...foreign]);
  for (const allow of [[], ["@corp/*"], ["internal"], ["@cor/*", "secret"], ["corp/*"]]) {
    assert.equal((await check(world, { lockfile, allow })).ok, false, allow.join(" "));
  }
  world.counts.lookups = 0;
  const report = await check(world, { lockfile, allow: ["@corp/*", "internal"] });
  assert.deepEqual(
    [report.ok, report.missing.map(({ allowed }) => allowed), world.counts.lookups],
    [true, [true, true], 0],
  );
  assert.equal(report.missing[0]?.reason, "no trusted log has it");
});

test("what is allowed to be in no log is a mismatch all the same when a log has other bytes", async () => {
  const world = tinyWorld(await boundLog());
  const [first] = some;
  assert.ok(first);
  const lockfile = lockfileOf([{ ...first, integrity: integrityOf("evil") }]);
  const report = await check(world, { lockfile, allow: [first.name] });
  assert.deepEqual([report.ok, report.mismatching.length], [false, 1]);
});

test("a log that speaks of a package and proves nothing is not what was allowed", async () => {
  const world = tinyWorld(await boundLog());
  world.tamper = (bundle) => bundle.replaceAll("size 1234", "size 1235");
  const [first] = some;
  assert.ok(first);
  const report = await check(world, { lockfile: lockfileOf([first]), allow: [first.name] });
  assert.deepEqual([report.ok, report.missing[0]?.allowed], [false, false]);
});
