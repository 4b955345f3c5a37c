/**
 * Permission decisions over the real rooms on SQLite: the same question again (cached), and each question for the first
 * time (cold: facts from the database, policies by the engine).
 *
 * `node bench/decisions.ts [cold questions] [rounds]`
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parsePackageName } from "@assay/core";
import { createSqliteDatabase } from "@assay/server/platform/database/sqlite";
import { runMigrations } from "@assay/server/platform/database/migrate";
import { createSystemClock } from "@assay/server/platform/system-clock";
import { identityTestMigrations } from "../packages/server/src/identity/test-identity.ts";
import { openTestHosting } from "../packages/server/src/test-hosting.ts";
import { figure, median } from "./numbers.ts";

const [count = 3000, rounds = 5] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(path.join(tmpdir(), "assay-bench-"));
try {
  await using database = await createSqliteDatabase({ path: path.join(folder, "assay.db") });
  await runMigrations({ database, clock: createSystemClock() }, identityTestMigrations);
  const { hosting, identity, tokenOf } = await openTestHosting(database);
  const { permissions } = hosting;
  const credentials = {
    bearer: await tokenOf("dora"),
    basic: undefined,
    session: undefined,
    otp: undefined,
    address: "127.0.0.1",
  };
  const principal = await identity.authenticate(credentials);
  const known = { kind: "package", name: parsePackageName("@acme/hidden") } as const;
  // The engine is loaded by the first question.
  await permissions.decide(principal, "read", known);
  const figures = { cached: [] as number[], cold: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    figures.cached.push(await perQuestion(count * 20, () => permissions.decide(principal, "read", known)));
    figures.cold.push(
      await perQuestion(count, (at) =>
        permissions.decide(principal, "tag", { kind: "package", name: parsePackageName(`@acme/p${round}-${at}`) }),
      ),
    );
  }
  // What a request asks besides: who it is.
  const authenticating = await perQuestion(count, () => identity.authenticate(credentials));
  for (const [name, all] of Object.entries(figures)) {
    const micros = median(all);
    process.stdout.write(`${name.padEnd(8)} ${figure(micros)} µs each, ${figure(1e6 / micros)} per second\n`);
  }
  process.stdout.write(`who a token's request is: ${figure(authenticating)} µs\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Microseconds for each, one after another. */
async function perQuestion(times: number, ask: (at: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  for (let at = 0; at < times; at += 1) await ask(at);
  return ((performance.now() - started) * 1000) / times;
}
