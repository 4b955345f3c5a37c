import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parsePackageName, type PackageName, type Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import type { QuotaRule } from "../../config/config.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import { publishingMigrations } from "../migrations.ts";
import { addVersion, liveVersions, setUnpublished } from "../store.ts";
import { amount, createQuotas, type Quotas, type QuotasDeps } from "./quotas.ts";
import { readUsage } from "./store.ts";

const nameOf = (at: number): PackageName => parsePackageName(`@acme/p${at}`);
const all = (measure: QuotaRule["measure"], most: number): QuotaRule => ({ organisation: undefined, measure, most });

/** Packages `@acme/p<n>`, each version of ten bytes. */
const deps = {
  names: {
    organisationOf: (name) => (name.startsWith("@acme/") ? "acme" : undefined),
    listed: async () => [1, 2, 3, 4].map(nameOf),
  },
  checksums: {
    bindsOf: async () => new Map(["1.0.0", "1.1.0"].map((version) => [version as Version, { sizeBytes: 10 } as never])),
  },
} satisfies QuotasDeps;

async function add(transaction: Transaction, name: PackageName, version = "1.0.0"): Promise<void> {
  const said = { manifest: "{}", integrity: "", content: "", readme: null, deprecated: null, digest: null };
  const row = { ...said, name, version, published_by: "person:ada", published_at_ms: 1, unpublished_at_ms: null };
  assert.ok(await addVersion(transaction, row));
}

/** What a publish writes, and counts. */
async function publish(database: Database, quotas: Quotas, name: PackageName, version = "1.0.0"): Promise<void> {
  await database.write(async (transaction) => {
    await add(transaction, name, version);
    const packages = Number((await liveVersions(transaction, name)).length === 1);
    await quotas.count(transaction, name, { packages, versions: 1, sizeBytes: 10 });
  });
}

async function unpublish(database: Database, quotas: Quotas, name: PackageName): Promise<void> {
  await database.write(async (transaction) => {
    await setUnpublished(transaction, name, "1.0.0" as Version, 2);
    await quotas.count(transaction, name, { packages: -1, versions: -1, sizeBytes: -10 });
  });
}

const over = (pattern: RegExp) => (error: unknown) => isAssayError(error, "FORBIDDEN") && pattern.test(error.message);

test("the rule of an organisation counts before the one of all, each measure by itself", () => {
  const { of } = createQuotas(deps, [
    all("packages", 5),
    { ...all("packages", 9), organisation: "acme" },
    all("versions", 7),
  ]);
  assert.deepEqual(of("acme"), { packages: 9, versions: 7 });
  assert.deepEqual(of("other"), { packages: 5, versions: 7 });
  assert.deepEqual(createQuotas(deps, []).of("acme"), {});
});

test("amounts are said as people read them", () => {
  assert.equal(amount("packages", 1), "1 package");
  assert.equal(amount("versions", 0), "0 versions");
  assert.deepEqual(
    [0, 1023, 1024, 1536, 20 * 1024 ** 3].map((bytes) => amount("sizeBytes", bytes)),
    ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "20 GiB"],
  );
});

onEveryDatabase("quotas", (databases) => {
  test("what there was is counted, what does not fit says used and allowed, what was taken back leaves room", async () => {
    const database = await databases.fresh(publishingMigrations);
    await database.write((transaction) => add(transaction, nameOf(1)));
    const quotas = createQuotas(deps, [all("sizeBytes", 20)]);
    await publish(database, quotas, nameOf(2));
    assert.deepEqual(await readUsage(database.read, "acme"), { packages: 2, versions: 2, sizeBytes: 20 });
    const said = over(/acme has 20 bytes of at most 20 bytes \(publish\.quotas\), and this adds 10 bytes; .*ask/);
    await assert.rejects(quotas.requireRoom(database, nameOf(3), { versions: 1, sizeBytes: 10 }), said);
    await assert.rejects(publish(database, quotas, nameOf(3)), said);
    assert.deepEqual(await liveVersions(database.read, nameOf(3)), []);
    await unpublish(database, quotas, nameOf(1));
    await quotas.requireRoom(database, nameOf(3), { versions: 1, sizeBytes: 10 });
    await publish(database, quotas, nameOf(3));
    assert.deepEqual(await quotas.usage(database, "acme"), { packages: 2, versions: 2, sizeBytes: 20 });
  });

  test("a package that is too many is refused before its body, a further version of one is none", async () => {
    const database = await databases.fresh(publishingMigrations);
    const quotas = createQuotas(deps, [all("packages", 1)]);
    await publish(database, quotas, nameOf(1));
    const nothing = { versions: 0, sizeBytes: 0 };
    await assert.rejects(quotas.requireRoom(database, nameOf(2), nothing), over(/1 package of at most 1 package/));
    await quotas.requireRoom(database, nameOf(1), nothing);
    await publish(database, quotas, nameOf(1), "1.1.0");
    await quotas.requireRoom(database, parsePackageName("elsewhere"), nothing);
  });

  test("an organisation that was over its quota before is counted once, however often it tries", async () => {
    const database = await databases.fresh(publishingMigrations);
    for (const at of [1, 2]) await database.write((transaction) => add(transaction, nameOf(at)));
    let counts = 0;
    const listed = async () => {
      counts += 1;
      return [1, 2].map(nameOf);
    };
    const quotas = createQuotas({ ...deps, names: { ...deps.names, listed } }, [all("packages", 1)]);
    for (let tries = 0; tries < 3; tries += 1)
      await assert.rejects(
        quotas.requireRoom(database, nameOf(3), { versions: 1, sizeBytes: 10 }),
        over(/2 packages of at most 1 package/),
      );
    assert.equal(counts, 1);
  });

  test("of publishes at once no more come in than fit", async () => {
    const database = await databases.fresh(publishingMigrations);
    const quotas = createQuotas(deps, [all("sizeBytes", 20)]);
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((at) => publish(database, quotas, nameOf(at))));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 2);
    assert.deepEqual(await readUsage(database.read, "acme"), { packages: 2, versions: 2, sizeBytes: 20 });
  });

  test("who has no quota is counted when somebody asks, and holds up nobody before", async () => {
    const database = await databases.fresh(publishingMigrations);
    const quotas = createQuotas(deps, []);
    await publish(database, quotas, nameOf(1));
    assert.equal(await readUsage(database.read, "acme"), undefined);
    assert.deepEqual(await quotas.usage(database, "acme"), { packages: 1, versions: 1, sizeBytes: 10 });
    await publish(database, quotas, nameOf(2));
    assert.deepEqual(await readUsage(database.read, "acme"), { packages: 2, versions: 2, sizeBytes: 20 });
  });
});
