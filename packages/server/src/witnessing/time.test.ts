import assert from "node:assert/strict";
import { test } from "node:test";
import { cosignatureTime, formatAddCheckpoint, parseNote, type EpochMs } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { join } from "node:path";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { cosignerKey } from "../signing/signing.ts";
import { grow } from "./test-witness.ts";
import { createWitness, witnessMigrations } from "./witnessing.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

test("a clock that goes back takes no cosignature back in time, and a repeat is cosigned anew after a while", async (t) => {
  const folder = tempFolder(t);
  const random = createSeededRandom(3);
  const wall = createFakeClock(1_795_305_600_000);
  let nowMs = wall.now() as number;
  const clock = { ...wall, now: () => nowMs as EpochMs };
  await using database = await createSqliteDatabase({ path: join(folder, "db") });
  await runMigrations({ database, clock }, [witnessMigrations]);
  const key = await cosignerKey({ random }, { keyFolder: join(folder, "keys"), name: "w", kind: "ed25519" });
  const log = grow(await createTinyLog({}), 10);
  const witness = await createWitness(
    {
      database,
      clock,
      random,
      telemetry: { log: silent, metrics: createMetrics({ processMetrics: false }) },
      fetch,
      cosigners: [key],
    },
    { logs: [{ vkey: log.vkey, url: undefined }], perMinute: 60_000, evidenceFolder: join(folder, "evidence") },
  );
  const timeOf = async (oldSize: number, size: number): Promise<number | undefined> => {
    const proof = await log.consistency(oldSize, size);
    const body = formatAddCheckpoint({ oldSize, proof, checkpoint: await log.checkpoint(size) });
    const answer = await witness.addCheckpoint(new TextEncoder().encode(body));
    assert.equal(answer.status, 200);
    const note = (await log.checkpoint(size)) + (answer.status === 200 ? answer.lines : "");
    return cosignatureTime(parseNote(note).signatures[1]?.signature ?? new Uint8Array());
  };
  assert.equal(await timeOf(0, 3), 1_795_305_600);
  nowMs -= 3_600_000;
  assert.equal(await timeOf(3, 5), 1_795_305_600);
  nowMs += 3_605_000;
  assert.equal(await timeOf(5, 5), 1_795_305_600);
  nowMs += 5000;
  assert.equal(await timeOf(5, 5), 1_795_305_610);
  assert.equal(await timeOf(5, 9), 1_795_305_610);
});
