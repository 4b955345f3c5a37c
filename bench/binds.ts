/**
 * Binds per second: durable (claimed, COMMIT synced) and under a signed checkpoint (sequenced: tiles, guard and
 * signature durable), on SQLite and files in the system's temporary folder.
 *
 * Alone: `node bench/binds.ts [count]`.
 */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { integrityFromSha512, parsePackageName, parseVersion, toBase64 } from "@assay/core";
import type { BindFacts } from "../packages/server/src/checksums/checksums.ts";
import { openLog } from "./open-log.ts";

export interface BindsOptions {
  readonly count: number;
  /** Binds in one `database.write`: 1 as for a tarball, more as for an import. */
  readonly perWrite: number;
  /** Writes that wait for their commit at the same time. */
  readonly concurrentWrites: number;
}

export interface BindsResult {
  /** Binds whose commit was durable, a second, while the log was being sequenced. */
  readonly claimedPerSecond: number;
  /** Binds under a signed and published checkpoint, a second, from the first claim to the last checkpoint. */
  readonly sequencedPerSecond: number;
}

/** Claims `count` binds of a fresh log while it is sequenced, and waits until all are under a checkpoint. */
export async function measureBinds(options: BindsOptions): Promise<BindsResult> {
  const { count, perWrite, concurrentWrites } = options;
  const folder = await mkdtemp(join(tmpdir(), "assay-binds-"));
  try {
    await using log = await openLog(folder);
    const { checksums } = log;
    const { clock, database } = log.deps;
    const facts = Array.from({ length: count }, (_, i) => bindFacts(i));
    const stop = new AbortController();
    const running = checksums.run(stop.signal);
    const shard = checksums.logs.list()[0]?.shard ?? "";
    const started = clock.monotonicMs();

    let next = 0;
    const claimNext = async (): Promise<void> => {
      while (next < count) {
        const batch = facts.slice(next, (next += perWrite));
        await database.write((transaction) => Promise.all(batch.map((bind) => checksums.claimBind(transaction, bind))));
      }
    };
    await Promise.all(Array.from({ length: concurrentWrites }, claimNext));
    const claimedMs = clock.monotonicMs() - started;
    while (sizeOf(checksums.logs.checkpoint(shard)) < count) await clock.sleep(1);
    const sequencedMs = clock.monotonicMs() - started;
    stop.abort();
    await running;
    return {
      claimedPerSecond: Math.round((count / claimedMs) * 1000),
      sequencedPerSecond: Math.round((count / sequencedMs) * 1000),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sizeOf(note: string | undefined): number {
  return Number(note?.split("\n", 2)[1] ?? 0);
}

/** Ten versions a package: names and digests of realistic length. */
export function bindFacts(number: number): BindFacts {
  const digest = (algorithm: string) => createHash(algorithm).update(`bind ${number}`).digest();
  return {
    name: parsePackageName(`@scope/package-${Math.floor(number / 10)}`),
    version: parseVersion(`1.${number % 10}.0`),
    integrity: integrityFromSha512(digest("sha512")),
    tree: `t1-${toBase64(digest("sha256"))}`,
    manifest: `sha256-${toBase64(digest("sha256"))}`,
    sizeBytes: 10_000 + number,
    source: "npm",
    signer: "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
  };
}

/**
 * The figure of the budget: binds a second, durable and under a signed checkpoint, 16 in a write. Says the others too:
 * one bind in a write (as for a tarball) and durable claims alone.
 */
export async function measureBindsPerSecond(say: (line: string) => void, count = 40_000): Promise<number> {
  let perSecond = 0;
  for (const perWrite of [1, 16]) {
    const result = await measureBinds({ count, perWrite, concurrentWrites: 512 });
    const { claimedPerSecond, sequencedPerSecond } = result;
    say(`binds, ${perWrite} a write: ${claimedPerSecond}/s durable, ${sequencedPerSecond}/s under a signed checkpoint`);
    perSecond = sequencedPerSecond;
  }
  return perSecond;
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 40_000);
  await measureBindsPerSecond((line) => console.log(line), count);
}
