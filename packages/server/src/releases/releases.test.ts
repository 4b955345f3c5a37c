import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type EpochMs,
  type Integrity,
  integrityFromSha512,
  parsePackageName,
  parseVersion,
  type PackageName,
  type Version,
} from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import type { BindFacts, Checksums } from "../checksums/checksums.ts";
import { createClaims } from "../checksums/claims.ts";
import { checksumMigrations } from "../checksums/migrations.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import type { NewEvent } from "../platform/events/events.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { createRegistrySigning, signingMigrations, type RegistrySigning } from "../signing/signing.ts";
import { decide, refusalOf } from "./decide.ts";
import { createReleases, type Gate, type Releases, releaseMigrations, type SightedVersion } from "./releases.ts";

const hour = 3_600_000;
const now = 1_795_000_000_000 as EpochMs;
const name = parsePackageName("left");
const v = (text: string): Version => parseVersion(text);
const sri = (letter: string): Integrity => integrityFromSha512(Buffer.alloc(64, letter));
const sha256 = (letter: string): string => Buffer.alloc(32, letter).toString("base64");

interface Room extends AsyncDisposable {
  readonly database: Database;
  readonly releases: Releases;
  readonly events: NewEvent[];
  readonly checksums: Pick<
    Checksums,
    "bindsOf" | "claimBind" | "claimConflict" | "claimSeen" | "claimSighting" | "claimTag"
  >;
  readonly signing: RegistrySigning;
  /** Ends one poll of `run`. */
  tick(): void;
  bind(version: string, facts?: Partial<BindFacts>): Promise<void>;
  sight(
    versions: readonly (string | Partial<SightedVersion>)[],
    atMs?: number,
    source?: string,
  ): ReturnType<Releases["sight"]>;
  claims(): Promise<readonly { kind: string; version: string }[]>;
}

async function createRoom(): Promise<Room> {
  const folder = await mkdtemp(join(tmpdir(), "assay-releases-"));
  const database = await createSqliteDatabase({ path: join(folder, "test.db") });
  let wake: (() => void) | undefined;
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve;
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
  };
  await runMigrations({ database, clock }, [signingMigrations, checksumMigrations, releaseMigrations]);
  const events: NewEvent[] = [];
  const checksums = createClaims(
    {
      database,
      clock,
      events: { record: async (_, event) => void events.push(event) },
      wake: () => {},
      onConflict: () => {},
    },
    "npm",
  );
  const telemetry = {
    log: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: createMetrics({ processMetrics: false }),
  };
  const signing = await createRegistrySigning(
    { database, clock, random: createSeededRandom(), telemetry, announce: async () => {} },
    { keyFolder: join(folder, "keys") },
  );
  const releases = createReleases(
    {
      database,
      checksums,
      signing,
      events: { record: async (_, event) => void events.push(event) },
      clock,
      telemetry,
    },
    { refuseWithinHours: 72 },
  );
  return {
    database,
    releases,
    events,
    checksums,
    signing,
    tick: () => wake?.(),
    async bind(version, facts = {}) {
      await database.write(async (transaction) => {
        const whole = {
          name,
          version: v(version),
          integrity: sri("A"),
          tree: `t1-${sha256("A")}`,
          manifest: `sha256-${sha256("A")}`,
          sizeBytes: 10,
          source: "npm",
          signer: "-",
          ...facts,
        };
        await checksums.claimBind(transaction, whole);
        await releases.raise(transaction, name);
      });
    },
    sight(versions, atMs = now, source = "npm") {
      const whole = versions.map((one) => ({
        publishedMs: undefined,
        integrity: undefined,
        manifest: undefined,
        ...(typeof one === "string" ? { version: v(one) } : { version: v("1.0.0"), ...one }),
      }));
      return database.write((transaction) =>
        releases.sight(transaction, { name, source, atMs: atMs as EpochMs, versions: whole }),
      );
    },
    async claims() {
      const rows = await database.read
        .withTables<{ log_claims: { id: number; kind: string; version: string } }>()
        .selectFrom("log_claims")
        .select(["kind", "version"])
        .orderBy("id")
        .execute();
      return rows.filter((row) => row.kind !== "bind");
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const verdict = async (gate: Promise<Gate> | Gate): Promise<string> => {
  const answer = await gate;
  return answer.verdict === "refuse" ? answer.rule : answer.verdict;
};

describe("the decision", () => {
  const bind = {
    name,
    version: v("1.0.0"),
    integrity: sri("A"),
    sizeBytes: 1,
    manifest: "sha256-x",
    signature: undefined,
  };
  const table = [
    ["bound and never refused", bind, undefined, "serve"],
    ["never bound", undefined, undefined, "unbound"],
    ["bound and refused", bind, { rule: "r", reason: "x" }, "refuse"],
    ["never bound and refused", undefined, { rule: "r", reason: "x" }, "refuse"],
  ] as const;
  for (const [what, bound, refusal, expected] of table) {
    test(`${what}: ${expected}`, () => assert.equal(decide(bound, refusal).verdict, expected));
  }

  const times = [
    ["still listed", 0, undefined, undefined, false],
    ["removed at once", 0, 0, undefined, true],
    ["removed at the limit", 0, 72 * hour, undefined, true],
    ["removed after the limit", 0, 72 * hour + 1, undefined, false],
    ["removed early and freed", 0, hour, 2 * hour, false],
    ["removed before it was seen, by a wrong clock", hour, 0, undefined, true],
  ] as const;
  for (const [what, firstSeenMs, goneAtMs, freedAtMs, refused] of times) {
    test(`${what}: ${refused ? "refused" : "not refused"}`, () => {
      assert.equal(
        refusalOf({ firstSeenMs, goneAtMs, freedAtMs }, 72 * hour)?.rule,
        refused ? "upstream/removed-early" : undefined,
      );
    });
  }
});

describe("first-seen times", () => {
  test("are the upstream's at first contact where they are plausible, else now", async () => {
    await using room = await createRoom();
    const outcome = await room.sight([
      { version: v("1.0.0"), publishedMs: 1000 as EpochMs },
      { version: v("1.0.1"), publishedMs: (now + 1) as EpochMs },
      { version: v("1.0.2"), publishedMs: -5 as EpochMs },
      "1.0.3",
    ]);
    assert.equal(outcome.firstContact, true);
    assert.equal(outcome.appeared.length, 4);
    const { firstSeenMs } = await room.releases.packageState(name);
    assert.deepEqual([...firstSeenMs.values()], [1000, now, now, now]);
  });

  test("are now for a version that appears later, whatever the upstream says, and never change", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0"], now);
    const second = await room.sight(["1.0.0", { version: v("1.1.0"), publishedMs: 5 as EpochMs }], now + 1000);
    assert.deepEqual(second.appeared, ["1.1.0"]);
    assert.equal(second.firstContact, false);
    await room.sight(["1.0.0", "1.1.0"], now + 5000);
    const { firstSeenMs } = await room.releases.packageState(name);
    assert.equal(firstSeenMs.get(v("1.1.0")), now + 1000);
  });

  test("of 5,000 versions are taken in one call, and a second sighting writes nothing", async () => {
    await using room = await createRoom();
    const versions = Array.from({ length: 5000 }, (_, index) => `1.0.${index}`);
    assert.equal((await room.sight(versions)).appeared.length, 5000);
    const { generation } = await room.releases.packageState(name);
    assert.equal((await room.sight(versions)).appeared.length, 0);
    assert.equal((await room.releases.packageState(name)).generation, generation);
  });
});

describe("a version that its source removes", () => {
  test("soon after first sight is refused until it is freed; other versions are served", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0", "1.1.0"], now);
    await room.bind("1.0.0");
    await room.bind("1.1.0");
    assert.deepEqual((await room.sight(["1.0.0"], now + hour)).gone, ["1.1.0"]);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve");
    assert.equal(await verdict(room.releases.gate(name, v("1.1.0"))), "upstream/removed-early");
    assert.deepEqual([...(await room.releases.packageState(name)).refused.keys()], ["1.1.0"]);
    assert.equal((await room.releases.packageState(name)).changedAtMs, now + hour);

    assert.equal(await room.releases.free(name, v("1.0.0")), false);
    assert.equal(await room.releases.free(name, v("1.1.0")), true);
    assert.equal(await room.releases.free(name, v("1.1.0")), false);
    assert.equal(await verdict(room.releases.gate(name, v("1.1.0"))), "serve");
    assert.deepEqual(
      room.events.map((event) => event.kind),
      ["version.gone", "version.freed"],
    );
  });

  test("with hundreds of others is an event each where it is bound, and a hundred events where they are not", async () => {
    await using room = await createRoom();
    const versions = Array.from({ length: 300 }, (_, i) => `1.0.${i}`);
    await room.sight(versions);
    await room.bind("1.0.299");
    const outcome = await room.sight([], now + hour);
    assert.equal(outcome.gone.length, 300);
    const subjects = room.events.filter(({ kind }) => kind === "version.gone").map(({ subject }) => subject);
    assert.equal(subjects.length, 101);
    assert.ok(subjects.includes("npm left@1.0.299"));
    assert.equal((await room.releases.gate(name, v("1.0.298"))).verdict, "refuse");
  });

  test("long after first sight is still served", async () => {
    await using room = await createRoom();
    await room.sight([{ version: v("1.0.0"), publishedMs: (now - 100 * hour) as EpochMs }], now);
    await room.bind("1.0.0");
    await room.sight([], now + 1000);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve");
  });

  test("and lists again is not refused any more, and both stand in the log once", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0", "2.0.0"], now);
    await room.bind("1.0.0");
    await room.sight([], now + 1000);
    await room.sight([], now + 2000);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "upstream/removed-early");
    assert.deepEqual((await room.sight(["1.0.0"], now + 3000)).back, ["1.0.0"]);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve");
    // 2.0.0 was never bound: its coming and going is an event, not a record.
    assert.deepEqual(await room.claims(), [
      { kind: "gone", version: "1.0.0" },
      { kind: "back", version: "1.0.0" },
    ]);
    assert.equal(room.events.filter((event) => event.kind === "version.gone").length, 2);
  });
});

describe("a bound version whose listing differs", () => {
  test("is a conflict once for each source, for integrity and for manifest", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0", "1.1.0"], now);
    await room.bind("1.0.0");
    await room.bind("1.1.0");
    const lie = [
      { version: v("1.0.0"), integrity: sri("B") },
      { version: v("1.1.0"), manifest: `sha256-${sha256("B")}` },
    ];
    for (const source of ["npm", "npm", "mirror"]) {
      assert.deepEqual((await room.sight(lie, now + 1, source)).conflicting, ["1.0.0", "1.1.0"]);
    }
    assert.equal((await room.claims()).filter((claim) => claim.kind === "conflict").length, 4);
    assert.equal(room.events.filter((event) => event.kind === "upstream.conflict").length, 4);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve");
  });

  test("is none when the listing agrees or has no sha512", async () => {
    await using room = await createRoom();
    await room.bind("1.0.0");
    const agrees = { version: v("1.0.0"), integrity: sri("A"), manifest: `sha256-${sha256("A")}` };
    assert.deepEqual((await room.sight([agrees])).conflicting, []);
    assert.deepEqual((await room.sight(["1.0.0"])).conflicting, []);
  });

  test("in hundreds of versions is recorded a hundred at a time", async () => {
    await using room = await createRoom();
    const versions = Array.from({ length: 150 }, (_, index) => v(`1.0.${index}`));
    for (const version of versions) await room.bind(version);
    const lie = versions.map((version) => ({ version, integrity: sri("B") }));
    await room.sight(lie);
    assert.equal((await room.claims()).length, 100);
    await room.sight(lie);
    assert.equal((await room.claims()).length, 150);
  });
});

describe("the state in memory", () => {
  test("answers synchronously when it is warm, and follows a bind", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0"]);
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "unbound");
    const warm = room.releases.gate(name, v("1.0.0"));
    assert.ok(!(warm instanceof Promise));
    await room.bind("1.0.0");
    const after = await room.releases.gate(name, v("1.0.0"));
    assert.ok(after.verdict === "serve");
    assert.equal(after.release.integrity, sri("A"));
  });

  test("is not what a load read before a change that came while it ran", async () => {
    await using room = await createRoom();
    const early = room.releases.packageState(name);
    room.releases.changed(name);
    const late = room.releases.packageState(name);
    assert.notEqual(early, late);
    const [overtaken, kept] = await Promise.all([early, late]);
    assert.notEqual(room.releases.packageState(name), overtaken);
    assert.equal(room.releases.packageState(name), kept);
  });

  test("is unknown names too, without a row", async () => {
    await using room = await createRoom();
    const state = await room.releases.packageState(parsePackageName("never"));
    assert.deepEqual(
      { ...state, binds: state.binds.size, firstSeenMs: state.firstSeenMs.size },
      {
        generation: 0,
        changedAtMs: 0,
        binds: 0,
        refused: new Map(),
        firstSeenMs: 0,
        examined: undefined,
      },
    );
  });

  test("is dropped when another process changed the package", async () => {
    await using room = await createRoom();
    await room.sight(["1.0.0"]);
    await room.bind("1.0.0");
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve");
    const other = createReleases(
      {
        ...room,
        events: { record: async () => {} },
        clock: { now: () => now, monotonicMs: () => 0, sleep: async () => {} },
        telemetry: {
          log: { debug() {}, info() {}, warn() {}, error() {} },
          metrics: createMetrics({ processMetrics: false }),
        },
      },
      { refuseWithinHours: 72 },
    );
    await room.database.write((transaction) =>
      other.sight(transaction, { name, source: "npm", atMs: (now + 1) as EpochMs, versions: [] }),
    );
    assert.equal(await verdict(room.releases.gate(name, v("1.0.0"))), "serve", "nothing told it yet");

    const stop = new AbortController();
    const running = room.releases.run(stop.signal);
    while ((await verdict(room.releases.gate(name, v("1.0.0")))) === "serve") {
      room.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    await running;
  });
});

test("generations rise over all packages", async () => {
  await using room = await createRoom();
  const others: PackageName[] = ["a", "b", "c"].map(parsePackageName);
  for (const one of others) await room.database.write((transaction) => room.releases.raise(transaction, one));
  const generations = await Promise.all(others.map(async (one) => (await room.releases.packageState(one)).generation));
  assert.deepEqual(generations, [1, 2, 3]);
});
