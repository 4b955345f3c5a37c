import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, type ErrorCode } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createTestIdentity, identityTestMigrations, password, showing } from "../test-identity.ts";

const address = "192.0.2.1";
const joining = (name: string) => ({ name, password, email: "" });
const isError = (code: ErrorCode) => (error: unknown) => isAssayError(error, code);

onEveryDatabase("invitations", (databases) => {
  test("the first administrator is made once, by the link of a start, and no link makes a second", async () => {
    const database = await databases.fresh(...identityTestMigrations);
    const { identity, acts } = createTestIdentity(database);
    const [first, second] = [await identity.invitations.offerFirstRun(), await identity.invitations.offerFirstRun()];
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.equal(await identity.invitations.look(first, address), "first-run");
    const rows = await database.read
      .withTables<{ invitations: { hash: string } }>()
      .selectFrom("invitations")
      .select("hash")
      .execute();
    assert.ok(
      rows.every(({ hash }) => hash !== first && /^[0-9a-f]{64}$/.test(hash)),
      "only hashes are stored",
    );
    const answers = await Promise.allSettled(
      [first, second, first].map((secret, at) => identity.invitations.accept(secret, joining(`root${at}`), address)),
    );
    assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
    assert.deepEqual(
      (await identity.accounts.list()).map(({ isAdmin }) => isAdmin),
      [true],
      "who lost left no account",
    );
    assert.equal(await identity.invitations.offerFirstRun(), undefined);
    for (const secret of [first, second]) assert.equal(await identity.invitations.look(secret, address), undefined);
    const [accepted, ...more] = await acts("invitation.accepted");
    assert.match(accepted ?? "", new RegExp(`^invitation.accepted person:root\\d ${address} done$`));
    assert.deepEqual(more, []);
  });

  test("who signed up before there was an administrator becomes it with their password, and with no other", async () => {
    const { identity } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const { secret: token } = await identity.tokens.issue("person:ada", {
      holder: "person:ada",
      holderName: "ada",
      origin: "login",
      name: "x",
      level: "read-write",
      packages: undefined,
      organisations: undefined,
      cidrs: undefined,
      expiresAtMs: undefined,
    });
    assert.equal((await identity.authenticate(showing({ bearer: token }))).isAdmin, false);
    const secret = (await identity.invitations.offerFirstRun()) ?? "";
    const wrong = { name: "ada", password: "not the password", email: "" };
    await assert.rejects(identity.invitations.accept(secret, wrong, address), isError("UNAUTHORIZED"));
    assert.equal((await identity.invitations.accept(secret, joining("ada"), address)).isAdmin, true);
    assert.equal((await identity.authenticate(showing({ bearer: token }))).isAdmin, true);
  });

  test("an invitation is good once, until it is over, and takes nobody's account", async () => {
    const { identity, clock } = createTestIdentity(await databases.fresh(...identityTestMigrations), {
      registration: "invite",
    });
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const secret = await identity.invitations.make("person:ada", { isAdmin: false, days: 2 });
    await assert.rejects(identity.invitations.accept(secret, joining("ada"), address), isError("CONFLICT"));
    assert.equal((await identity.invitations.accept(secret, joining("bob"), address)).isAdmin, false);
    await assert.rejects(identity.invitations.accept(secret, joining("eve"), address), isError("NOT_FOUND"));
    const late = await identity.invitations.make("person:ada", { isAdmin: true, days: 2 });
    await clock.advance(2 * 86_400_000);
    assert.equal(await identity.invitations.look(late, address), undefined);
    await assert.rejects(identity.invitations.accept(late, joining("eve"), address), isError("NOT_FOUND"));
  });

  test("who guesses links is slowed down", async () => {
    const { identity } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    for (let i = 0; i < 30; i++) assert.equal(await identity.invitations.look(`guess${i}`, address), undefined);
    await assert.rejects(identity.invitations.look("guess", address), isError("TOO_MANY_REQUESTS"));
  });

  test("the last administrator stays one, and a bot becomes none", async () => {
    const { identity } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    const { accounts } = identity;
    await accounts.create("terminal", { name: "ada", kind: "person", password, isAdmin: true });
    await accounts.create("terminal", { name: "robot", kind: "bot", password: undefined, operator: "ada" });
    await assert.rejects(accounts.setAdmin("terminal", "ada", false), isError("CONFLICT"));
    await assert.rejects(accounts.setState("terminal", "ada", "disabled"), isError("CONFLICT"));
    await assert.rejects(accounts.setAdmin("terminal", "robot", true), isError("BAD_REQUEST"));
    await assert.rejects(accounts.setPassword("terminal", "robot", password), isError("BAD_REQUEST"));
    await assert.rejects(accounts.checkPassword("robot", password, address), isError("UNAUTHORIZED"));
  });
});
