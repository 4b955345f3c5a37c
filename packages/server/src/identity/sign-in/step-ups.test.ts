import assert from "node:assert/strict";
import { test } from "node:test";
import { AssayError, isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { anonymous, type Principal } from "../principal.ts";
import { signInMigrations } from "./migrations.ts";
import type { FactorState, SecondFactors } from "./second-factors.ts";
import { createStepUps, freshMs, type Operation } from "./step-ups.ts";

const base = "https://registry.example.com";
const here = "192.0.2.1";
const publish: Operation = { what: "publish a@1.0.0", exactly: "PUT /a sha512-x", need: "writes" };
const approve: Operation = { what: "approve a@1.0.0", exactly: "POST /stage/1/approve", need: "always" };

function person(tokenId: string | undefined, change: Partial<Principal> = {}): Principal {
  const grant =
    tokenId === undefined
      ? undefined
      : ({
          tokenId,
          level: "read-write",
          packages: undefined,
          organisations: undefined,
          expiresAtMs: undefined,
        } as const);
  return {
    ...anonymous(here),
    kind: "person",
    id: "person:ada",
    name: "ada",
    via: tokenId === undefined ? "session" : "token",
    grant,
    ...change,
  };
}

const ask = (otp?: string) => ({ base, credentials: { otp, address: here } });

async function challengeOf(work: Promise<void>): Promise<{ authUrl: string; secret: string; id: string }> {
  try {
    await work;
  } catch (error) {
    assert.ok(isAssayError(error, "OTP_REQUIRED"), String(error));
    const { authUrl, doneUrl } = error.details;
    assert.ok(authUrl.startsWith(`${base}/-/web/step-up/`) && doneUrl.startsWith(`${base}/-/v1/done/`));
    return { authUrl, secret: doneUrl.split("/").at(-1) ?? "", id: authUrl.split("/").at(-1) ?? "" };
  }
  throw new Error("nothing was asked for");
}

onEveryDatabase("step-ups", ({ fresh }) => {
  const open = async (change: Partial<FactorState> = {}) => {
    const database = await fresh(signInMigrations);
    const clock = createFakeClock();
    const state: FactorState = {
      hasTotp: true,
      passkeys: [],
      recoveryCodesLeft: 0,
      mode: "all",
      isEnrolled: true,
      ...change,
    };
    const good = new Set(["123456", "654321"]);
    const guard = { isStopping: false };
    const factors: Pick<SecondFactors, "stateOf" | "take"> = {
      stateOf: async () => state,
      async take(_account, code, _address, isKnown) {
        if (guard.isStopping) throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 1 });
        return (
          (await database.write(async (transaction) => (await isKnown?.(transaction)) === true)) || good.delete(code)
        );
      },
    };
    return { clock, guard, stepUps: createStepUps({ database, clock, random: createSeededRandom(), factors }) };
  };

  async function confirmed(stepUps: ReturnType<typeof createStepUps>, principal: Principal, operation: Operation) {
    const { secret, id } = await challengeOf(stepUps.require(principal, ask(), operation));
    assert.equal(await stepUps.collect(secret), "waiting");
    assert.equal(await stepUps.decide(id, "ada", "confirmed"), true);
    const answer = await stepUps.collect(secret);
    assert.ok(answer !== undefined && answer !== "waiting");
    return { token: answer.token, secret, id };
  }

  test("what was confirmed in a browser is done once, and nothing else is", async () => {
    const { stepUps } = await open();
    const ada = person("t1");
    const { token, secret } = await confirmed(stepUps, ada, publish);
    await challengeOf(stepUps.require(ada, ask(token), { ...publish, exactly: "PUT /a sha512-other" }));
    await challengeOf(stepUps.require(ada, ask(token), approve));
    await challengeOf(stepUps.require(person("t2"), ask(token), publish));
    await challengeOf(stepUps.require(person("t1", { name: "bob", id: "person:bob" }), ask(token), publish));
    await challengeOf(stepUps.require(ada, ask(secret), publish));
    await stepUps.require(ada, ask(token), publish);
    await challengeOf(stepUps.require(ada, ask(token), publish));
  });

  test("what wants a second factor takes nobody without one, and of machines CI alone", async () => {
    const wanted: Operation = { ...publish, need: "enrolled" };
    const { stepUps } = await open({ isEnrolled: false, mode: "sign-in", hasTotp: false });
    const refused = (error: unknown) => isAssayError(error, "FORBIDDEN");
    await assert.rejects(stepUps.require(person("t1"), ask("123456"), wanted), refused);
    await assert.rejects(stepUps.require(person("t1", { kind: "bot", id: "bot:ada" }), ask(), wanted), refused);
    await stepUps.require(person("t1", { kind: "ci", id: "ci:1" }), ask(), wanted);
    await stepUps.require(person("t1"), ask(), publish);
    const enrolled = await open({ mode: "sign-in" });
    await challengeOf(enrolled.stepUps.require(person("t1"), ask(), wanted));
    await enrolled.stepUps.require(person("t1"), ask("123456"), wanted);
  });

  test("of many who bring one proof at once, one goes on", async () => {
    const { stepUps } = await open();
    const { token } = await confirmed(stepUps, person("t1"), publish);
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => stepUps.require(person("t1"), ask(token), publish)),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test("waits for its own person alone, is decided once, and ends after minutes", async () => {
    const { stepUps, clock } = await open();
    const { secret, id } = await challengeOf(stepUps.require(person("t1"), ask(), publish));
    assert.equal(await stepUps.find(id, "bob"), undefined);
    assert.equal((await stepUps.find(id, "ada"))?.what, publish.what);
    assert.equal(await stepUps.decide(id, "bob", "confirmed"), false);
    assert.equal(await stepUps.decide(id, "ada", "refused"), true);
    assert.equal(await stepUps.decide(id, "ada", "confirmed"), false);
    assert.equal(await stepUps.collect(secret), undefined);
    const late = await confirmed(stepUps, person("t1"), publish);
    await clock.advance(5 * 60_000);
    await challengeOf(stepUps.require(person("t1"), ask(late.token), publish));
    assert.equal(await stepUps.collect(late.secret), undefined);
    await stepUps.sweep();
    assert.equal(await stepUps.find(late.id, "ada"), undefined);
  });

  test("a one-time password is good once, and for every request of the one operation that says how many it makes", async () => {
    const { stepUps } = await open();
    const ada = person("t1");
    await stepUps.require(ada, ask("123456"), publish);
    await challengeOf(stepUps.require(ada, ask("123456"), publish));
    const unpublish: Operation = { what: "unpublish a", exactly: "unpublish a", need: "always", requests: 2 };
    await stepUps.require(ada, ask("654321"), unpublish);
    await challengeOf(stepUps.require(ada, ask("654321"), publish));
    await challengeOf(stepUps.require(person("t2"), ask("654321"), unpublish));
    await stepUps.require(ada, ask("654321"), unpublish);
    await challengeOf(stepUps.require(ada, ask("654321"), unpublish));
  });

  test("who guesses codes is stopped before a code that was typed already counts again", async () => {
    const { stepUps, guard } = await open();
    const unpublish: Operation = { what: "unpublish a", exactly: "unpublish a", need: "always", requests: 2 };
    await stepUps.require(person("t1"), ask("123456"), unpublish);
    guard.isStopping = true;
    await assert.rejects(stepUps.require(person("t1"), ask("123456"), unpublish), (error) =>
      isAssayError(error, "TOO_MANY_REQUESTS"),
    );
    guard.isStopping = false;
    await stepUps.require(person("t1"), ask("123456"), unpublish);
  });

  test("who has no second factor writes without, and approves with the password alone; sign-in mode is the same", async () => {
    for (const change of [{ isEnrolled: false, hasTotp: false }, { mode: "sign-in" as const }]) {
      const { stepUps } = await open(change);
      await stepUps.require(person("t1"), ask(), publish);
      await challengeOf(stepUps.require(person("t1"), ask(), approve));
    }
    const { stepUps } = await open({ isEnrolled: false, hasTotp: false });
    await challengeOf(stepUps.require(person("t1"), ask("123456"), approve));
  });

  test("a session that was just stepped up goes on, an older one does not", async () => {
    const { stepUps, clock } = await open();
    const session = person(undefined, { steppedUpAtMs: clock.now() });
    await stepUps.require(session, ask(), approve);
    await clock.advance(freshMs);
    await challengeOf(stepUps.require(session, ask(), approve));
    await challengeOf(stepUps.require(person(undefined), ask(), approve));
  });

  test("CI and bots write, but nothing that needs a person; nobody signed in does nothing", async () => {
    const { stepUps } = await open();
    for (const kind of ["ci", "bot"] as const) {
      await stepUps.require(person("t1", { kind, id: `${kind}:x` }), ask(), publish);
      await assert.rejects(stepUps.require(person("t1", { kind, id: `${kind}:x` }), ask(), approve), (error) =>
        isAssayError(error, "FORBIDDEN"),
      );
    }
    await assert.rejects(stepUps.require(anonymous(here), ask(), publish), (error) =>
      isAssayError(error, "UNAUTHORIZED"),
    );
  });

  test("nobody fills the table: of one account so many wait", async () => {
    const { stepUps } = await open();
    for (let number = 0; number < 50; number += 1) await challengeOf(stepUps.require(person("t1"), ask(), publish));
    await assert.rejects(
      stepUps.require(person("t1"), ask(), publish),
      (error) => error instanceof AssayError && error.code === "TOO_MANY_REQUESTS",
    );
  });
});
