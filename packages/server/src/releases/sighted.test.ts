import assert from "node:assert/strict";
import { test } from "node:test";
import { epochMs, integrityFromSha512, parsePackageName, parseVersion, type EpochMs } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { checksumMigrations, type BindFacts } from "../checksums/checksums.ts";
import { createClaims } from "../checksums/claims.ts";
import type { Database } from "../platform/database/database.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { releaseMigrations } from "./releases.ts";
import { sight } from "./sight.ts";
import { recordSighted, recordSome } from "./sighted.ts";
import { oldestSighted } from "./store-sighted.ts";

const name = parsePackageName("tool");
const manifest = `sha256-${Buffer.alloc(32, 7).toString("base64")}`;
const integrity = integrityFromSha512(Buffer.alloc(64, 1));
const noon = epochMs(1_795_255_200_000);

/** A listing of versions 1.0.<from> to 1.0.<to - 1>. */
const listed = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    version: parseVersion(`1.0.${from + i}`),
    publishedMs: undefined,
    integrity: (from + i) % 2 === 0 ? integrity : undefined,
    manifest,
  }));

onEveryDatabase("sighted versions", (databases) => {
  async function open() {
    const database: Database = await databases.fresh(checksumMigrations, releaseMigrations);
    const clock = createFakeClock();
    const events = { record: async () => {} };
    const checksums = createClaims({ database, clock, events, wake: () => {}, onConflict: () => {} }, "npm");
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const telemetry = { log, metrics: createMetrics({ processMetrics: false }) };
    const deps = { database, checksums, clock, telemetry };
    return {
      deps,
      sight: (seen: "off" | "bound-names" | "all", versions: ReturnType<typeof listed>, more: object = {}) =>
        database.write((transaction) =>
          sight({ checksums, events, seen }, transaction, { name, source: "npm", atMs: noon, versions, ...more }),
        ),
      bind: (number: number) =>
        database.write((transaction) => {
          const version = parseVersion(`1.0.${number}`);
          const rest = { tree: `t1-${manifest.slice(7)}`, manifest, sizeBytes: 1, source: "npm", signer: "-" };
          return checksums.claimBind(transaction, { name, version, integrity, ...rest } satisfies BindFacts);
        }),
      claims: async () => {
        const rows = await database.read
          .withTables<{ log_claims: { id: number; kind: string; version: string; facts: string } }>()
          .selectFrom("log_claims")
          .selectAll()
          .orderBy("id")
          .execute();
        return rows.filter(({ kind }) => kind !== "bind");
      },
      drain: async () => {
        let turns = 0;
        while (await recordSome(deps)) turns += 1;
        return turns;
      },
    };
  }

  test("are recorded in turns of 200, once, what was bound meanwhile left out", async () => {
    const room = await open();
    await room.sight("all", listed(0, 450));
    await room.bind(3);
    assert.equal(await room.drain(), 3);
    const claims = await room.claims();
    assert.deepEqual([claims.length, new Set(claims.map(({ kind }) => kind))], [449, new Set(["seen"])]);
    assert.ok(!claims.some(({ version }) => version === "1.0.3"));
    assert.match(claims[0]?.facts ?? "", /\nintegrity sha512-.*\nmanifest sha256-.*\nsource npm\n$/);
    assert.match(claims[1]?.facts ?? "", /\nintegrity -\n/);
    await room.sight("all", listed(0, 451));
    await room.drain();
    assert.equal((await room.claims()).length, 450);
  });

  test("a turn that is cut off is done again as if nothing had happened", async () => {
    const room = await open();
    await room.sight("all", listed(0, 10));
    const { database, checksums } = room.deps;
    let claimed = 0;
    const dying = {
      bindsOf: checksums.bindsOf,
      claimSeen: async (...given: Parameters<typeof checksums.claimSeen>) => {
        if ((claimed += 1) === 6) throw new Error("died");
        return await checksums.claimSeen(...given);
      },
    };
    await assert.rejects(recordSome({ ...room.deps, checksums: dying }), /died/);
    assert.deepEqual([(await room.claims()).length, (await oldestSighted(database.read, 100)).length], [0, 10]);
    await room.drain();
    assert.deepEqual([(await room.claims()).length, (await oldestSighted(database.read, 100)).length], [10, 0]);
  });

  test("are those of names with a bind, of all, or of none, as it is set", async () => {
    const room = await open();
    await room.sight("off", listed(0, 5));
    await room.sight("bound-names", listed(0, 10));
    await room.drain();
    assert.equal((await room.claims()).length, 0, "nothing is bound");
    await room.bind(1);
    await room.sight("bound-names", listed(0, 12));
    await room.drain();
    assert.deepEqual(
      (await room.claims()).map(({ version }) => version),
      ["1.0.10", "1.0.11"],
    );
  });

  test("a manifest that cannot be digested is not recorded", async () => {
    const room = await open();
    await room.sight("all", listed(0, 2).map((one) => ({ ...one, manifest: undefined })) as never);
    assert.equal(await room.drain(), 0);
  });

  test("the loop goes on after a failure and ends when it is told to", async () => {
    const room = await open();
    await room.sight("all", listed(0, 1));
    const { clock, checksums } = room.deps;
    let fails = true;
    const failing = {
      bindsOf: checksums.bindsOf,
      claimSeen: async (...given: Parameters<typeof checksums.claimSeen>) => {
        if (fails) throw new Error("the disk is full");
        return await checksums.claimSeen(...given);
      },
    };
    const stop = new AbortController();
    const running = recordSighted({ ...room.deps, checksums: failing }, stop.signal);
    fails = false;
    while ((await room.claims()).length === 0) {
      await clock.advance(5000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    await clock.advance(5000);
    await running;
  });

  test("a tag that moved is recorded for a package with a bind, and not at first contact", async () => {
    const room = await open();
    const tags = (before: object | undefined, now: object) => ({
      tags: before && { before, now },
      atMs: noon satisfies EpochMs,
    });
    await room.sight("off", listed(0, 2), tags({ latest: "1.0.0" }, { latest: "1.0.1" }));
    assert.equal((await room.claims()).length, 0, "nothing is bound");
    await room.bind(1);
    await room.sight("off", listed(0, 2), tags(undefined, { latest: "1.0.1" }));
    assert.equal((await room.claims()).length, 0, "it was never seen before");
    await room.sight("off", listed(0, 2), tags({ latest: "1.0.1", "la test": "1.0.0" }, { latest: "1.0.0" }));
    const [moved, ...others] = await room.claims();
    assert.equal(others.length, 0);
    assert.equal(moved?.facts, "assay/v1 tag\nns npm\nname tool\ntag latest\nfrom 1.0.1\nto 1.0.0\nsource npm\n");
  });
});
