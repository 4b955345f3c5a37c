import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, test } from "node:test";
import { parsePackageName, parseRecord } from "@assay/core";
import type { KnownRecord, PackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Database } from "../platform/database/database.ts";
import { checkLog, createChecksums, requestRotation } from "./checksums.ts";
import type { BindFacts, Checksums } from "./checksums.ts";
import { createGuardFile } from "./guard.ts";
import type { CrashPoint } from "./sequence/steps.ts";
import { entriesBetween } from "./store.ts";
import { ensureShards } from "./shards.ts";
import { leadOf } from "./store-lead.ts";
import { listShards } from "./store-shards.ts";
import type { Tables } from "./tables.ts";
import { bindFacts, createTestLog, logMigrations, never } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";

/** `@acme/…` and `@umbrella/…` live here, and one name without a scope. */
function organisationOf(name: PackageName): string | undefined {
  if (name === "tool") return "acme";
  const scope = /^@(acme|umbrella)\//.exec(name)?.[1];
  return scope;
}

const acme = parsePackageName("@acme/name");
const umbrella = parsePackageName("@umbrella/name");

function hosted(name: PackageName, number: number): BindFacts {
  return { ...bindFacts(number), name, source: "hosted" };
}

/** Every point of a commit that a private log passes. */
const crashPoints: readonly CrashPoint[] = [
  "before-assign",
  "assigned",
  "tiles-stored",
  "guarded-in-database",
  "guarded-in-file",
  "signed",
  "swapped",
  "published",
];

onEveryDatabase("logs of organisations", (databases) => {
  const freshLog = async (): Promise<TestLog> => {
    const folder = tempFolder({ after });
    return await createTestLog({ database: await databases.fresh(...logMigrations), folder, organisationOf });
  };

  /** Runs the room while the work is done. */
  async function running<T>(checksums: Checksums, work: () => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const run = checksums.run(stop.signal);
    try {
      return await work();
    } finally {
      stop.abort();
      await run;
    }
  }

  const bind = (log: TestLog, checksums: Checksums, facts: BindFacts) =>
    log.database.write(async (transaction) => (await checksums.claimBind(transaction, facts)).outcome);

  const recordsOf = async (log: TestLog, shard: string): Promise<readonly KnownRecord[]> =>
    (await entriesBetween(log.database.read, shard, 0, 1000))
      .map(({ record }) => parseRecord(record))
      .filter((record) => record.kind !== "unknown");

  const assertWhole = async (log: TestLog): Promise<void> =>
    assert.deepEqual(await checkLog(log.deps, { guardFolder: log.config.guardFolder, entries: "all" }), []);

  test("equal names of two organisations are bound in a private log each, and nothing of them in the public one", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const before = await listShards(log.database.read);
    assert.deepEqual(
      before.map(({ log: of }) => of),
      ["npm"],
    );
    const facts = [hosted(acme, 1), hosted(umbrella, 2), hosted(parsePackageName("tool"), 3), bindFacts(4)];
    await running(checksums, async () => {
      for (const each of facts) assert.equal(await bind(log, checksums, each), "bound");
      for (const each of facts) assert.ok(await checksums.lookup(each.name, each.version, never));
    });
    const shards = await listShards(log.database.read);
    assert.deepEqual(
      shards.map(({ log: of, visibility, state }) => [of, visibility, state]),
      [
        ["npm", "private", "open"],
        ["org:acme", "private", "open"],
        ["org:umbrella", "private", "open"],
      ],
    );
    for (const { id, log: of, origin, vkey } of shards) {
      assert.match(id, of === "npm" ? /^npm-/ : /^org-(acme|umbrella)-\d{4}a$/);
      assert.ok(existsSync(log.guardFile.pathOf(origin)), "the guard outside the data folder");
      assert.equal((await log.signing.checkpointSigner(origin)).vkey, vkey);
      for (const record of await recordsOf(log, id)) {
        assert.equal(record.ns, of);
        assert.notEqual(record.nonce, "-");
      }
    }
    assert.equal(new Set(shards.map(({ vkey }) => vkey)).size, 3);
    assert.deepEqual(
      checksums.logs.list().map(({ log: of }) => of),
      ["npm"],
    );
    assert.deepEqual(
      checksums.logs.listHosted().map(({ log: of }) => of),
      ["org:acme", "org:umbrella"],
    );
    await assertWhole(log);
  });

  test("a bundle has a part of each log, and one shard proves nothing of another's names", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const facts = [hosted(acme, 1), bindFacts(4), hosted(umbrella, 2)];
    await running(checksums, async () => {
      for (const each of facts) await bind(log, checksums, each);
      const nobody = { name: parsePackageName("@acme/nothing"), version: bindFacts(1).version };
      const { bundles, missing } = await checksums.logs.bundle(undefined, [...facts, nobody], never);
      assert.deepEqual(missing, [nobody]);
      assert.equal(bundles.length, 3);
      const [ofAcme] = checksums.logs.listHosted();
      const part = await checksums.logs.bundle(ofAcme?.shard, facts, never);
      assert.deepEqual(
        part.bundles.map(({ origin }) => origin),
        [ofAcme?.origin],
      );
      assert.equal(part.missing.length, 2);
      const other = facts[2] ?? bindFacts(0);
      assert.equal(await checksums.logs.proof(ofAcme?.shard, other.name, other.version, never), undefined);
      assert.ok(await checksums.logs.proof(undefined, other.name, other.version, never));
      const [npm] = checksums.logs.list();
      const from = { shard: npm?.shard ?? "", index: 0 };
      assert.deepEqual(await checksums.browser.history(acme, from, 10), { records: [], next: undefined });
      assert.equal((await checksums.browser.history(acme, undefined, 10)).records.length, 1);
    });
  });

  test("a restart knows every log, and what is bound in one stays bound", async () => {
    const log = await freshLog();
    const first = await log.open();
    await running(first, async () => {
      await bind(log, first, hosted(acme, 1));
      await first.lookup(acme, bindFacts(1).version, never);
    });
    const again = await log.open();
    assert.ok(await again.lookup(acme, bindFacts(1).version, never), "without a sequencer: it was published");
    assert.equal(await bind(log, again, hosted(acme, 1)), "same");
    assert.equal(await bind(log, again, { ...hosted(acme, 1), integrity: bindFacts(2).integrity }), "differs");
    assert.equal((await again.bindsOf(acme)).size, 1);
    assert.equal((await again.countBound()).versions, 0, "scans over everything are of the public namespace");
  });

  test("a rotation of one log leaves the others alone", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    await running(checksums, async () => {
      for (const name of [acme, umbrella]) {
        await bind(log, checksums, hosted(name, 1));
        await checksums.lookup(name, bindFacts(1).version, never);
      }
      await requestRotation(log.database, "org:acme");
      await bind(log, checksums, hosted(acme, 8));
      const found = await checksums.lookup(acme, bindFacts(8).version, never);
      assert.match(found?.shard ?? "", /^org-acme-\d{4}b$/);
      const old = await checksums.lookup(acme, bindFacts(1).version, never);
      assert.match(old?.shard ?? "", /^org-acme-\d{4}a$/);
    });
    const states = (await listShards(log.database.read)).map(({ log: of, state }) => `${of} ${state}`);
    assert.deepEqual(states, ["npm open", "org:acme open", "org:acme frozen", "org:umbrella open"]);
    await assertWhole(log);
  });

  for (const point of crashPoints)
    test(`a process that dies ${point} in one of two logs leaves both whole, and the next finishes them`, async () => {
      const log = await freshLog();
      const facts = [hosted(acme, 1), hosted(umbrella, 2), bindFacts(4)];
      let commits = 0;
      const died = Promise.withResolvers<void>();
      const stop = new AbortController();
      const dying = await createChecksums(
        {
          ...log.deps,
          crashPoint: async (at) => {
            if (stop.signal.aborted) await new Promise(() => {});
            // The first commit signs the empty log of the public namespace.
            if (at === point) commits += 1;
            if (at !== point || commits < 2) return;
            stop.abort();
            died.resolve();
            await new Promise(() => {});
          },
        },
        log.config,
      );
      void dying.run(stop.signal);
      for (const each of facts) await bind(log, dying, each);
      await died.promise;

      const next = await log.open();
      await running(next, async () => {
        for (const { name, version } of facts) assert.ok(await next.lookup(name, version, never));
      });
      for (const { id, log: of } of await listShards(log.database.read))
        assert.equal((await recordsOf(log, id)).length, 1, of);
      await assertWhole(log);
    });

  if (databases.engine === "sqlite")
    test("of two processes the one that started last sequences every log, and the other stops", async () => {
      const log = await freshLog();
      const one = await log.open();
      const stop = new AbortController();
      const first = one.run(stop.signal);
      await bind(log, one, hosted(acme, 1));
      await one.lookup(acme, bindFacts(1).version, never);
      const two = await log.open();
      await running(two, async () => {
        await assert.rejects(first, { code: "LOG_FENCED" });
        await bind(log, two, hosted(acme, 8));
        await bind(log, two, hosted(umbrella, 2));
        assert.ok(await two.lookup(acme, bindFacts(8).version, never));
        assert.ok(await two.lookup(umbrella, bindFacts(2).version, never));
      });
      await assertWhole(log);
    });

  if (databases.engine === "postgres")
    for (const end of ["ends", "dies"] as const)
      test(`of two processes one follows, sees what the other signs, and leads when that one ${end}`, async () => {
        const log = await freshLog();
        const stop = new AbortController();
        let isDead = false;
        const die = async () => {
          if (isDead) await new Promise(() => {});
        };
        const one = await createChecksums({ ...log.deps, crashPoint: die }, log.config);
        const first = one.run(stop.signal);
        await bind(log, one, hosted(acme, 1));
        await one.lookup(acme, bindFacts(1).version, never);
        const two = await log.open();
        await running(two, async () => {
          await bind(log, two, hosted(acme, 8));
          await bind(log, two, hosted(umbrella, 2));
          assert.ok(await two.lookup(acme, bindFacts(8).version, never));
          assert.ok(await two.lookup(umbrella, bindFacts(2).version, never), "a log that the other made");
          assert.ok(await one.lookup(acme, bindFacts(8).version, never));
          isDead = end === "dies";
          if (isDead) await bind(log, two, hosted(acme, 9));
          stop.abort();
          if (!isDead) await first;
          await bind(log, two, hosted(acme, 15));
          assert.ok(await two.lookup(acme, bindFacts(15).version, never));
        });
        await assertWhole(log);
      });

  if (databases.engine === "postgres")
    test("a leader that has died on the same machine is followed by nobody: whoever sees it leads, without waiting", async () => {
      const log = await freshLog();
      const stop = new AbortController();
      let isStuck = false;
      let isDead = false;
      const reached = Promise.withResolvers<void>();
      const die = async () => {
        if (!isStuck) return;
        reached.resolve();
        await new Promise(() => {});
      };
      const marks = (own: string) => ({ own, isGone: (mark: string) => isDead && mark === "one" });
      const one = await createChecksums({ ...log.deps, crashPoint: die, marks: marks("one") }, log.config);
      void one.run(stop.signal);
      await bind(log, one, hosted(acme, 1));
      await one.lookup(acme, bindFacts(1).version, never);
      assert.equal((await leadOf(log.database.read)).mark, "one");
      // By time alone it would not lead within this test.
      const two = await createChecksums({ ...log.deps, marks: marks("two") }, { ...log.config, leaderGoneMs: 1e9 });
      await running(two, async () => {
        await bind(log, two, hosted(acme, 8));
        assert.ok(await two.lookup(acme, bindFacts(8).version, never));
        assert.equal((await leadOf(log.database.read)).mark, "one");
        isStuck = true;
        await bind(log, one, hosted(acme, 9));
        await reached.promise;
        stop.abort();
        isDead = true;
        assert.ok(await two.lookup(acme, bindFacts(9).version, never));
        const standing = await leadOf(log.database.read);
        assert.equal(standing.mark, "two");
        // As a release that knows no marks takes it.
        await log.database.write((transaction) =>
          transaction
            .withTables<Tables>()
            .updateTable("log_leads")
            .set({ fence: standing.fence + 1 })
            .execute(),
        );
        assert.equal((await leadOf(log.database.read)).mark, undefined);
      });
    });

  if (databases.engine === "postgres")
    test("who follows on another machine remembers what was signed, and does not show what went back behind it", async () => {
      const log = await freshLog();
      const one = await log.open();
      const guardFolder = tempFolder({ after });
      await running(one, async () => {
        await bind(log, one, hosted(acme, 1));
        await one.lookup(acme, bindFacts(1).version, never);
        const two = await createChecksums(log.deps, { ...log.config, guardFolder });
        await running(two, async () => {
          await bind(log, two, hosted(acme, 8));
          assert.ok(await two.lookup(acme, bindFacts(8).version, never));
        });
        const origin = one.logs.listHosted()[0]?.origin ?? "";
        const guard = createGuardFile({ random: log.deps.random }, { folder: guardFolder });
        assert.equal((await guard.read(origin))?.size, 2);
        // As after a restored backup: this machine has seen more than the database holds by now.
        const three = await createChecksums(log.deps, { ...log.config, guardFolder });
        await guard.raise(origin, { size: 9, root: new Uint8Array(32) });
        await running(three, async () => {
          await bind(log, three, hosted(acme, 15));
          await one.lookup(acme, bindFacts(15).version, never);
          await assert.rejects(three.lookup(acme, bindFacts(15).version, never), { code: "NOT_READY" });
        });
        assert.equal((await guard.read(origin))?.size, 9);
      });
    });

  test("who looked just before another one made a log adds no second shard to it", async () => {
    const log = await freshLog();
    await log.open();
    const guardFile = createGuardFile({ random: log.deps.random }, { folder: log.config.guardFolder });
    const options = { log: "org:acme", originBase: undefined, visibility: "private" } as const;
    await ensureShards({ ...log.deps, guardFile }, options);
    const before = await databases.fresh(...logMigrations);
    let looks = 0;
    const database: Database = {
      ...log.database,
      get read() {
        return looks++ === 0 ? before.read : log.database.read;
      },
    };
    const shards = await ensureShards({ ...log.deps, database, guardFile }, options);
    assert.equal(shards.filter((shard) => shard.log === options.log).length, 1);
  });

  test("what is done to the registry itself and to an organisation has its log", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const { manifest: digest } = bindFacts(1);
    await running(checksums, async () => {
      await log.database.write(async (transaction) => {
        await checksums.claimAudit(transaction, { organisation: undefined, acts: 1, chain: digest });
        await checksums.claimAudit(transaction, { organisation: "acme", acts: 1, chain: digest });
        await checksums.claimBind(transaction, hosted(umbrella, 2));
      });
      await checksums.lookup(umbrella, bindFacts(2).version, never);
      while (checksums.logs.listHosted().length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    });
    assert.deepEqual(
      checksums.logs.listHosted().map(({ log: of }) => of),
      ["org:acme", "org:umbrella", "registry"],
    );
  });
});
