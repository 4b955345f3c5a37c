import assert from "node:assert/strict";
import test from "node:test";
import { MisbehaviourError, encodeUtf8, isAssayError, parseFork } from "@assay/core";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { boundLog, check, lockfileOf, some } from "../../test/checking.ts";
import { tinyWorld, type TinyWorld } from "../../test/tiny-effects.ts";

test("a checkpoint that extends the last one is proven and kept; one of the same size is the same", async () => {
  const world = tinyWorld(await boundLog(700));
  await check(world);
  for (let i = 0; i < 600; i += 1) world.log.bind(`later${i}`, "1.0.0", integrityOf(`later${i}`));
  assert.equal((await check(world)).checkpoints[0]?.consistency, "extends");
  assert.equal((await check(world)).checkpoints[0]?.consistency, "same");
  assert.equal(world.state.get(world.log.vkey), await world.log.checkpoint());
});

test("an older checkpoint of the same history is asked for again, then refused with both checkpoints", async () => {
  const world = tinyWorld(await boundLog());
  const old = JSON.stringify(await world.log.bundle(some));
  world.log.bind("later", "1.0.0", integrityOf("later"));
  const newest = await world.log.checkpoint();
  world.state.set(world.log.vkey, newest);
  world.tamper = () => old;
  await assert.rejects(check(world), (error) => {
    assert.ok(isAssayError(error, "LOG_REFUSED"));
    assert.deepEqual([error.details.kind, error.details.evidence["newest"]], ["rolled-back", newest]);
    return /signed one of 308 before/.test(error.message);
  });
  assert.equal(world.counts.pauses, world.counts.bundles - 1);
  assert.ok(world.counts.pauses >= 5);
  assert.equal(world.state.get(world.log.vkey), newest);
});

test("a server that lags for a moment is no rollback", async () => {
  const world = tinyWorld(await boundLog());
  const old = JSON.stringify(await world.log.bundle(some));
  world.log.bind("later", "1.0.0", integrityOf("later"));
  world.state.set(world.log.vkey, await world.log.checkpoint());
  let answers = 0;
  world.tamper = (bundle) => (++answers <= 2 ? old : bundle);
  assert.equal((await check(world)).ok, true);
  assert.equal(world.counts.pauses, 2);
});

test("a saved bundle is of an older tree by nature: that is proven and said, and never replaces the newest", async () => {
  const world = tinyWorld(await boundLog());
  const { bundle } = await check(world);
  world.log.bind("later", "1.0.0", integrityOf("later"));
  const newest = await world.log.checkpoint();
  world.state.set(world.log.vkey, newest);
  assert.ok(bundle);
  const report = await check(world, { bundle });
  assert.deepEqual([report.ok, report.checkpoints[0]?.consistency], [true, "older"]);
  assert.equal(world.state.get(world.log.vkey), newest);
});

function isFork(error: unknown): error is MisbehaviourError {
  return error instanceof MisbehaviourError && /two histories/.test(error.message);
}

/** A log of which the first 10 entries are shared and the rest is another history. */
async function forkedWorld(ownExtra: number, forkExtra: number): Promise<TinyWorld> {
  const log = await boundLog();
  const fork = log.fork(10);
  for (let i = 0; i < ownExtra; i += 1) log.bind(`own${i}`, "1.0.0", integrityOf(`own${i}`));
  for (const { name, version, integrity } of some) fork.bind(name, version, integrity);
  for (let i = 0; i < forkExtra; i += 1) fork.bind(`fork${i}`, "1.0.0", integrityOf(`f${i}`));
  const world = tinyWorld(log);
  await check(world);
  world.log = fork;
  return world;
}

for (const [name, ownExtra, forkExtra] of [
  ["larger", 0, 900],
  ["smaller", 200, 100],
  ["equally large", 10, 300],
] as const) {
  test(`a ${name} tree of another history is misbehaviour, with both notes as evidence`, async () => {
    const world = await forkedWorld(ownExtra, forkExtra);
    const before = world.state.get(world.log.vkey);
    if (name === "smaller") {
      // What shows it are the tiles of the larger tree, so they must come from an honest copy of the log.
      const honest = await boundLog();
      for (let i = 0; i < ownExtra; i += 1) honest.bind(`own${i}`, "1.0.0", integrityOf(`own${i}`));
      world.effects.fetchTile = async (_log, path) => honest.tile(path);
    }
    await assert.rejects(check(world), (error) => {
      assert.ok(isFork(error), String(error));
      assert.equal(error.evidence["vkey"], world.log.vkey);
      const { smaller, larger, proof } = parseFork(error.evidence["fork"] ?? "");
      assert.ok([smaller, larger].includes(before ?? ""));
      assert.notEqual(smaller, larger);
      assert.equal(proof.length > 0, name !== "equally large");
      return true;
    });
    assert.equal(world.state.get(world.log.vkey), before, "the state stays");
  });
}

test("wrong tiles are an error, not evidence against the log, and change no state", async () => {
  const world = tinyWorld(await boundLog());
  await check(world);
  const before = world.state.get(world.log.vkey);
  world.log.bind("later", "1.0.0", integrityOf("later"));
  world.tamperTile = (tile) => tile.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
  await assert.rejects(
    check(world),
    (error) => isAssayError(error, "LOG_REFUSED") && error.details.kind === "wrong-tile",
  );
  world.tamperTile = () => undefined;
  await assert.rejects(check(world), (error) => isAssayError(error, "LOG_UNAVAILABLE"));
  assert.equal(world.state.get(world.log.vkey), before);
});

test("a stored checkpoint that is no longer signed stops the check", async () => {
  const world = tinyWorld(await boundLog());
  world.state.set(world.log.vkey, (await world.log.checkpoint()).replace("\n307\n", "\n306\n"));
  await assert.rejects(check(world), /The stored checkpoint of/);
});

test("two processes that swap at once both end with the newer checkpoint", async () => {
  const world = tinyWorld(await boundLog());
  await check(world);
  world.log.bind("a", "1.0.0", integrityOf("a"));
  const between = await world.log.checkpoint();
  world.log.bind("b", "1.0.0", integrityOf("b"));
  const swapOnce: typeof world.effects.swapCheckpoint = world.effects.swapCheckpoint.bind(undefined);
  let raced = false;
  world.effects.swapCheckpoint = async (vkey, previous, next) => {
    if (!raced) {
      raced = true;
      world.state.set(vkey, between);
    }
    return await swapOnce(vkey, previous, next);
  };
  assert.equal((await check(world)).checkpoints[0]?.consistency, "extends");
  assert.equal(world.state.get(world.log.vkey), await world.log.checkpoint());
});

test("an equally large fork is found offline too", async () => {
  const log = await createTinyLog({});
  log.bind("a", "1.0.0", integrityOf("a"));
  const fork = log.fork(0);
  fork.bind("a", "1.0.0", integrityOf("b"));
  const world = tinyWorld(log);
  world.state.set(log.vkey, await log.checkpoint());
  const offlineBundle = encodeUtf8(JSON.stringify(await fork.bundle([{ name: "a", version: "1.0.0" }])));
  const lockfile = lockfileOf([{ name: "a", version: "1.0.0", integrity: integrityOf("b") }]);
  await assert.rejects(check(world, { offlineBundle, lockfile }), isFork);
});
