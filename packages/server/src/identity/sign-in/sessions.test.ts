import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { signInMigrations } from "./migrations.ts";
import { createSessions, halfMs, idleMs, longestMs } from "./sessions.ts";
import type { SignInTables } from "./tables.ts";

const place = { address: "192.0.2.1", agent: "Browser/1" };
const whole = { isComplete: true, steppedUp: false, before: undefined };

onEveryDatabase("sessions", ({ fresh }) => {
  const open = async () => {
    const database = await fresh(signInMigrations);
    const clock = createFakeClock();
    return { database, clock, sessions: createSessions({ database, clock, random: createSeededRandom() }) };
  };

  test("a session is found by its secret alone, and the database does not hold it", async () => {
    const { sessions, database } = await open();
    const { secret, session } = await sessions.begin("ada", whole, place);
    assert.deepEqual(await sessions.find(secret), session);
    for (const other of [undefined, "", session.id, `${secret}x`, secret.toLowerCase()])
      assert.equal(await sessions.find(other), undefined);
    const rows = await database.read.withTables<SignInTables>().selectFrom("sessions").selectAll().execute();
    assert.ok(!JSON.stringify(rows).includes(secret));
  });

  test("a sign-in ends what the browser had before, and never takes over its secret", async () => {
    const { sessions } = await open();
    const planted = await sessions.begin("mallory", whole, place);
    const { secret } = await sessions.begin("ada", { ...whole, before: planted.secret }, place);
    assert.notEqual(secret, planted.secret);
    assert.equal(await sessions.find(planted.secret), undefined);
    assert.equal((await sessions.find(secret))?.account, "ada");
  });

  test("a step-up gives a new secret and a new id, and the old ones are dead", async () => {
    const { sessions, clock } = await open();
    const half = await sessions.begin("ada", { ...whole, isComplete: false }, place);
    assert.equal((await sessions.find(half.secret))?.isComplete, false);
    assert.deepEqual(await sessions.list("ada"), [], "a half session is none");
    const full = await sessions.stepUp(half.secret);
    assert.ok(full !== undefined);
    assert.notEqual(full.session.id, half.session.id);
    assert.equal(await sessions.find(half.secret), undefined);
    assert.equal(await sessions.stepUp(half.secret), undefined);
    const found = await sessions.find(full.secret);
    assert.equal(found?.isComplete, true);
    assert.equal(found.steppedUpAtMs, clock.now());
  });

  test("ends when nobody uses it, after its longest time however much it is used, and half ones in minutes", async () => {
    const { sessions, clock } = await open();
    const idle = await sessions.begin("ada", whole, place);
    const used = await sessions.begin("ada", whole, place);
    const half = await sessions.begin("ada", { ...whole, isComplete: false }, place);
    await clock.advance(halfMs);
    assert.equal(await sessions.find(half.secret), undefined);
    assert.equal(await sessions.stepUp(half.secret), undefined);
    for (let passed = halfMs; passed < longestMs - idleMs; passed += idleMs - 60_000) {
      assert.ok((await sessions.find(used.secret)) !== undefined);
      await clock.advance(idleMs - 60_000);
    }
    assert.equal(await sessions.find(idle.secret), undefined);
    await clock.advance(2 * idleMs);
    assert.equal(await sessions.find(used.secret), undefined);
    await sessions.sweep();
    assert.deepEqual(await sessions.list("ada"), []);
  });

  test("is listed and ended by who it belongs to, and by nobody else", async () => {
    const { sessions, database, clock } = await open();
    const one = await sessions.begin("ada", whole, place);
    await clock.advance(1000);
    const two = await sessions.begin("ada", whole, place);
    const others = await sessions.begin("bob", whole, place);
    assert.deepEqual(
      (await sessions.list("ada")).map(({ id }) => id),
      [two.session.id, one.session.id],
    );
    assert.equal(await sessions.revoke("ada", others.session.id), false);
    assert.equal(await sessions.revoke("ada", one.session.id), true);
    assert.equal(await sessions.find(one.secret), undefined);
    await database.write((transaction) => sessions.revokeAll(transaction, "ada"));
    assert.equal(await sessions.find(two.secret), undefined);
    assert.ok((await sessions.find(others.secret)) !== undefined);
    await sessions.end(others.secret);
    assert.equal(await sessions.find(others.secret), undefined);
  });

  test("a challenge is good once", async () => {
    const { sessions } = await open();
    const { secret } = await sessions.begin("ada", whole, place);
    await sessions.setChallenge(secret, "c1");
    assert.equal(await sessions.takeChallenge(secret), "c1");
    assert.equal(await sessions.takeChallenge(secret), undefined);
  });
});
