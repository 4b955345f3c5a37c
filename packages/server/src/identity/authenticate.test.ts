import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import type { People } from "./identity.ts";
import { createTestIdentity, identityTestMigrations, password, showing } from "./test-identity.ts";
import type { NewToken } from "./tokens/tokens.ts";

const ofAda: NewToken = {
  holder: "person:ada",
  holderName: "ada",
  origin: "made",
  name: "laptop",
  level: "read-write",
  packages: undefined,
  organisations: undefined,
  cidrs: undefined,
  expiresAtMs: undefined,
};

function refused(identity: People, shown: Parameters<typeof showing>[0], code: "UNAUTHORIZED" | "TOO_MANY_REQUESTS") {
  return assert.rejects(identity.authenticate(showing(shown)), (error) => isAssayError(error, code));
}

onEveryDatabase("who sends a request", (databases) => {
  test("nothing shown is anonymous; a token is its holder, with its grant", async () => {
    const { identity, events } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    assert.equal((await identity.authenticate(showing({}))).kind, "anonymous");
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password, isAdmin: true });
    const { secret, token } = await identity.tokens.issue("person:ada", { ...ofAda, level: "stage-only" });
    const principal = await identity.authenticate(showing({ bearer: secret }));
    assert.deepEqual(
      [principal.id, principal.via, principal.isAdmin, principal.grant?.level, principal.grant?.tokenId],
      ["person:ada", "token", true, "stage-only", token.key],
    );
    assert.equal((await identity.authenticate(showing({ basic: { user: "ada", password: secret } }))).via, "token");
    await refused(identity, { basic: { user: "bob", password: secret } }, "UNAUTHORIZED");
    assert.deepEqual(await events(), ["account.created person:ada", "token.created person:ada"]);
  });

  test("a revoked token is refused at once here, and within 3 s by another process", async () => {
    const database = await databases.fresh(...identityTestMigrations);
    const { identity, clock } = createTestIdentity(database);
    const other = createTestIdentity(database, { clock, seed: 2 }).identity;
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const { secret, token } = await identity.tokens.issue("person:ada", ofAda);
    for (const each of [identity, other]) await each.authenticate(showing({ bearer: secret }));
    assert.equal(await identity.tokens.revoke("person:ada", token), true);
    await refused(identity, { bearer: secret }, "UNAUTHORIZED");
    await clock.advance(3000);
    await refused(other, { bearer: secret }, "UNAUTHORIZED");
    assert.equal(await identity.tokens.revoke("person:ada", token), false);
  });

  test("a token is good until it expires, from its addresses, while its account is active", async () => {
    const { identity, clock } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const expiresAtMs = (clock.now() + 1000) as NonNullable<NewToken["expiresAtMs"]>;
    const { secret: brief } = await identity.tokens.issue("person:ada", { ...ofAda, expiresAtMs });
    const { secret: bound } = await identity.tokens.issue("person:ada", { ...ofAda, cidrs: ["10.0.0.0/8"] });
    await identity.authenticate(showing({ bearer: brief }));
    await clock.advance(1000);
    await refused(identity, { bearer: brief }, "UNAUTHORIZED");
    await identity.authenticate(showing({ bearer: bound, address: "10.1.2.3" }));
    await refused(identity, { bearer: bound, address: "11.1.2.3" }, "UNAUTHORIZED");
    await refused(identity, { bearer: bound, address: "" }, "UNAUTHORIZED");
    await identity.accounts.setState("person:root", "ada", "disabled");
    await refused(identity, { bearer: bound, address: "10.1.2.3" }, "UNAUTHORIZED");
  });

  test("a password that comes with a request reads, and writes where that is allowed", async () => {
    const database = await databases.fresh(...identityTestMigrations);
    const { identity } = createTestIdentity(database);
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const basic = { user: "ada", password };
    assert.equal((await identity.authenticate(showing({ basic }))).grant?.level, "read-only");
    const allowing = createTestIdentity(database, { passwordWrites: true }).identity;
    assert.equal((await allowing.authenticate(showing({ basic }))).grant, undefined);
    await identity.accounts.setPassword("person:ada", "ada", "another good one");
    await refused(identity, { basic }, "UNAUTHORIZED");
  });

  test("guessers of passwords wait, over restarts, whether the account exists or not; others do not", async () => {
    const database = await databases.fresh(...identityTestMigrations);
    const { identity, clock } = createTestIdentity(database);
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    for (const user of ["ada", "nobody"]) {
      for (let i = 0; i < 6; i++) await refused(identity, { basic: { user, password: `guess ${i}` } }, "UNAUTHORIZED");
      await refused(identity, { basic: { user, password: "guess" } }, "TOO_MANY_REQUESTS");
    }
    const restarted = createTestIdentity(database, { clock, seed: 3 }).identity;
    const right = { user: "ada", password };
    await refused(restarted, { basic: right }, "TOO_MANY_REQUESTS");
    await restarted.authenticate(showing({ basic: right, address: "198.51.100.7" }));
    await clock.advance(1000);
    await restarted.authenticate(showing({ basic: right }));
  });

  test("wrong tokens are slowed down by address; a good one from there still works", async () => {
    const { identity } = createTestIdentity(await databases.fresh(...identityTestMigrations));
    await identity.accounts.create("person:ada", { name: "ada", kind: "person", password });
    const { secret } = await identity.tokens.issue("person:ada", ofAda);
    for (let i = 0; i < 60; i++) await refused(identity, { bearer: `wrong${i}` }, "UNAUTHORIZED");
    await refused(identity, { bearer: "wrong" }, "TOO_MANY_REQUESTS");
    await identity.authenticate(showing({ bearer: secret }));
  });
});
