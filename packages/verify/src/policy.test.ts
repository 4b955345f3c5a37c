import assert from "node:assert/strict";
import test from "node:test";
import { parsePolicy } from "@assay/core";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { answerWithBoth, boundLog, check, lockfileOf, otherSeed, sha256, some, unpinned } from "../test/checking.ts";
import { tinyWorld, type TinyWorld } from "../test/tiny-effects.ts";
import { checkEvidence, trustLog } from "./index.ts";

const [p0] = some;
assert.ok(p0);
const wrongBytes = integrityOf("wrong");

/** A log that bound wrong bytes to p0, and replaced them. */
async function replacingLog(): Promise<TinyLog> {
  const log = await createTinyLog({});
  log.bind("filler", "1.0.0", integrityOf("filler"));
  const index = log.bind(p0?.name ?? "", p0?.version ?? "", wrongBytes);
  log.supersede(p0?.name ?? "", p0?.version ?? "", p0?.integrity ?? wrongBytes, index);
  return log;
}

test("a version that the log replaced is refused until the trust file allows exactly its new bytes", async () => {
  const world = tinyWorld(await replacingLog());
  const lockfile = lockfileOf([p0]);
  const { packages } = lockfile;
  const refused = await check(world, { lockfile });
  assert.deepEqual([refused.ok, refused.superseded.length, refused.verified.length], [false, 1, 0]);
  assert.deepEqual(refused.superseded[0]?.replaced, [wrongBytes]);
  assert.deepEqual([refused.superseded[0]?.bound, refused.superseded[0]?.isReplaced], [p0.integrity, false]);
  const allowed = await check(world, { lockfile, policy: { supersedes: packages } });
  assert.deepEqual([allowed.ok, allowed.verified.length], [true, 1]);
  const others = packages.map((each) => ({ ...each, integrity: integrityOf("others") }));
  assert.equal((await check(world, { lockfile, policy: { supersedes: others } })).ok, false);
});

test("the replaced bytes are refused whatever is allowed, and third ones are a mismatch once it is", async () => {
  const world = tinyWorld(await replacingLog());
  const supersedes = lockfileOf([p0]).packages;
  const old = await check(world, { lockfile: lockfileOf([{ ...p0, integrity: wrongBytes }]), policy: { supersedes } });
  assert.deepEqual([old.ok, old.superseded[0]?.isReplaced], [false, true]);
  const third = lockfileOf([{ ...p0, integrity: integrityOf("third") }]);
  const report = await check(world, { lockfile: third, policy: { supersedes } });
  assert.deepEqual([report.ok, report.mismatching.length], [false, 1]);
});

test("what the lockfile does not pin is refused too when it was replaced", async () => {
  const world = tinyWorld(await replacingLog());
  const accept = ["through-record"] as const;
  const refused = await check(world, { lockfile: unpinned(), accept });
  assert.deepEqual([refused.ok, refused.superseded.length], [false, 1]);
  const supersedes = lockfileOf([p0]).packages;
  const allowed = await check(world, { lockfile: unpinned(), accept, policy: { supersedes } });
  assert.deepEqual([allowed.ok, allowed.throughRecord[0]?.bound], [true, p0.integrity]);
});

test("a supersede in a later shard replaces the bind in the earlier one", async () => {
  const first = await createTinyLog({});
  const index = first.bind(p0.name, p0.version, wrongBytes);
  const later = await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: otherSeed });
  later.bind("filler", "1.0.0", integrityOf("filler"));
  later.supersede(p0.name, p0.version, p0.integrity, index);
  const world = tinyWorld(first);
  await answerWithBoth(world, [first, later], [p0]);
  const lockfile = lockfileOf([p0]);
  const trust = [trustLog(first.vkey), trustLog(later.vkey)];
  assert.equal((await check(world, { lockfile, trust })).superseded.length, 1);
  const allowed = await check(world, { lockfile, trust, policy: { supersedes: lockfile.packages } });
  assert.equal(allowed.ok, true);
});

const witnessed = async (world: TinyWorld, times: readonly number[]) => {
  const witnesses = await Promise.all(times.map((_, i) => createTinyWitness(`w${i}.example.com`, `1${i}`.repeat(32))));
  world.tamper = (bundle) => bundle;
  const names = witnesses.map((_, i) => `w${i}`);
  const lines = witnesses.map(({ vkey }, i) => `witness w${i} ${vkey}\n`).join("");
  const policy = parsePolicy(`${lines}group all all ${names.join(" ")}\nquorum all\n`);
  const cosigned = async (): Promise<string> => {
    let note = await world.log.checkpoint();
    for (const [i, each] of witnesses.entries()) note = await each.cosign(note, times[i] ?? 0);
    return note;
  };
  return { policy, cosigned };
};

test("a checkpoint without the cosignatures of the policy proves nothing, and leaves evidence", async () => {
  const world = tinyWorld(await boundLog());
  const { policy, cosigned } = await witnessed(world, [world.nowSeconds - 5, world.nowSeconds - 9]);
  const refused = await check(world, { policy: { witnesses: policy } });
  assert.deepEqual([refused.ok, refused.verified.length], [false, 0]);
  assert.match(
    refused.refused[0]?.reason ?? "",
    /does not satisfy the witness policy: needs 2 of w0, w1; cosigned by nobody/,
  );
  const evidence = refused.refused[0]?.evidence;
  assert.ok(evidence);
  assert.deepEqual(await checkEvidence({ sha256 }, evidence), { holds: true, convicts: false, kind: "unwitnessed" });
  const plain = JSON.stringify(await world.log.checkpoint()).slice(1, -1);
  const note = JSON.stringify(await cosigned()).slice(1, -1);
  world.tamper = (bundle) => bundle.replace(plain, note);
  const report = await check(world, { policy: { witnesses: policy } });
  assert.equal(report.ok, true);
  assert.deepEqual(
    report.checkpoints[0]?.cosignatures.map(({ witness }) => witness),
    ["w0", "w1"],
  );
  // Both had seen it nine seconds ago.
  assert.deepEqual(report.checkpoints[0]?.age, { seconds: 9, by: "witnesses" });
  const strict = await check(world, { policy: { witnesses: policy, maxAgeSeconds: 8 } });
  assert.match(strict.refused[0]?.reason ?? "", /an age of 9 s by its witnesses' clocks/);
  assert.equal((await check(world, { policy: { witnesses: policy, maxAgeSeconds: 9 } })).ok, true);
});

test("without witnesses the records tell the age: those at hand, then the last one of the tree", async () => {
  const world = tinyWorld(await boundLog());
  assert.deepEqual((await check(world)).checkpoints[0]?.age, { seconds: 60, by: "records" });
  assert.equal((await check(world, { policy: { maxAgeSeconds: 60 } })).ok, true);
  world.nowSeconds += 1_000;
  const old = await check(world, { policy: { maxAgeSeconds: 60 } });
  assert.match(old.refused[0]?.reason ?? "", /the newest record known is 1060 s old .* and at most 60 s are allowed/);
  const { text } = { text: world.log.text(0) };
  world.log.append(text.replace("filler0", "newest").replace(/time \d+/, `time ${world.nowSeconds - 10}`));
  const fresh = await check(world, { policy: { maxAgeSeconds: 60 } });
  assert.deepEqual([fresh.ok, fresh.checkpoints[0]?.age], [true, { seconds: 10, by: "records" }]);
  const { bundle } = fresh;
  assert.ok(bundle);
  const offline = await check(world, { offlineBundle: bundle, policy: { maxAgeSeconds: 60 } });
  assert.equal(offline.ok, false, "offline the last record cannot be read");
});

test("a shard that has ended may be of any age, offline too, and where the log goes on is named", async () => {
  const world = tinyWorld(await boundLog());
  const next = await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: otherSeed });
  world.nowSeconds += 1_000;
  const policy = { maxAgeSeconds: 60 };
  assert.equal((await check(world, { policy })).ok, false);
  world.log.end(next);
  const report = await check(world, { policy });
  assert.equal(report.ok, true);
  assert.deepEqual(report.checkpoints[0]?.successor, { origin: next.origin, trusted: false });
  const { bundle } = report;
  assert.ok(bundle);
  const trust = [trustLog(world.log.vkey), trustLog(next.vkey)];
  const offline = await check(world, { offlineBundle: bundle, policy, trust });
  assert.deepEqual([offline.ok, offline.checkpoints[0]?.successor?.trusted], [true, true]);
});

test("what ends a shard ends it only as the last record of its tree", async () => {
  const world = tinyWorld(await boundLog());
  world.log.end(await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: otherSeed }));
  world.log.append(world.log.text(0).replace("filler0", "later"));
  world.nowSeconds += 1_000;
  const report = await check(world, { policy: { maxAgeSeconds: 60 } });
  assert.deepEqual([report.ok, report.refused.length], [false, 1]);
});
