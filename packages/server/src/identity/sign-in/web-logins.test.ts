import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { signInMigrations } from "./migrations.ts";
import { createWebLogins } from "./web-logins.ts";

const place = { address: "192.0.2.1", agent: "npm/12.2.0" };
const isUnauthorized = (error: unknown): boolean => isAssayError(error, "UNAUTHORIZED");

onEveryDatabase("web logins", ({ fresh }) => {
  const open = async () => {
    const database = await fresh(signInMigrations);
    const clock = createFakeClock();
    return { clock, logins: createWebLogins({ database, clock, random: createSeededRandom() }) };
  };
  const issue = async (_transaction: unknown, { account }: { readonly account: string }) => `token of ${account}`;

  test("a client waits until a person says yes, and gets its token once, however many ask", async () => {
    const { logins } = await open();
    const { id, secret, code } = await logins.begin(place);
    assert.match(code, /^[B-Z2-9]{4}-[B-Z2-9]{4}$/);
    assert.equal(await logins.collect(secret, issue), "waiting");
    assert.equal((await logins.find(id))?.code, code);
    assert.equal(await logins.decide(id, "ada", "confirmed"), true);
    assert.equal(await logins.decide(id, "mallory", "confirmed"), false, "decided once");
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => logins.collect(secret, issue)));
    const got = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    assert.deepEqual(got, ["token of ada"]);
    await assert.rejects(logins.collect(secret, issue), isUnauthorized);
  });

  test("who sees the page cannot collect, and who said no is believed", async () => {
    const { logins } = await open();
    const { id, secret } = await logins.begin(place);
    await assert.rejects(logins.collect(id, issue), isUnauthorized);
    assert.equal(await logins.decide(id, "ada", "refused"), true);
    await assert.rejects(logins.collect(secret, issue), isUnauthorized);
    assert.equal(await logins.decide(id, "ada", "confirmed"), false);
  });

  test("ends after ten minutes, confirmed or not", async () => {
    const { logins, clock } = await open();
    const [waiting, confirmed] = [await logins.begin(place), await logins.begin(place)];
    await logins.decide(confirmed.id, "ada", "confirmed");
    await clock.advance(600_000);
    assert.equal(await logins.find(waiting.id), undefined);
    assert.equal(await logins.decide(waiting.id, "ada", "confirmed"), false);
    await assert.rejects(logins.collect(confirmed.secret, issue), isUnauthorized);
    await logins.sweep();
    assert.equal(await logins.find(confirmed.id), undefined);
  });
});
