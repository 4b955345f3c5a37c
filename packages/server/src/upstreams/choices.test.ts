import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createEvents, eventMigrations } from "../platform/events/outbox.ts";
import { createChoices } from "./choices.ts";
import { upstreamMigrations } from "./migrations.ts";
import { chosenFirst, parseSourceChoice } from "./source-choice.ts";

onEveryDatabase("choices of sources", (databases) => {
  const open = async () =>
    createChoices({
      database: await databases.fresh(eventMigrations, upstreamMigrations),
      clock: createFakeClock(),
      events: createEvents({ clock: createFakeClock() }),
      random: createSeededRandom(1),
    });
  const bearer = (token: string) => `Bearer ${token}`;
  const isUnauthorized = (error: unknown) => isAssayError(error, "UNAUTHORIZED");

  test("belong to whoever bears the token, until it is revoked", async () => {
    const choices = await open();
    const [one, two] = [await choices.issue("one"), await choices.issue("two")];
    await choices.set(bearer(one), { order: ["near"], only: true });
    assert.deepEqual(await choices.of(bearer(one)), { order: ["near"], only: true });
    assert.equal(await choices.of(bearer(two)), undefined);
    assert.deepEqual(
      (await choices.list()).map(({ label, choice }) => [label, choice?.order]),
      [
        ["one", ["near"]],
        ["two", undefined],
      ],
    );
    await choices.set(bearer(one), undefined);
    assert.equal(await choices.require(bearer(one)), undefined);
    assert.equal(await choices.revoke("one"), true);
    assert.equal(await choices.revoke("one"), false);
    await assert.rejects(choices.require(bearer(one)), isUnauthorized);
  });

  test("a label has one token, and a token that is not ours says nothing and sets nothing", async () => {
    const choices = await open();
    const token = await choices.issue("ci");
    await assert.rejects(choices.issue("ci"), (error) => isAssayError(error, "BAD_REQUEST"));
    await assert.rejects(choices.issue("ci evil"), (error) => isAssayError(error, "BAD_REQUEST"));
    for (const authorization of [undefined, "", token, `Basic ${token}`, bearer(`${token}x`), bearer("npm_abc")]) {
      assert.equal(await choices.of(authorization), undefined);
      await assert.rejects(choices.require(authorization), isUnauthorized);
      await assert.rejects(choices.set(authorization, { order: ["near"], only: false }), isUnauthorized);
    }
    assert.equal((await choices.list())[0]?.choice, undefined);
  });
});

test("the chosen come first, or alone, in their order; sources that do not have the name are passed over", () => {
  const order = (choice: Parameters<typeof chosenFirst>[0]) => chosenFirst(choice, ["npm", "a", "b"], (alias) => alias);
  assert.deepEqual(order(undefined), ["npm", "a", "b"]);
  assert.deepEqual(order({ order: ["b", "other"], only: false }), ["b", "npm", "a"]);
  assert.deepEqual(order({ order: ["b", "a"], only: true }), ["b", "a"]);
  assert.deepEqual(order({ order: ["other"], only: true }), []);
});

test("a choice is refused by name when it is none", () => {
  const known = ["npm", "near"];
  assert.deepEqual(parseSourceChoice({ order: ["near"] }, known), { order: ["near"], only: false });
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /not an object/],
    [[], /not an object/],
    [{ order: [] }, /1 to 100/],
    [{ order: "near" }, /1 to 100/],
    [{ order: ["far"] }, /order\[0\] is no source; there are npm, near/],
    [{ order: ["near", "near"] }, /twice/],
    [{ order: ["near"], only: "yes" }, /true or false/],
    [{ order: ["near"], first: 1 }, /"first" is unknown/],
  ];
  for (const [body, sentence] of bad)
    assert.throws(
      () => parseSourceChoice(body, known),
      (error) => isAssayError(error, "BAD_REQUEST") && sentence.test(error.message),
    );
});
