import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import type { PublishingDeps } from "../create-publishing.ts";
import { publishingMigrations } from "../migrations.ts";
import { createQuotas } from "../quotas/quotas.ts";
import { drop, dropIfThere } from "./drop.ts";
import {
  addStage,
  countStages,
  countStagesBy,
  readOverdue,
  readStage,
  readStageNames,
  readStageOf,
  readStages,
  removeStage,
  type WholeStage,
} from "./store.ts";

const name = parsePackageName("@acme/ui");
const integrity = parseIntegrity(`sha512-${Buffer.alloc(64).toString("base64")}`);

function stage(id: string, number: string, createdAtMs: number): WholeStage {
  const version = parseVersion(number);
  const tarball = { integrity, sha1: "a".repeat(40), sizeBytes: 5 };
  return {
    id,
    name,
    version,
    tags: ["latest"],
    access: undefined,
    integrity,
    shasum: tarball.sha1,
    sizeBytes: 5,
    actor: { id: "person:ada", name: "ada", kind: "person" },
    address: "127.0.0.1",
    createdAtMs,
    expiresAtMs: createdAtMs + 100,
    request: {
      name,
      version,
      tags: ["latest"],
      access: undefined,
      manifest: { name, version: number, text: "\u00fc" },
      readme: undefined,
      tarball,
      provenance: undefined,
    },
    archive: {
      verdict: "accepted",
      tree: "t1-x",
      fileCount: 1,
      unpackedBytes: 9,
      hasGypFile: false,
      hasShrinkwrap: false,
      odd: [],
      secrets: [],
    },
    content: "c",
    approval: undefined,
    authorship: {
      act: "publish",
      by: "person:ada",
      doer: { id: "person:ada", address: "", action: "publish", policy: "" },
      owner: "ada",
      publisher: { name: "ada", email: "" },
      publishedAtMs: undefined,
      deprecated: null,
    },
  };
}

onEveryDatabase("the table of stages", (databases) => {
  test("gives back what was staged, the newest first, until its time is over", async () => {
    const database = await databases.fresh(publishingMigrations);
    for (const [id, version, atMs] of [
      ["b", "1.0.0", 1],
      ["a", "1.1.0", 50],
    ] as const)
      await database.write((transaction) => addStage(transaction, stage(id, version, atMs)));
    const found = await readStage(database.read, "b", 100);
    // A member that is undefined is none of JSON.
    assert.equal(JSON.stringify(found), JSON.stringify(stage("b", "1.0.0", 1)));
    assert.deepEqual(
      (await readStageNames(database.read, name, 100)).map(({ id }) => id),
      ["a", "b"],
    );
    assert.deepEqual(await readStageNames(database.read, parsePackageName("other"), 100), []);
    assert.deepEqual(
      (await readStages(database.read, ["b", "gone", "a"])).map(({ id }) => id),
      ["b", "a"],
    );
    assert.equal((await readStageOf(database.read, name, parseVersion("1.0.0"), 100))?.id, "b");
    assert.equal(await readStage(database.read, "b", 101), undefined, "its time is over");
    assert.equal(await readStageOf(database.read, name, parseVersion("1.0.0"), 101), undefined);
    assert.deepEqual(
      (await readOverdue(database.read, 101)).map(({ id }) => id),
      ["b"],
    );
    assert.equal(await countStages(database.read, name), 2);
    assert.equal(await countStagesBy(database.read, "person:ada"), 2);
    assert.equal(await countStagesBy(database.read, "person:bob"), 0);
  });

  test("holds one stage of a version, and ends it once", async () => {
    const database = await databases.fresh(publishingMigrations);
    await database.write((transaction) => addStage(transaction, stage("a", "1.0.0", 1)));
    await assert.rejects(database.write((transaction) => addStage(transaction, stage("b", "1.0.0", 1))));
    const ends = await Promise.all([1, 2, 3].map(() => database.write((transaction) => removeStage(transaction, "a"))));
    assert.equal(ends.filter((ended) => ended).length, 1);
  });

  test("counts for the quota while it waits, and no more however it ends", async () => {
    const database = await databases.fresh(publishingMigrations);
    const names = { organisationOf: () => "acme", listed: async () => [] };
    const quotas = createQuotas({ names, checksums: { bindsOf: async () => new Map() } }, [
      { organisation: undefined, measure: "sizeBytes", most: 10 },
    ]);
    await database.write((transaction) => addStage(transaction, stage("a", "1.0.0", 1)));
    await database.write(async (transaction) => {
      await addStage(transaction, stage("b", "1.1.0", 1));
      await quotas.count(transaction, name, { packages: 0, versions: 1, sizeBytes: 5 });
    });
    assert.deepEqual(await quotas.usage(database, "acme"), { packages: 0, versions: 2, sizeBytes: 10 });
    await assert.rejects(quotas.requireRoom(database, name, { versions: 1, sizeBytes: 5 }), /10 bytes of at most/);
    const deps = { quotas, admission: { letGo: async () => undefined } } as unknown as PublishingDeps;
    await database.write((transaction) => drop(deps, transaction, { id: "a" }));
    assert.equal(await database.write((transaction) => dropIfThere(deps, transaction, { id: "a" })), false);
    assert.deepEqual(await quotas.usage(database, "acme"), { packages: 0, versions: 1, sizeBytes: 5 });
  });
});
