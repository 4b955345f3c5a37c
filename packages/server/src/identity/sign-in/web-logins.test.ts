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
  const open = async (most?: number) => {
    const database = await fresh(signInMigrations);
    const clock = createFakeClock();
    return { clock, logins: createWebLogins({ database, clock, random: createSeededRandom() }, most) };
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

  test("whoever begins many from one address range pushes out their own, the oldest first, and nobody else's", async () => {
    const { logins, clock } = await open(20);
    const begin = async (address: string) => {
      await clock.advance(1);
      return (await logins.begin({ ...place, address })).id;
    };
    const honest = await begin("198.51.100.1");
    const many: string[] = [];
    for (let number = 0; number < 60; number += 1) {
      many.push(await begin(`2001:db8:7:${number.toString(16)}::1`), await begin(`192.0.2.${number}`));
    }
    const late = await begin("203.0.113.1");
    assert.notEqual(await logins.find(honest), undefined);
    assert.notEqual(await logins.find(late), undefined);
    assert.equal(await logins.find(many[0] ?? ""), undefined);
    assert.notEqual(await logins.find(many.at(-1) ?? ""), undefined);
  });
});
