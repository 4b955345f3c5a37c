import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  encodeUtf8,
  isAssayError,
  parsePackageName,
  parsePolicy,
  parseVersion,
  proveInclusion,
  verifyInclusion,
} from "@assay/core";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { boundLog, otherSeed, sha256 } from "../../test/checking.ts";
import { follow, followWorld, type FollowWorld } from "../../test/follow-world.ts";
import {
  checkEvidence,
  evidenceIn,
  parseEvidence,
  parseLookup,
  successorIn,
  type Follower,
  type ProvenTree,
  type FollowPolicy,
} from "../index.ts";

const p0 = { name: parsePackageName("p0"), version: parseVersion("1.0.0") };
const late = { name: parsePackageName("late"), version: parseVersion("1.0.0") };

const [one, two, three] = await Promise.all(
  ["one", "two", "three"].map(async (name, i) => await createTinyWitness(`${name}.example.com/w`, `1${i}`.repeat(32))),
);
assert.ok(one && two && three);
const twoOfThree: FollowPolicy = {
  witnesses: parsePolicy(
    `witness one ${one.vkey}\nwitness two ${two.vkey}\nwitness three ${three.vkey}\ngroup any2 2 one two three\nquorum any2\n`,
  ),
  maxAgeSeconds: 600,
};

/** The refusal or misbehaviour must carry evidence that holds for a second party. */
async function refusesWith(
  work: Promise<unknown>,
  kind: string,
  sentence: RegExp,
  options: { readonly convicts?: boolean } = {},
): Promise<void> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof Error);
  assert.match(error.message, sentence);
  const evidence = evidenceIn(error);
  assert.ok(evidence, error.message);
  assert.equal(evidence["kind"], kind);
  const carried = parseEvidence(encodeUtf8(JSON.stringify(evidence)));
  const verdict = await checkEvidence({ sha256 }, carried);
  assert.deepEqual(verdict, { holds: true, convicts: options.convicts ?? false, kind });
}

async function grow(log: TinyLog, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) log.bind(`more${log.size()}`, "1.0.0", integrityOf(String(log.size())));
}

async function updated(world: FollowWorld): Promise<{ follower: Follower; tree: ProvenTree }> {
  const follower = follow(world);
  return { follower, tree: await follower.update() };
}

test("reads every record of a log in order, and only authentic tiles are kept", async () => {
  const world = followWorld(await boundLog(1_500));
  const { tree } = await updated(world);
  const texts: string[] = [];
  for await (const { index, text } of tree.readRecords(0, tree.signed.checkpoint.size)) {
    assert.equal(index, texts.length);
    texts.push(text);
  }
  assert.deepEqual(
    texts,
    Array.from({ length: world.log.size() }, (_, i) => world.log.text(i)),
  );
  assert.deepEqual([...world.tiles.keys()].filter((path) => !path.startsWith("tile/entries/")).sort(), [
    "tile/0/000",
    "tile/0/001",
    "tile/0/002",
    "tile/0/003",
    "tile/0/004",
    "tile/0/005.p/227",
    "tile/1/000.p/5",
  ]);
  for (const [path, bytes] of world.tiles) assert.deepEqual(bytes, world.log.tile(path));
});

test("a part of the records is read without the rest", async () => {
  const world = followWorld(await boundLog(1_500));
  const { tree } = await updated(world);
  const indexes: number[] = [];
  for await (const { index } of tree.readRecords(510, 515)) indexes.push(index);
  assert.deepEqual(indexes, [510, 511, 512, 513, 514]);
  assert.deepEqual(
    world.requests.filter((path) => path.startsWith("tile/entries/")),
    ["tile/entries/001", "tile/entries/002"],
  );
});

test("a record that is read has a proof that a second party can check", async () => {
  const world = followWorld(await boundLog(700));
  const { tree } = await updated(world);
  const { size, root } = tree.signed.checkpoint;
  const { text, record } = await tree.readRecord(703);
  assert.equal(record.kind, "bind");
  const leafHash = await tree.leafHash(703);
  const proof = await proveInclusion(sha256, size, 703, tree.hashes);
  assert.ok(verifyInclusion(sha256, { size, root, index: 703, leafHash, proof }));
  assert.equal(text, world.log.text(703));
  await assert.rejects(tree.readRecord(707), (error) => isAssayError(error, "NOT_FOUND"));
});

test("looks up what is bound and what is bound by asking; another follower of the same state goes on from there", async () => {
  const world = followWorld(await boundLog());
  const follower = follow(world);
  const found = await follower.lookup(p0.name, p0.version);
  assert.ok("record" in found);
  assert.equal(found.record.integrity, integrityOf("p0"));
  world.catalogue.set("late@1.0.0", integrityOf("late"));
  const fresh = await follower.lookup(late.name, late.version);
  assert.ok("record" in fresh);
  assert.equal(fresh.index, 307);
  assert.deepEqual(await follower.lookup(late.name, parseVersion("2.0.0")), {
    status: 404,
    reason: "it was not found",
  });
  const other = await follow(world).newest();
  assert.equal(other?.signed.note, await world.log.checkpoint());
});

test("many lookups at once end with the newest tree and one merge of each size at most", async () => {
  const world = followWorld(await boundLog());
  const names = Array.from({ length: 60 }, (_, i) => parsePackageName(`many${i}`));
  for (const name of names) world.catalogue.set(`${name}@1.0.0`, integrityOf(name));
  const follower = follow(world);
  const found = await Promise.all(names.map(async (name) => await follower.lookup(name, parseVersion("1.0.0"))));
  assert.ok(found.every((each) => "record" in each));
  assert.equal((await follower.newest())?.signed.checkpoint.size, 307 + 60);
});

test("a partial tile that is gone is taken from the full one", async () => {
  const world = followWorld(await boundLog(100));
  await grow(world.log, 150);
  const old = await world.log.checkpoint();
  const { follower } = await updated(world);
  await grow(world.log, 100);
  world.state.clear();
  world.tiles.clear();
  world.tamperTile = (tile, path) => (path === "tile/0/000.p/257" ? undefined : tile);
  const behind = follow(world);
  assert.equal(await behind.hold(old), "first");
  assert.equal((await behind.update()).signed.checkpoint.size, 357);
  assert.equal(await follower.hold(old), "older");
});

test("a damaged cache is fetched anew, not believed", async () => {
  const world = followWorld(await boundLog(700));
  const { tree } = await updated(world);
  await tree.readRecord(10);
  for (const bytes of world.tiles.values()) bytes[33] = (bytes[33] ?? 0) ^ 1;
  const again = await follow(world).newest();
  assert.equal((await again?.readRecord(10))?.text, world.log.text(10));
  assert.ok([...world.tiles].every(([path, bytes]) => Buffer.from(bytes).equals(world.log.tile(path) ?? bytes)));
});

test("refuses a checkpoint that the pinned key did not sign", async () => {
  const world = followWorld(await boundLog());
  const stranger = await createTinyLog({ seed: otherSeed });
  stranger.bind("p0", "1.0.0", integrityOf("evil"));
  const follower = follow(world);
  world.log = stranger;
  await refusesWith(
    follower.update(),
    "wrong-signature",
    /is refused: a signed note is no good: no known key signed it/,
  );
  assert.equal(world.state.size, 0);
});

test("refuses a checkpoint of another origin under the same key, and one with extension lines", async () => {
  const world = followWorld(await boundLog());
  const follower = follow(world);
  world.tamperCheckpoint = (note) => note.replace("\n307\n", "\n308\n");
  await refusesWith(follower.update(), "wrong-signature", /the signature by .* is wrong/);
});

for (const [what, own, other] of [
  ["grew", 20, 90],
  ["is smaller", 90, 20],
  ["is as large", 30, 30],
] as const) {
  test(`a fork that ${what} is misbehaviour that convicts the key`, async () => {
    const log = await boundLog();
    const fork = log.fork(200);
    await grow(log, own);
    for (let i = 0; fork.size() < 307 + other; i += 1) fork.bind(`fork${i}`, "1.0.0", integrityOf(`fork${i}`));
    const world = followWorld(log);
    const { follower, tree } = await updated(world);
    // What a mirror or a reader of everything has; without it a smaller fork is refused as a rollback, see below.
    for await (const record of tree.readRecords(0, tree.signed.checkpoint.size)) assert.ok(record);
    const before = new Map(world.state);
    world.log = fork;
    await refusesWith(follower.update(), "fork", /signed two histories that exclude each other/, { convicts: true });
    await refusesWith(follow(world).update(), "fork", /signed two histories/, { convicts: true });
    assert.deepEqual(world.state, before);
  });
}

test("a rolled-back log is refused, after caches had time to catch up, with both checkpoints", async () => {
  const world = followWorld(await boundLog());
  const old = world.log.fork(250);
  const { follower } = await updated(world);
  world.log = old;
  await refusesWith(follower.update(), "rolled-back", /a tree of 250 entries although it signed one of 307 before/);
  assert.equal(world.requests.filter((each) => each === "sleep").length, 5);
  // It grew again, with other entries, and serves no tile of what it had signed: nothing proves the fork.
  old.bind("other", "1.0.0", integrityOf("other"));
  world.tiles.clear();
  await refusesWith(
    follow(world).update(),
    "rolled-back",
    /251 entries although it signed one of 307 before, and does not prove/,
  );
  assert.equal((await follower.newest())?.signed.checkpoint.size, 307);
});

test("a cache that lags for a moment is no rollback", async () => {
  const world = followWorld(await boundLog());
  const newest = world.log;
  const { follower } = await updated(world);
  world.log = newest.fork(250);
  world.effects.sleep = async () => {
    world.log = newest;
  };
  assert.equal((await follower.update()).signed.checkpoint.size, 307);
});

test("an unwitnessed checkpoint is refused, in an update and in a lookup, and nothing is remembered", async () => {
  const world = followWorld(await boundLog());
  const follower = follow(world, twoOfThree);
  const now = world.nowSeconds;
  await refusesWith(follower.update(), "unwitnessed", /needs 2 of one, two, three; cosigned by nobody/);
  world.tamperCheckpoint = (note) => one.cosign(note, now);
  await refusesWith(follower.update(), "unwitnessed", /307 entries does not satisfy.*cosigned by one/);
  await refusesWith(follower.lookup(p0.name, p0.version), "unwitnessed", /cosigned by nobody/);
  const stranger = await createTinyWitness("two.example.com/w", "77".repeat(32));
  world.tamperCheckpoint = async (note) => await stranger.cosign(await one.cosign(note, now), now);
  await refusesWith(follower.update(), "unwitnessed", /cosigned by one$|cosigned by one\./);
  const forged = (await two.cosign(await createTinyLog({}).then(async (log) => await log.checkpoint()), now)).split(
    "\n",
  );
  world.tamperCheckpoint = async (note) => `${await one.cosign(note, now)}${forged.at(-2)}\n`;
  await refusesWith(follower.update(), "unwitnessed", /the signature by two\.example\.com.* is wrong/);
  assert.equal(world.state.size, 0);
  world.tamperCheckpoint = async (note) => await two.cosign(await one.cosign(note, now), now);
  assert.equal((await follower.update()).signed.checkpoint.size, 307);
});

test("a stalled log is refused: by its witnesses' clocks its newest checkpoint is too old", async () => {
  const world = followWorld(await boundLog());
  const signedAt = world.nowSeconds;
  // The third is ahead: alone it is no quorum, so its time does not count.
  const witnessed = async (note: string): Promise<string> =>
    await three.cosign(await two.cosign(await one.cosign(note, signedAt), signedAt + 10), signedAt + 10_000);
  world.tamperCheckpoint = witnessed;
  world.tamperLookup = async (body) => {
    const at = body.indexOf("\n\n") + 2;
    return `${body.slice(0, at)}${await witnessed(body.slice(at))}`;
  };
  const follower = follow(world, twoOfThree);
  await follower.update();
  world.nowSeconds += 610;
  await follower.update();
  world.nowSeconds += 1;
  await refusesWith(follower.update(), "stalled", /an age of 601 s by its witnesses' clocks, and at most 600 s/);
  await refusesWith(follower.lookup(p0.name, p0.version), "stalled", /601 s/);
  // An idle log whose witnesses still look at it is not stalled.
  const later = world.nowSeconds;
  world.tamperCheckpoint = async (note) => await two.cosign(await one.cosign(note, later), later);
  await follower.update();
  assert.ok("record" in (await follower.lookup(p0.name, p0.version)));
});

test("a shard that has ended is not stalled, and nothing is asked of it any more", async () => {
  const world = followWorld(await boundLog());
  const signedAt = world.nowSeconds;
  const next = await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: otherSeed });
  world.tamperCheckpoint = async (note) => await two.cosign(await one.cosign(note, signedAt), signedAt);
  const follower = follow(world, twoOfThree);
  await follower.update();
  world.nowSeconds += 601;
  await refusesWith(follower.update(), "stalled", /601 s/);
  world.log.end(next);
  const tree = await follower.update();
  assert.equal((await successorIn(tree))?.origin, next.origin);
  world.requests.length = 0;
  assert.equal((await follower.fresh()).signed.note, tree.signed.note);
  assert.deepEqual(world.requests, []);
});

test("where its entries cannot be had, an end is not seen", async () => {
  const world = followWorld(await boundLog());
  const signedAt = world.nowSeconds;
  world.log.end(await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: otherSeed }));
  world.tamperCheckpoint = async (note) => await two.cosign(await one.cosign(note, signedAt), signedAt);
  world.tamperTile = (tile, path) => (path.startsWith("tile/entries/") ? undefined : tile);
  world.nowSeconds += 601;
  await refusesWith(follow(world, twoOfThree).update(), "stalled", /601 s/);
});

const tileLies: Readonly<Record<string, { path: RegExp; lie: (tile: Uint8Array) => Uint8Array; sentence: RegExp }>> = {
  "a wrong tile at the right edge": {
    path: /^tile\/1\/000\.p/,
    lie: flip,
    sentence: /right edge do not fold to the signed root/,
  },
  "a wrong full tile": { path: /^tile\/0\/001$/, lie: flip, sentence: /tile\/0\/001 does not lead to the signed root/ },
  "a short tile": {
    path: /^tile\/0\/001$/,
    lie: (tile) => tile.subarray(0, 8_000),
    sentence: /tile\/0\/001 has 8000 bytes, not 8192/,
  },
  "a wrong entry": {
    path: /^tile\/entries\/001$/,
    lie: flip,
    sentence: /entry 256 is not the one that its tree holds/,
  },
  "a bundle that lacks its last entry": {
    path: /^tile\/entries\/001$/,
    lie: (tile) => tile.subarray(0, tile.lastIndexOf(1, tile.length - 300) - 1),
    sentence: /tile\/entries\/001 (?:has|is malformed)/,
  },
};

function flip(tile: Uint8Array): Uint8Array {
  return tile.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
}

for (const [what, { path, lie, sentence }] of Object.entries(tileLies)) {
  test(`refuses ${what}, keeps none of it, and recovers when the truth is served`, async () => {
    const world = followWorld(await boundLog(1_000));
    let lying = true;
    world.tamperTile = (tile, at) => (lying && path.test(at) ? lie(tile) : tile);
    const follower = follow(world);
    const reading = async (): Promise<string> => (await (await follower.update()).readRecord(300)).text;
    await refusesWith(reading(), "wrong-tile", sentence);
    assert.ok([...world.tiles.keys()].every((at) => !path.test(at)));
    lying = false;
    assert.equal(await reading(), world.log.text(300));
  });
}

const lookupLies: Readonly<Record<string, { lie: (body: string, world: FollowWorld) => string; sentence: RegExp }>> = {
  "a record of another package": {
    lie: (body, { log }) => body.replace(/^\d+\n[^]*?\n\n/, `7\n${log.text(7)}\n`),
    sentence: /asked for p0@1\.0\.0, it answers the record of filler7@1\.0\.0/,
  },
  "a wrong index": {
    lie: (body) => body.replace(/^\d+/, "299"),
    sentence: /the record in its answer is not entry 299 of its tree/,
  },
  "an index outside the tree": {
    lie: (body) => body.replace(/^\d+/, "307"),
    sentence: /its answer says entry 307 of a tree of 307/,
  },
  "a changed record": {
    lie: (body) => body.replace("\nsize 1234\n", "\nsize 1235\n"),
    sentence: /the record in its answer is not entry 300/,
  },
  "something that is no answer": { lie: () => "<html></html>", sentence: /its answer is malformed: its first line/ },
};

for (const [what, { lie, sentence }] of Object.entries(lookupLies)) {
  test(`refuses a lookup that answers ${what}`, async () => {
    const world = followWorld(await boundLog());
    world.tamperLookup = (body) => {
      const changed = lie(body, world);
      assert.notEqual(changed, body);
      return changed;
    };
    await refusesWith(follow(world).lookup(p0.name, p0.version), "wrong-answer", sentence);
  });
}

test("a lookup's answer survives writing and reading, and any other text is refused, not a crash", () => {
  const text = fc.stringMatching(/^(?:[a-z]+ [^\n]+\n){1,5}$/).filter((each) => each.isWellFormed());
  fc.assert(
    fc.property(fc.maxSafeNat(), text, fc.string(), (index, record, note) => {
      assert.deepEqual(parseLookup(`${index}\n${record}\n${note}`), { index, text: record, note });
    }),
  );
  fc.assert(
    fc.property(fc.string(), (body) => {
      try {
        parseLookup(body);
      } catch (error) {
        assert.ok(isAssayError(error, "BAD_FORMAT"));
      }
    }),
  );
});
