import assert from "node:assert/strict";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { epochMs, integrityHex } from "@assay/core";
import { bindFacts, createTestLog, logMigrations } from "./checksums/test-log.ts";
import { noLogWitnesses } from "./checksums/witnesses/witnesses.ts";
import type { Config, UpstreamConfig } from "./config/config.ts";
import { runDoctor, type DoctorDependencies, type DoctorFinding } from "./doctor.ts";
import { runMigrations } from "./platform/database/migrate.ts";
import { createSqliteDatabase } from "./platform/database/sqlite.ts";
import { createUpstreamClient, noCredentials } from "./platform/network/client.ts";
import { systemResolve } from "./platform/network/dispatchers.ts";
import { directSettings } from "./platform/network/settings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { sweepMigrations } from "./sweep/sweep.ts";

interface Installation {
  readonly folder: string;
  readonly server: Server;
  /** Changes what the doctor is given. */
  readonly run: (changes?: Changes) => Promise<readonly DoctorFinding[]>;
}

interface Changes {
  readonly deps?: Partial<DoctorDependencies>;
  readonly guardFolder?: string;
  readonly dataFolder?: string;
}

const bound = 5;

/** A data folder with five bound releases and an upstream that answers. */
async function install(context: TestContext): Promise<Installation> {
  const folder = tempFolder(context);
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder, { mode: 0o700 });
  const random = createSystemRandom();
  const clock = createSystemClock();
  const path = join(dataFolder, "assay.db");
  const database = await createSqliteDatabase({ path });
  context.after(() => database[Symbol.asyncDispose]());
  await runMigrations({ database, clock }, [...logMigrations, sweepMigrations]);
  const config = { guardFolder: join(folder, "guard") };
  const log = await createTestLog({ database, folder: dataFolder, config });
  await log.claim(0, bound);
  await log.settle();
  for (let i = 0; i < bound; i += 1) await putBlobs(dataFolder, i);

  const server = createServer((_request, response) => response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const own = upstreamConfig({ url: `http://127.0.0.1:${port}` });
  const upstream = createUpstreamClient(
    { clock, random, settings: directSettings, resolve: systemResolve },
    own,
    noCredentials,
  );
  context.after(async () => {
    await upstream[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  return {
    folder,
    server,
    async run(changes = {}) {
      const deps: DoctorDependencies = {
        clock,
        clients: new Map([[own.name, upstream]]),
        withCredentials: new Set(),
        witnesses: noLogWitnesses,
        versions: { node: "26.10.0", sqlite: "3.54.0" },
        async openStores() {
          const opened = await createSqliteDatabase({ path });
          const { blobs, deps: parts } = await createTestLog({ database: opened, folder: dataFolder });
          const { telemetry } = parts;
          const dispose = { [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
          return { database: opened, blobs, random, telemetry, ...dispose };
        },
        ...changes.deps,
      };
      const findings: DoctorFinding[] = [];
      const checked = {
        dataFolder: changes.dataFolder ?? dataFolder,
        database: { engine: "sqlite" },
        upstreams: [own] as readonly UpstreamConfig[],
        sweep: { everyMinutes: 8, bytesPerSecond: 1, requestsPerSecond: 1, sampleBytesPerSecond: 1 },
        log: { guardFolder: changes.guardFolder ?? join(folder, "guard") },
        publish: { quotas: [] as Config["publish"]["quotas"] },
      } as Config;
      for await (const finding of runDoctor(deps, checked)) findings.push(finding);
      return findings;
    },
  };
}

/** The blobs that a bind of `bindFacts` stands for, with bytes of the right length and, but for length 0, a wrong digest. */
async function putBlobs(dataFolder: string, number: number): Promise<void> {
  const facts = bindFacts(number);
  const tarball = integrityHex(facts.integrity);
  const manifest = Buffer.from(facts.manifest.slice("sha256-".length), "base64").toString("hex");
  for (const [kind, hex, bytes] of [
    ["tarball", tarball, "x".repeat(facts.sizeBytes)],
    ["manifest", manifest, "{}"],
  ] as const) {
    const place = join(dataFolder, "blobs", kind, hex.slice(0, 2));
    await mkdir(place, { recursive: true });
    await writeFile(join(place, hex), bytes);
  }
}

function outcomes(findings: readonly DoctorFinding[], check: string): readonly string[] {
  return findings.filter((each) => each.check === check).map(({ outcome }) => outcome);
}

test("a sound installation passes every check but that of made-up blobs", async (context) => {
  const { run } = await install(context);
  const findings = await run();
  for (const check of ["node", "sqlite", "upstream", "clock", "disk", "permissions", "guard", "log"])
    assert.deepEqual(outcomes(findings, check), ["ok"], JSON.stringify(findings));
  for (const { message, advice, outcome } of findings) {
    assert.match(message, /[.]$/);
    assert.equal(advice === undefined, outcome === "ok");
  }
});

test("finds blobs with another digest, of another length, and missing ones", async (context) => {
  const { run, folder } = await install(context);
  const pathOf = (number: number): string => {
    const hex = integrityHex(bindFacts(number).integrity);
    return join(folder, "data", "blobs", "tarball", hex.slice(0, 2), hex);
  };
  await rm(pathOf(3));
  await writeFile(pathOf(4), "longer than bound");
  const messages = (await run()).filter(({ check }) => check === "blobs").map((each) => each.message);
  assert.equal(messages.length, bound);
  assert.equal(messages.filter((each) => each.includes("does not have the bound digest")).length, 3);
  assert.equal(messages.filter((each) => each.includes("its tarball is not stored")).length, 1);
  assert.equal(messages.filter((each) => each.includes("17 bytes, bound are 4")).length, 1);
});

test("finds an upstream that does not answer, and goes on", async (context) => {
  const { run, server } = await install(context);
  await new Promise((resolve) => server.close(resolve));
  const findings = await run();
  assert.deepEqual(outcomes(findings, "upstream"), ["error"]);
  assert.deepEqual(outcomes(findings, "clock"), []);
  assert.deepEqual(outcomes(findings, "log"), ["ok"]);
});

test("finds a clock that is off by a minute, and calls ten minutes an error", async (context) => {
  const { run } = await install(context);
  for (const [skewMs, outcome] of [
    [60_000, "warning"],
    [-600_000, "error"],
  ] as const) {
    const clock = createFakeClock();
    const skewed = { ...clock, now: () => epochMs(Date.now() + skewMs), monotonicMs: () => 0 };
    assert.deepEqual(outcomes(await run({ deps: { clock: skewed } }), "clock"), [outcome]);
  }
});

test("finds a Node.js and an SQLite that are too old", async (context) => {
  const { run } = await install(context);
  for (const [node, outcome] of [
    ["24.14.9", "error"],
    ["24.15.0", "ok"],
    ["25.9.0", "error"],
    ["27.0.0", "ok"],
  ] as const) {
    const findings = await run({ deps: { versions: { node, sqlite: "3.53.4" } } });
    assert.deepEqual(outcomes(findings, "node"), [outcome]);
    assert.deepEqual(outcomes(findings, "sqlite"), ["warning"]);
  }
});

test("finds keys and folders that are open to others", async (context) => {
  const { run, folder } = await install(context);
  const data = join(folder, "data");
  await writeFile(join(data, "keys", "copied.key"), "", { mode: 0o644 });
  await chmod(data, 0o777);
  const found = (await run()).filter(({ check }) => check === "permissions");
  assert.deepEqual(
    found.map(({ outcome }) => outcome),
    ["error", "error"],
  );
  assert.match(found[1]?.message ?? "", /keys\/copied\.key is open to group or others \(mode 644\)/);
});

test("finds a guard inside the data folder, and one that is gone", async (context) => {
  const { run, folder } = await install(context);
  const inside = await run({ guardFolder: join(folder, "data", "guard") });
  assert.deepEqual(outcomes(inside, "guard"), ["error"]);
  await rename(join(folder, "guard"), join(folder, "elsewhere"));
  const gone = await run();
  assert.deepEqual(outcomes(gone, "guard"), ["warning"]);
  assert.deepEqual(outcomes(gone, "log"), ["warning"]);
});

test("finds a database that was put back to an earlier state", async (context) => {
  const { run, folder } = await install(context);
  const database = await createSqliteDatabase({ path: join(folder, "data", "assay.db") });
  const log = await createTestLog({
    database,
    folder: join(folder, "data"),
    config: { guardFolder: join(folder, "guard") },
  });
  const [shard] = (await log.open()).logs.list();
  assert.ok(shard);
  const ahead = { size: 99, root: new Uint8Array(32) };
  await log.guardFile.raise(shard.origin, ahead);
  await database[Symbol.asyncDispose]();
  assert.ok(outcomes(await run(), "log").includes("error"));
});

test("stops where there is no data folder, or nothing in it, and makes neither", async (context) => {
  const { run, folder } = await install(context);
  const none = await run({ dataFolder: join(folder, "none") });
  assert.deepEqual(outcomes(none, "data"), ["warning"]);
  assert.equal(none.at(-1)?.check, "data");
  const empty = await run({ deps: { openStores: async () => undefined } });
  assert.deepEqual(outcomes(empty, "log"), ["warning"]);
});

test("a database that cannot be opened is a finding", async (context) => {
  const { run } = await install(context);
  const openStores = async (): Promise<never> => {
    throw new Error("it is locked");
  };
  const findings = await run({ deps: { openStores } });
  assert.deepEqual(outcomes(findings, "database"), ["error"]);
  assert.match(findings.at(-1)?.message ?? "", /it is locked/);
});
