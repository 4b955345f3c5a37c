import assert from "node:assert/strict";
import { test } from "node:test";
import { AssayError, isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createEvents, eventMigrations } from "../../platform/events/outbox.ts";
import { signInMigrations } from "./migrations.ts";
import { actsOf } from "../test-identity.ts";
import { createSecondFactors, type GuessGuard } from "./second-factors.ts";
import type { SignInTables } from "./tables.ts";
import { codeOfUrl } from "./test-codes.ts";
import { createVault } from "./vault.ts";

const ada = { account: "ada", address: "10.0.0.7" };

const here = "192.0.2.1";

onEveryDatabase("second factors", ({ fresh }) => {
  const open = async () => {
    const database = await fresh(eventMigrations, signInMigrations);
    const clock = createFakeClock();
    const random = createSeededRandom();
    const failed: string[] = [];
    const guard: GuessGuard = {
      async admit(subject) {
        if (failed.filter((each) => each === subject).length >= 5)
          throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 1 });
      },
      failed: async (_transaction, subject) => void failed.push(subject),
      succeeded: async () => undefined,
    };
    const vault = createVault({ random }, random.bytes(32));
    const factors = createSecondFactors({ database, events: createEvents({ clock }), clock, random, vault, guard });
    const enrol = async (account = "ada") => {
      const { url } = await factors.offerTotp(account, "registry.example.com");
      const codes = await factors.confirmTotp(account, codeOfUrl(url, clock.now()), here);
      await clock.advance(30_000);
      return { url, codes };
    };
    return { database, clock, factors, failed, enrol };
  };

  test("an authenticator app counts once its first code was typed, and a new seed takes its place never", async () => {
    const { factors, clock } = await open();
    const first = await factors.offerTotp("ada", "registry.example.com");
    const { url } = await factors.offerTotp("ada", "registry.example.com");
    assert.notEqual(url, first.url);
    assert.equal((await factors.stateOf("ada")).isEnrolled, false);
    assert.equal(await factors.take("ada", codeOfUrl(url, clock.now()), here), false, "not confirmed");
    await assert.rejects(factors.confirmTotp("ada", codeOfUrl(first.url, clock.now()), here), (error) =>
      isAssayError(error, "BAD_REQUEST"),
    );
    const codes = await factors.confirmTotp("ada", codeOfUrl(url, clock.now()), here);
    assert.equal(new Set(codes).size, 10);
    assert.deepEqual(await factors.stateOf("ada"), {
      hasTotp: true,
      passkeys: [],
      recoveryCodesLeft: 10,
      mode: "all",
      isEnrolled: true,
    });
    await assert.rejects(factors.offerTotp("ada", "x"), (error) => isAssayError(error, "CONFLICT"));
    assert.equal(await factors.take("ada", codeOfUrl(url, clock.now()), here), false, "that code is used up");
  });

  test("a code is taken once, by one of many who bring it, and none that is older than one that was taken", async () => {
    const { factors, clock, enrol } = await open();
    const { url } = await enrol();
    const code = codeOfUrl(url, clock.now());
    const older = codeOfUrl(url, clock.now() - 30_000);
    const taken = await Promise.all(Array.from({ length: 4 }, () => factors.take("ada", ` ${code} `, here)));
    assert.equal(taken.filter(Boolean).length, 1);
    assert.equal(await factors.take("ada", older, here), false);
  });

  test("a recovery code is good once, for its account, however it is typed", async () => {
    const { factors, enrol } = await open();
    const { codes } = await enrol();
    await enrol("bob");
    const [one = "", two = ""] = codes;
    assert.equal(await factors.take("bob", one, here), false);
    assert.equal(await factors.take("ada", one.toLowerCase().replaceAll("-", " "), here), true);
    assert.equal(await factors.take("ada", one, here), false);
    const fresh = await factors.drawRecoveryCodes(ada);
    assert.equal(await factors.take("ada", two, here), false, "drawing new ones ends the old");
    assert.equal(await factors.take("ada", fresh[0] ?? "", here), true);
    assert.equal((await factors.stateOf("ada")).recoveryCodesLeft, 9);
  });

  test("who guesses is stopped before anything is compared, a right code too", async () => {
    const { factors, clock, enrol, failed } = await open();
    const { url } = await enrol();
    const right = codeOfUrl(url, clock.now());
    const wrong = right === "000000" ? "000001" : "000000";
    for (let tries = 0; tries < 5; tries += 1) assert.equal(await factors.take("ada", wrong, here), false);
    await assert.rejects(factors.take("ada", right, here), (error) => isAssayError(error, "TOO_MANY_REQUESTS"));
    assert.deepEqual(new Set(failed), new Set(["second-factor ada"]));
  });

  test("the database holds neither seeds nor recovery codes that could be used", async () => {
    const { database, enrol } = await open();
    const { url, codes } = await enrol();
    const seed = new URL(url).searchParams.get("secret") ?? "";
    const tables = database.read.withTables<SignInTables>();
    const stored = JSON.stringify([
      await tables.selectFrom("totp_factors").selectAll().execute(),
      await tables.selectFrom("recovery_codes").selectAll().execute(),
    ]);
    for (const secret of [seed, ...codes]) assert.ok(!stored.includes(secret));
  });

  test("removing the last factor takes the recovery codes with it", async () => {
    const { database, factors, enrol } = await open();
    const { codes } = await enrol();
    await factors.removeTotp(ada);
    assert.equal((await factors.stateOf("ada")).isEnrolled, false);
    assert.equal(await factors.take("ada", codes[0] ?? "", here), false);
    await factors.setMode(ada, "sign-in");
    assert.equal((await factors.stateOf("ada")).mode, "sign-in");
    await factors.drawRecoveryCodes(ada);
    assert.deepEqual(
      await actsOf(database, "factor."),
      [
        `added person:ada ${here} done`,
        `removed person:ada ${ada.address} done`,
        `mode-changed person:ada ${ada.address} done`,
        `recovery-codes-drawn person:ada ${ada.address} done`,
      ].map((act) => `factor.${act}`),
    );
  });
});
