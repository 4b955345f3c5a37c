import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, type ErrorCode } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createTestIdentity, identityTestMigrations, password, showing, tokenOf } from "../test-identity.ts";
import type { SignInTables } from "../sign-in/tables.ts";

const address = "192.0.2.1";
const fresh = "another good pass phrase";
const isError = (code: ErrorCode) => (error: unknown) => isAssayError(error, code);
const how = { hours: 1, keepMade: false, factors: false };

onEveryDatabase("password resets", (databases) => {
  const open = async () => {
    const database = await databases.fresh(...identityTestMigrations);
    const { identity, clock, events } = createTestIdentity(database);
    await identity.accounts.create("x", { name: "ada", kind: "person", password });
    return { database, identity, clock, events };
  };

  test("making a link ends password, sessions, tokens and logins under way at once; the link sets a password, once", async () => {
    const { identity, events } = await open();
    const { resets, accounts, signIn } = identity;
    const bearer = await tokenOf(identity, "ada");
    const place = { secret: undefined, place: { address, agent: "Browser/1" } };
    const { secret: session } = await signIn.begin("ada", { isComplete: true }, place);
    const login = await signIn.webLogins.begin({ address, agent: "npm" });
    await signIn.webLogins.decide(login.id, "ada", "confirmed");
    const old = showing({ basic: { user: "ada", password } });
    assert.equal((await identity.authenticate(old)).name, "ada");

    const { secret, revoked } = await resets.make("terminal", "ada", how);
    assert.equal(revoked, 1);
    await assert.rejects(identity.authenticate(showing({ bearer })), isError("UNAUTHORIZED"));
    await assert.rejects(identity.authenticate(old), isError("UNAUTHORIZED"));
    assert.equal((await identity.authenticate(showing({ session }))).kind, "anonymous");
    await assert.rejects(
      signIn.webLogins.collect(login.secret, async () => "a token"),
      isError("UNAUTHORIZED"),
    );

    assert.equal(await resets.look(secret, address), "ada");
    await assert.rejects(resets.accept(secret, "short", address), isError("BAD_REQUEST"));
    const both = await Promise.allSettled([fresh, `${fresh}!`].map((each) => resets.accept(secret, each, address)));
    assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1, "of two at once one");
    assert.equal(await resets.look(secret, address), undefined);
    const right = both[0]?.status === "fulfilled" ? fresh : `${fresh}!`;
    assert.equal((await accounts.checkPassword("ada", right, address)).name, "ada");
    const kinds = (await events()).map((each) => each.split(" ")[0]);
    assert.equal(kinds.filter((kind) => kind === "account.password-reset-made").length, 1);
    assert.equal(kinds.filter((kind) => kind === "account.password-reset").length, 1);
    assert.ok(kinds.includes("token.all-revoked") && !kinds.includes("factor.removed"));
  });

  test("only hashes are stored; a link is over after its hours, by a newer one, and for who is disabled", async () => {
    const { identity, clock, database } = await open();
    const { resets } = identity;
    const { secret: first } = await resets.make("terminal", "ada", how);
    const { secret: second } = await resets.make("terminal", "ada", how);
    assert.equal(await resets.look(first, address), undefined);
    const rows = await database.read
      .withTables<{ password_resets: { hash: string } }>()
      .selectFrom("password_resets")
      .select("hash")
      .execute();
    assert.ok(rows.length === 1 && /^[0-9a-f]{64}$/.test(rows[0]?.hash ?? ""));
    await identity.accounts.setState("x", "ada", "disabled");
    await assert.rejects(resets.accept(second, fresh, address), isError("NOT_FOUND"));
    await assert.rejects(resets.make("terminal", "ada", how), isError("CONFLICT"));
    await identity.accounts.setState("x", "ada", "active");
    assert.equal(await resets.look(second, address), "ada");
    await clock.advance(3_600_000);
    await assert.rejects(resets.accept(second, fresh, address), isError("NOT_FOUND"));
  });

  test("a process beside that knew the old password takes it for three seconds at most", async () => {
    const { database, identity, clock } = await open();
    const { identity: beside } = createTestIdentity(database, { clock, seed: 2 });
    const old = showing({ basic: { user: "ada", password } });
    assert.equal((await beside.authenticate(old)).name, "ada");
    await identity.resets.make("terminal", "ada", how);
    await clock.advance(3000);
    await assert.rejects(beside.authenticate(old), isError("UNAUTHORIZED"));
  });

  test("tokens made on purpose and second factors stay or go as it is said", async () => {
    const { identity, database, events } = await open();
    const { resets, signIn } = identity;
    await database.write(async (transaction) => {
      const tables = transaction.withTables<SignInTables>();
      const key = {
        id: "k",
        account: "ada",
        public_key: "x",
        counter: 0,
        label: "key",
        created_at_ms: 1,
        used_at_ms: null,
      };
      await tables.insertInto("passkeys").values(key).execute();
      await tables.insertInto("recovery_codes").values({ digest: "d", account: "ada" }).execute();
    });
    const made = await tokenOf(identity, "ada");
    const login = await tokenOf(identity, "ada", { origin: "login" });
    await resets.make("terminal", "ada", { ...how, keepMade: true });
    assert.equal((await identity.authenticate(showing({ bearer: made }))).name, "ada");
    await assert.rejects(identity.authenticate(showing({ bearer: login })), isError("UNAUTHORIZED"));
    assert.equal((await signIn.factors.stateOf("ada")).isEnrolled, true);
    await resets.make("terminal", "ada", { ...how, factors: true });
    const { isEnrolled, recoveryCodesLeft } = await signIn.factors.stateOf("ada");
    assert.deepEqual([isEnrolled, recoveryCodesLeft], [false, 0]);
    assert.ok((await events()).includes("factor.removed person:ada"));
  });

  test("nobody has a password set who has none: a bot, and who signs in at the provider", async () => {
    const { identity } = await open();
    await identity.accounts.create("x", { name: "robot", kind: "bot", password: undefined, operator: "ada" });
    await identity.accounts.create("x", { name: "grace", kind: "person", password: undefined });
    for (const name of ["robot", "grace"])
      await assert.rejects(identity.resets.make("terminal", name, how), isError("CONFLICT"));
    await assert.rejects(identity.resets.make("terminal", "eve", how), isError("NOT_FOUND"));
  });
});
