import assert from "node:assert/strict";
import { after, test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { sql } from "kysely";
import type { ConflictFacts } from "./claim-facts.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never } from "./test-log.ts";

const conflict: ConflictFacts = {
  name: bindFacts(1).name,
  version: bindFacts(1).version,
  source: "npm",
  integrity: bindFacts(2).integrity,
  tree: "-",
  manifest: "-",
  evidence: "-",
  from: "bytes",
};

onEveryDatabase("claims", (databases) => {
  const folder = () => tempFolder({ after });
  const freshLog = async () => createTestLog({ database: await databases.fresh(...logMigrations), folder: folder() });

  test("the first claim of a version binds it, equal ones agree, others differ", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const facts = bindFacts(1);
    const claim = (other = {}) =>
      log.database.write((transaction) => checksums.claimBind(transaction, { ...facts, ...other }));

    const first = await claim();
    assert.equal(first.outcome, "bound");
    const { claimedAtMs, ...bound } = first.bind;
    assert.deepEqual(bound, facts);
    assert.equal((await claim()).outcome, "same");
    // Who was asked, and who vouched, is no part of what the version is.
    assert.equal((await claim({ source: "mirror", signer: "SHA256:key" })).outcome, "same");
    for (const field of ["integrity", "tree", "manifest"] as const) {
      const differs = await claim({ [field]: bindFacts(2)[field] });
      assert.equal(differs.outcome, "differs", field);
      assert.deepEqual(differs.bind, { ...facts, claimedAtMs });
    }
  });

  test("of 200 claims of one version at once exactly one binds, and all see the same bind", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        log.database.write((transaction) =>
          checksums.claimBind(transaction, { ...bindFacts(1, `bytes ${i}`), sizeBytes: i }),
        ),
      ),
    );
    assert.equal(results.filter((result) => result.outcome === "bound").length, 1);
    assert.equal(results.filter((result) => result.outcome === "differs").length, 199);
    assert.equal(new Set(results.map((result) => result.bind.integrity)).size, 1);
  });

  test("a claim whose transaction fails was never made", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const failing = log.database.write(async (transaction) => {
      await checksums.claimBind(transaction, bindFacts(1));
      throw new Error("the blob was not there");
    });
    await assert.rejects(failing, /the blob was not there/);
    assert.equal((await checksums.bindsOf(bindFacts(1).name)).size, 0);
    await log.claim(1, 1);
    await assertSound(log, await log.settle(), [1]);
  });

  test("facts that no record can hold are refused and leave no claim", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const bad = [
      { source: "Not An Alias" },
      { signer: "two\nlines" },
      { manifest: "sha256-short" },
      { sizeBytes: -1 },
      { integrity: "sha1-x" },
    ];
    for (const change of bad) {
      const facts = { ...bindFacts(1), ...change } as ReturnType<typeof bindFacts>;
      const claim = log.database.write((transaction) => checksums.claimBind(transaction, facts));
      await assert.rejects(claim, { code: "BAD_FORMAT" });
    }
    assert.equal((await checksums.bindsOf(bindFacts(1).name)).size, 0);
  });

  test("lists the binds of a package and of no other whose name begins like it", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const { name: _name, version: _version, ...facts } = bindFacts(1);
    const names = ["a", "ab", "a-b", "a.b", "@s/a", "@s/ab", "@s2/a", "A"];
    await log.database.write(async (transaction) => {
      for (const name of names)
        for (const version of ["1.0.0", "1.0.0-rc.1+build.5", "not_semver!"])
          await checksums.claimBind(transaction, {
            ...facts,
            name: parsePackageName(name),
            version: parseVersion(version),
          });
      await checksums.claimConflict(transaction, { ...conflict, name: parsePackageName("a") });
    });
    for (const name of names) {
      const binds = await checksums.bindsOf(parsePackageName(name));
      assert.equal(binds.size, 3);
      for (const [version, bind] of binds) assert.deepEqual([bind.name, bind.version], [name, version]);
    }
    assert.equal((await checksums.bindsOf(parsePackageName("b"))).size, 0);
  });

  test("all binds are read page by page in the order of their claims, and nothing else is", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    await log.claim(1, 3);
    await log.database.write((transaction) => checksums.claimConflict(transaction, conflict));
    await log.claim(4, 2);
    const seen: string[] = [];
    for (let position = 0; ;) {
      const page = await checksums.boundAfter(position, 2);
      if (page.length === 0) break;
      seen.push(...page.map(({ name, version }) => `${name}@${version}`));
      position = page.at(-1)?.position ?? 0;
    }
    const expected = [1, 2, 3, 4, 5].map((number) => bindFacts(number));
    assert.deepEqual(
      seen,
      expected.map(({ name, version }) => `${name}@${version}`),
    );
  });

  test("every bound name is walked once, whatever its letters, and all are counted", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    assert.equal(await checksums.boundNameAfter(undefined), undefined);
    const { name: _name, version: _version, ...facts } = bindFacts(1);
    const names = ["a", "a-b", "a.b", "aA", "aB", "ab", "@s/a", "~x", "Z", "a!"].map(parsePackageName);
    await log.database.write(async (transaction) => {
      for (const name of names)
        for (const version of ["1.0.0", "2.0.0"])
          await checksums.claimBind(transaction, { ...facts, name, version: parseVersion(version) });
      await checksums.claimConflict(transaction, { ...conflict, name: parsePackageName("other") });
    });
    const walked: string[] = [];
    for (let name = await checksums.boundNameAfter(undefined); name !== undefined;) {
      walked.push(name);
      name = await checksums.boundNameAfter(name);
    }
    assert.deepEqual(walked.toSorted(), names.toSorted());
    assert.deepEqual(await checksums.countBound(), { versions: 20, names: 10 });
  });

  test("binds are seen inside the transaction that makes them", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const size = await log.database.write(async (transaction) => {
      await checksums.claimBind(transaction, bindFacts(1));
      return (await checksums.bindsOf(bindFacts(1).name, transaction)).size;
    });
    assert.equal(size, 1);
  });

  test("one conflict is recorded for each source, and becomes a record of its own", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const claim = (facts: ConflictFacts) =>
      log.database.write((transaction) => checksums.claimConflict(transaction, facts));
    await log.claim(1, 1);
    assert.equal(await claim(conflict), true);
    assert.equal(await claim({ ...conflict, integrity: "-" }), false);
    assert.equal(await claim({ ...conflict, source: "mirror" }), true);
    const settled = await log.settle();
    await assertSound(log, settled, [1]);
    const shard = settled.logs.list()[0]?.shard ?? "";
    const text = new TextDecoder().decode(await settled.logs.tile(shard, "tile/entries/000.p/3"));
    assert.equal(text.match(/assay\/v1 conflict\n/g)?.length, 2);
    assert.match(text, /source npm\nevidence -\nseq 2\nprev 0\n/);
    assert.match(text, /source mirror\nevidence -\nseq 3\nprev 1\n/);
  });

  test("a conflict tells how grave it is, once, and an alarm counts it", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const { tree, manifest } = bindFacts(1);
    const claim = (facts: ConflictFacts) =>
      log.database.write((transaction) => checksums.claimConflict(transaction, facts));
    const unbound = { ...conflict, version: bindFacts(9).version };
    await claim(unbound);
    await log.claim(1, 1);
    await claim({ ...conflict, tree, manifest, source: "recompressing" });
    await claim({ ...conflict, tree: bindFacts(2).tree, source: "lying" });
    await claim({ ...conflict, tree: bindFacts(2).tree, source: "lying" });
    await claim({ ...conflict, integrity: "-", manifest: bindFacts(2).manifest, source: "adding", from: "listing" });
    const { rows } = await sql<{
      data: string;
    }>`select data from events where kind = 'upstream.conflict' order by id`.execute(log.database.read);
    assert.deepEqual(
      rows.map(({ data }) => {
        const { source, difference, severity } = JSON.parse(data) as Record<string, string>;
        return [source, difference, severity];
      }),
      [
        ["npm", "unbound", "high"],
        ["recompressing", "recompressed", "low"],
        ["lying", "files", "high"],
        ["adding", "manifest", "high"],
      ],
    );
    assert.equal(log.lines.filter((line) => /something else than what is bound/.test(line)).length, 3);
  });

  test("the same sighting twice is one record, a later one another", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const { name, version } = bindFacts(1);
    const clock = createFakeClock();
    const see = (kind: "gone" | "back", atMs = clock.now()) =>
      log.database.write((transaction) =>
        checksums.claimSighting(transaction, kind, { name, version, source: "npm", atMs }),
      );
    await log.claim(1, 1);
    await see("gone");
    await see("gone");
    await see("back");
    await clock.advance(1);
    await see("gone");
    const settled = await log.settle();
    await assertSound(log, settled, [1]);
    const note = settled.logs.checkpoint(settled.logs.list()[0]?.shard ?? "") ?? "";
    assert.equal(note.split("\n")[1], "4");
  });

  test("a version is bound once in a log, however many shards it has", async () => {
    const log = await freshLog();
    await log.claim(1, 3);
    await log.settle();
    await log.rotate();
    await log.claim(4, 2);
    const checksums = await log.settle();
    const [newest, oldest] = checksums.logs.list();
    assert.deepEqual([newest?.state, oldest?.state], ["open", "frozen"]);
    assert.ok(newest && oldest);
    assert.notEqual(newest.vkey, oldest.vkey);

    const again = await log.database.write((transaction) =>
      checksums.claimBind(transaction, { ...bindFacts(1), integrity: bindFacts(2).integrity }),
    );
    assert.equal(again.outcome, "differs");
    await assertSound(log, await log.settle(), [1, 2, 3, 4, 5]);

    const places = async (number: number) => {
      const { name, version } = bindFacts(number);
      const found = await checksums.lookup(name, version, never);
      return [found?.shard, found?.index, found?.text.match(/^seq .*\nprev .*$/m)?.[0]];
    };
    assert.deepEqual(await places(1), [oldest.shard, 0, "seq 1\nprev -"]);
    // The chain of a package starts again with the shard.
    assert.deepEqual(await places(4), [newest.shard, 1, "seq 1\nprev -"]);
    const { name, version } = bindFacts(1);
    assert.equal(await checksums.logs.proof(newest.shard, name, version, never), undefined);
    assert.ok(await checksums.logs.proof(oldest.shard, name, version, never));
    const bundle = await checksums.logs.bundle(
      undefined,
      [1, 4, 9].map((i) => bindFacts(i)),
      never,
    );
    assert.deepEqual(
      bundle.bundles.map(({ origin }) => origin),
      [newest.origin, oldest.origin],
    );
    assert.deepEqual(
      bundle.missing.map((entry) => entry.version),
      [bindFacts(9).version],
    );
  });

  test("claims that wait when a shard is frozen go to the next one", async () => {
    const log = await freshLog();
    await log.claim(1, 2);
    await log.rotate();
    const checksums = await log.settle();
    await assertSound(log, checksums, [1, 2]);
    const { name, version } = bindFacts(1);
    assert.equal((await checksums.lookup(name, version, never))?.shard, checksums.logs.list()[0]?.shard);
  });
});
